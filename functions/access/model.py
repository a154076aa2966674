"""Roles, policies and teams, and the rules that hold for them. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from typing import ClassVar

from pydantic import Field

from contracts.access import ROLE_PERMISSIONS, CustomRole, Role, TeamBrief, TeamMembership, covers
from kernel.records import Record, Resource

MAX_ROLES = 100
MAX_POLICIES = 50
MAX_TEAMS = 200
MAX_TEAM_MEMBERS = 1000
MAX_TEAMS_OF_ONE = 40
"""A person's teams travel in each of his tokens."""

DEFAULT_ROLES = {
    Role.SUPER_ADMIN: "The platform's own staff.",
    Role.ORGANIZATION_ADMIN: "Everything in the organisation, its people and its settings.",
    Role.ANALYST: "Scans, findings and reports, and the audit trail to read.",
    Role.ORGANIZATION_MEMBER: "Starts scans, works on findings, orders reports.",
    Role.VIEWER: "Reads what is no secret of the administrators.",
}


class RoleItem(CustomRole):
    """A role that an organisation has made, as it is stored."""

    name: str
    description: str = ""
    created_by: str
    created_at: str


class RoleView(Resource):
    """A role: a custom one, or one of those that every organisation has."""

    location: ClassVar[str | None] = "/roles/{role_id}"

    role_id: str
    name: str
    description: str
    permissions: tuple[str, ...]
    is_default: bool = Field(description="Whether every organisation has it; such a role cannot be changed.")
    created_by: str | None = None
    created_at: str | None = None
    version: int = 0


class TakenName(Record, pk="TENANT#{tenant_id}#{kind}", sk="NAME#{digest}"):
    """That a name is taken among the tenant's roles, policies or teams: a name is unique by this item's condition."""

    kind: str
    digest: str
    owner: str


class Policy(Record, pk="TENANT#{tenant_id}#POLICIES", sk="POLICY#{policy_id}"):
    """A policy that an organisation has written in Cedar."""

    location: ClassVar[str | None] = "/policies/{policy_id}"

    policy_id: str
    name: str
    description: str = ""
    source: str
    enabled: bool
    created_by: str
    created_at: str
    updated_by: str
    updated_at: str


class Ledger(Record, pk="TENANT#{tenant_id}#POLICIES", sk="LEDGER"):
    """Counts the changes to a tenant's policies. Each change carries its condition, so that the compiled set is made of
    the very policies that are there."""


class Team(TeamBrief):
    """People who share what carries the team's id."""

    location: ClassVar[str | None] = "/teams/{team_id}"

    description: str = ""
    members: int = Field(default=0, description="How many people are in it.")
    created_by: str
    created_at: str


class TeamMember(TeamMembership):
    """A person in a team."""

    location: ClassVar[str | None] = "/teams/{team_id}/members/{user_id}"


class Person(Record, pk="TENANT#{tenant_id}#USERS", sk="USER#{user_id}"):
    """What this context reads of a person; the item belongs to identity."""

    user_id: str
    roles: tuple[str, ...] = ()


class PermissionUse(Resource):
    """A route that needs a permission."""

    method: str
    template: str
    summary: str


class Permission(Resource):
    """A permission, and what it is needed for."""

    permission: str
    area: str
    verb: str
    description: str
    held: bool = Field(description="Whether the caller holds it, and so may give it to a role.")
    routes: list[PermissionUse]


class Verdict(Resource):
    """How a policy bears on a dry run."""

    policy_id: str
    name: str


class DryRun(Resource):
    """What would happen to a request, and why."""

    allowed: bool
    rbac: bool = Field(description="Whether the roles allow it; policies can only take away.")
    break_glass: bool = Field(description="Whether an administrator's way back overruled the policies.")
    determining: list[Verdict] = Field(description="The policies that forbid it.")
    errors: list[str] = Field(description="What went wrong in the evaluation; any error refuses the request.")
    explanation: str


class PolicySchema(Resource):
    """The schema that policies are held to, in Cedar's own notation."""

    cedar: str


def default_role(role: Role) -> RoleView:
    """A role that every organisation has."""
    return RoleView(
        role_id=role.value,
        name=role.value.replace("_", " ").capitalize(),
        description=DEFAULT_ROLES[role],
        permissions=ROLE_PERMISSIONS[role],
        is_default=True,
    )


def shown(item: RoleItem) -> RoleView:
    """A custom role as the API shows it."""
    return RoleView(is_default=False, **item.model_dump(exclude={"tenant_id", "expires_at"}))


def is_default(role_id: str) -> bool:
    """Whether every organisation has a role."""
    return role_id in ROLE_PERMISSIONS


def not_held(wanted: Iterable[str], held: Collection[str]) -> list[str]:
    """The permissions that somebody cannot hand on."""
    return [permission for permission in wanted if not covers(held, permission)]


def taken_name(tenant_id: str, kind: str, name: str, owner: str) -> TakenName:
    """The mark of a name; upper and lower case do not make two."""
    digest = hashlib.blake2b(name.casefold().encode(), digest_size=16).hexdigest()
    return TakenName(tenant_id=tenant_id, kind=kind, digest=digest, owner=owner)
