"""People, as they log in and as their organisations know them."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from contracts.access import ROLE_PERMISSIONS, Role
from kernel.actor import Actor
from kernel.records import Record, Resource

MAX_ORGANIZATIONS = 50
ADMINISTRATOR = Role.ORGANIZATION_ADMIN.value


class Person(Record, pk="PLATFORM#PEOPLE#{user_id}", sk="PERSON", platform=True):
    """Where to look for a person: the organisations, and the one last worked in. It is read when a token is made,
    before a tenant is known, and gives nothing by itself: what counts is the organisation's own `User`."""

    user_id: str
    email: str
    organizations: tuple[str, ...]
    last: str = Field(description="The organisation that a new session begins in.")


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


def actor_of(claims: dict[str, Any]) -> Actor:
    """The actor that a verified access token speaks of. Raises KeyError or ValueError when claims are missing."""
    return Actor(
        tenant_id=claims["organization_id"],
        user_id=claims["user_id"],
        email=claims.get("email"),
        roles=tuple(claims["roles"]),
        permissions=frozenset(claims["permissions"]),
        session_id=claims.get("origin_jti"),
    )


def custom_roles(roles: tuple[str, ...]) -> tuple[str, ...]:
    """Those that an organisation has made itself."""
    return tuple(role for role in roles if role not in ROLE_PERMISSIONS)
