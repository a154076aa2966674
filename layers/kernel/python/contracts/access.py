"""Access: the default roles and what each may do. A permission is `<area>:<verb>`."""

from __future__ import annotations

from enum import StrEnum

AREAS = (
    "audit",
    "findings",
    "members",
    "modules",
    "notifications",
    "organizations",
    "reports",
    "scans",
    "schedules",
    "targets",
    "webhooks",
)
READ = tuple(f"{area}:read" for area in AREAS if area not in ("audit", "members"))


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
    """What the roles allow together; an unknown role allows nothing."""
    return frozenset(permission for role in roles for permission in ROLE_PERMISSIONS.get(role, ()))
