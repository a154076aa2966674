"""People, as they log in."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from contracts.access import permissions_of
from kernel.actor import Actor
from kernel.records import Record, Resource


class Identity(Record, pk="PLATFORM#IDENTITIES#{user_id}", sk="IDENTITY", platform=True):
    """Which organisation a person acts in, and in which roles; read when a token is made, before a tenant is known."""

    user_id: str
    email: str
    roles: tuple[str, ...]

    def claims(self) -> dict[str, Any]:
        """What the person's tokens say."""
        return {
            "organization_id": self.tenant_id,
            "user_id": self.user_id,
            "email": self.email,
            "roles": list(self.roles),
            "permissions": sorted(permissions_of(self.roles)),
        }


class User(Record, pk="TENANT#{tenant_id}#USERS", sk="USER#{user_id}"):
    """A person in an organisation."""

    location: ClassVar[str | None] = "/users/{user_id}"

    user_id: str
    email: str
    name: str
    roles: tuple[str, ...]
    created_at: str


class Me(Resource):
    """The caller, as the token says."""

    user_id: str
    organization_id: str
    email: str | None
    name: str
    roles: tuple[str, ...]
    permissions: list[str]


class Tokens(Resource):
    """A session: the access token goes into `Authorization: Bearer`."""

    access_token: str
    refresh_token: str | None = Field(default=None, description="Absent after a refresh that does not rotate it.")
    token_type: str = "Bearer"  # noqa: S105 - a scheme's name
    expires_in: int = Field(description="Seconds until the access token ends.")


def actor_of(claims: dict[str, Any]) -> Actor:
    """The actor that a verified access token speaks of. Raises KeyError or ValueError when claims are missing."""
    return Actor(
        tenant_id=claims["organization_id"],
        user_id=claims["user_id"],
        email=claims.get("email"),
        roles=tuple(claims["roles"]),
        permissions=frozenset(claims["permissions"]),
    )
