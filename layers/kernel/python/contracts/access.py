"""Access: the permissions there are, the default roles and what each may do. A permission is `<area>:<verb>`."""

from __future__ import annotations

from collections.abc import Collection
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
    "scim",
    "sso",
    "targets",
    "teams",
    "webhooks",
)
RESERVED = frozenset({"api_keys", "audit", "delegations", "members", "policies", "privacy", "scim", "sso"})
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


def covers(held: Collection[str], permission: str) -> bool:
    """Whether held permissions allow one; `scans:*` and `*` cover it, and nothing less covers a `scans:*`."""
    area = permission.partition(":")[0]
    return any(each in held for each in (permission, f"{area}:*", "*"))


def narrowed(wanted: Collection[str], held: Collection[str]) -> frozenset[str]:
    """What is left of wanted permissions when no more than the held ones are given: `scans:*` shrinks to those of
    the area that are held."""
    kept = {permission for permission in wanted if covers(held, permission)}
    for permission in wanted:
        if permission not in kept:
            kept |= {each for each in held if covers((permission,), each)}
    return frozenset(kept)


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


class TeamBrief(Record, pk="TENANT#{tenant_id}#TEAMS", sk="TEAM#{team_id}"):
    """That there is a team: what those read who let a resource carry one."""

    team_id: str
    name: str


class TeamMembership(
    Record,
    pk="TENANT#{tenant_id}#TEAMS",
    sk="MEMBER#{user_id}#{team_id}",
    gsi1=("TENANT#{tenant_id}#TEAMS#{team_id}", "MEMBER#{user_id}"),
):
    """That a person is in a team. One query with `user_id` gives all teams of a person: what a token says of them."""

    user_id: str
    team_id: str
    added_by: str
    added_at: str


class RoleChanged(Event, context="access", category=Category.SECURITY):
    """What a custom role allows was changed; `permissions` is empty when the role is gone."""

    role_id: str
    name: str
    permissions: list[str]
    before: list[str]


class GrantRefused(Event, context="access", category=Category.SECURITY):
    """Somebody tried to hand on permissions that he does not hold."""

    what: str
    permissions: list[str]


class AccessRefused(Event, context="access", category=Category.SECURITY):
    """A caller whom we know was not let in: an ended session, a key from a foreign address, a policy."""

    problem: str
    detail: str
    session_id: str | None = None


class TeamCreated(Event, context="access"):
    """A team was made."""

    team_id: str
    name: str


class TeamRenamed(Event, context="access"):
    """A team has another name."""

    team_id: str
    name: str
    before: str


class TeamDeleted(Event, context="access"):
    """A team is gone; what carried it is seen by administrators alone."""

    team_id: str
    name: str


class TeamMemberAdded(Event, context="access", category=Category.SECURITY):
    """A person came into a team, and sees what carries it from his next token on."""

    team_id: str
    name: str
    user_id: str


class TeamMemberRemoved(Event, context="access", category=Category.SECURITY):
    """A person is no longer in a team."""

    team_id: str
    name: str
    user_id: str


class PolicyChanged(Event, context="access", category=Category.SECURITY):
    """A policy was written, changed, enabled, disabled or removed: its text before (none: it is new) and after (none:
    it is gone)."""

    policy_id: str
    name: str
    enabled: bool
    was_enabled: bool
    source: str | None
    before: str | None


class PolicyRefused(Event, context="access", category=Category.SECURITY):
    """A policy that would have locked the last administrator out was refused."""

    policy_id: str
    name: str
    source: str
