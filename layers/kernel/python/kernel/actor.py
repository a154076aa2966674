"""Who acts: the tenant and the person or part of the system behind a request, an event or a task."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, field_validator

from kernel.errors import Forbidden
from kernel.ids import is_tenant_id

SYSTEM_USER = "system"


class Rate(BaseModel):
    """How many requests the plan (or a key) allows: `per_second` on average, `burst` at once, and `monthly` in a
    calendar month (0: no limit)."""

    model_config = ConfigDict(frozen=True)

    per_second: float
    burst: int
    monthly: int = 0


class Actor(BaseModel):
    """The verified caller. It is made from a checked token, an event of ours or a task of ours, never from a body."""

    model_config = ConfigDict(frozen=True)

    tenant_id: str
    user_id: str = SYSTEM_USER
    email: str | None = None
    roles: tuple[str, ...] = ()
    permissions: frozenset[str] = frozenset()
    address: str | None = None
    request_id: str | None = None
    session_id: str | None = None
    key_id: str | None = None
    """The API key that the caller showed instead of a session."""
    provider_id: str | None = None
    """The provider's organisation, when one of its people works in a customer's by delegation."""
    teams: frozenset[str] = frozenset()
    rate: Rate | None = None
    """The plan's; all of the tenant's requests share it."""
    key_rate: Rate | None = None
    """The API key's own, within the plan's."""

    @field_validator("tenant_id")
    @classmethod
    def _tenant_has_its_form(cls, value: str) -> str:
        if not is_tenant_id(value):
            raise ValueError("not a tenant id")
        return value

    @classmethod
    def system(cls, tenant_id: str, request_id: str | None = None) -> Actor:
        """The platform itself, working for one tenant."""
        return cls(tenant_id=tenant_id, request_id=request_id)

    def may(self, permission: str) -> bool:
        """Whether the actor holds a permission such as `scans:create`; `scans:*` and `*` cover it."""
        area = permission.partition(":")[0]
        return not self.permissions.isdisjoint({permission, f"{area}:*", "*"})

    def sees(self, team_id: str | None) -> bool:
        """Whether what carries a team is shown to the actor: to the team's people, to those who hold `teams:*`, and to
        the platform itself. What carries none is shown to everybody. What is not shown is as if it were not there."""
        return team_id is None or team_id in self.teams or self.sees_every_team

    @property
    def sees_every_team(self) -> bool:
        """Whether no team hides anything from the actor."""
        return self.user_id == SYSTEM_USER or self.may("teams:*")

    def require(self, permission: str) -> None:
        """Raises Forbidden unless the actor holds the permission."""
        if not self.may(permission):
            raise Forbidden(f"This needs the permission {permission}.")
