"""Access: the permissions there are, the default roles and what each may do. A permission is `<area>:<verb>`."""

from __future__ import annotations

from enum import StrEnum

from kernel.events import Category, Event
from kernel.records import Record

AREAS = (
    "api_keys",
    "audit",
    "delegations",
    "findings",
    "members",
    "modules",
    "notifications",
    "organizations",
    "policies",
    "privacy",
    "reports",
    "roles",
    "scans",
    "schedules",
    "sso",
    "targets",
    "teams",
    "webhooks",
)
RESERVED = frozenset({"api_keys", "audit", "delegations", "members", "policies", "privacy", "sso"})
"""Areas that only those who administer or audit an organisation may look at."""
READ = tuple(f"{area}:read" for area in AREAS if area not in RESERVED)


class Role(StrEnum):
    """The roles that every organisation has."""

    SUPER_ADMIN = "super_admin"
    ORGANIZATION_ADMIN = "organization_admin"
    ORGANIZATION_MEMBER = "organization_member"
    ANALYST = "analyst"
    VIEWER = "viewer"


ROLE_PERMISSIONS: dict[str, tuple[str, ...]] = {
    Role.SUPER_ADMIN: ("*",),
    Role.ORGANIZATION_ADMIN: tuple(f"{area}:*" for area in AREAS),
    Role.ANALYST: (*READ, "audit:read", "scans:*", "schedules:*", "findings:*", "reports:*", "targets:create"),
    Role.ORGANIZATION_MEMBER: (*READ, "scans:create", "scans:control", "findings:update", "reports:create"),
    Role.VIEWER: READ,
}


def permissions_of(roles: tuple[str, ...]) -> frozenset[str]:
    """What default roles allow together; an unknown role allows nothing."""
    return frozenset(permission for role in roles for permission in ROLE_PERMISSIONS.get(role, ()))


class CustomRole(Record, pk="TENANT#{tenant_id}#ROLES", sk="ROLE#{role_id}"):
    """A role that an organisation has made for itself: what identity reads of it when it makes a token."""

    role_id: str
    permissions: tuple[str, ...]


class PolicySet(Record, pk="PLATFORM#TENANTS#{tenant_id}", sk="POLICIES", platform=True):
    """An organisation's Cedar policies as the authorizer evaluates them; absent where there are none."""

    source: str


class RoleChanged(Event, context="access", category=Category.SECURITY):
    """What a custom role allows was changed; `permissions` is empty when the role is gone."""

    role_id: str
    name: str
    permissions: list[str]
    before: list[str]
