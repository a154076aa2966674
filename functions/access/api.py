"""HTTP door of access: permissions, roles, policies, teams."""

from __future__ import annotations

from functools import cache
from typing import Annotated

from fastapi import Path

from functions.access.model import DryRun, Permission, Policy, PolicySchema, RoleView, Team, TeamMember
from functions.access.schemas import TryPolicies, WritePolicy, WriteRole, WriteTeam
from functions.access.service import permissions, policies, roles, teams
from functions.access.service.listing import cut
from functions.access.store import Store
from kernel.actor import Actor
from kernel.http import IfMatch, List, ListParameters, Query, Response, Room, lambda_handler, page, reply, require

app = Room("access")
store = cache(Store)
Paging = Annotated[ListParameters, Query()]
Id = Annotated[str, Path(max_length=100, pattern=r"^[A-Za-z0-9_.-]+$")]


@app.get("/permissions", response_model=List[Permission])
async def list_permissions(paging: Paging, actor: Actor = require("roles:read")) -> Response:
    """Every permission, what it is for, and which routes need it."""
    known = permissions.every_permission(actor)
    items, cursor = cut(actor, "PERMISSIONS", known, lambda each: each.permission, paging.limit, paging.cursor)
    return page(items, cursor)


@app.get("/roles", response_model=List[RoleView])
async def list_roles(paging: Paging, actor: Actor = require("roles:read")) -> Response:
    """The roles that every organisation has, and those that yours has made."""
    items, cursor = roles.list_roles(store(), actor, paging.limit, paging.cursor)
    return page(items, cursor)


@app.post("/roles", status_code=201, response_model=RoleView)
async def create_role(body: WriteRole, actor: Actor = require("roles:create")) -> Response:
    """Make a role of permissions that you hold yourself."""
    return reply(roles.create_role(store(), actor, body), 201)


@app.get("/roles/{role_id}", response_model=RoleView)
async def get_role(role_id: Id, actor: Actor = require("roles:read")) -> Response:
    """One role and what it allows."""
    return reply(roles.get_role(store(), actor, role_id))


@app.put("/roles/{role_id}", response_model=RoleView)
async def change_role(
    role_id: Id, body: WriteRole, if_match: IfMatch, actor: Actor = require("roles:update")
) -> Response:
    """Change a role that your organisation has made."""
    return reply(roles.change_role(store(), actor, role_id, body, if_match))


@app.delete("/roles/{role_id}", status_code=204)
async def delete_role(role_id: Id, if_match: IfMatch, actor: Actor = require("roles:delete")) -> Response:
    """Remove a role that nobody has."""
    roles.delete_role(store(), actor, role_id, if_match)
    return Response(status_code=204)


@app.get("/policies", response_model=List[Policy])
async def list_policies(paging: Paging, actor: Actor = require("policies:read")) -> Response:
    """The policies that your organisation has written."""
    items, cursor = policies.list_policies(store(), actor, paging.limit, paging.cursor)
    return page(items, cursor)


@app.post("/policies", status_code=201, response_model=Policy)
async def create_policy(body: WritePolicy, actor: Actor = require("policies:create")) -> Response:
    """Write a policy in Cedar. Where it is wrong, the problem says the line and the column."""
    return reply(policies.create_policy(store(), actor, body), 201)


@app.get("/policies/schema", response_model=PolicySchema)
async def get_policy_schema(_actor: Actor = require("policies:read")) -> Response:
    """What policies can speak of: who acts, what is done, to what, under which circumstances."""
    return reply(policies.schema())


@app.post("/policies/dry-run", response_model=DryRun)
async def try_policies(body: TryPolicies, actor: Actor = require("policies:read")) -> Response:
    """What would become of a request, and why: under the policies as they are, or with a draft."""
    return reply(policies.try_policies(store(), actor, body))


@app.get("/policies/{policy_id}", response_model=Policy)
async def get_policy(policy_id: Id, actor: Actor = require("policies:read")) -> Response:
    """One policy and its text."""
    return reply(store().policy(actor, policy_id))


@app.put("/policies/{policy_id}", response_model=Policy)
async def change_policy(
    policy_id: Id, body: WritePolicy, if_match: IfMatch, actor: Actor = require("policies:update")
) -> Response:
    """Rewrite, enable or disable a policy."""
    return reply(policies.change_policy(store(), actor, policy_id, body, if_match))


@app.delete("/policies/{policy_id}", status_code=204)
async def delete_policy(policy_id: Id, if_match: IfMatch, actor: Actor = require("policies:delete")) -> Response:
    """Remove a policy: what it forbade is as the roles say."""
    policies.delete_policy(store(), actor, policy_id, if_match)
    return Response(status_code=204)


@app.get("/teams", response_model=List[Team])
async def list_teams(paging: Paging, actor: Actor = require("teams:read")) -> Response:
    """Your organisation's teams, oldest first."""
    found = store().teams(actor, paging.limit, paging.cursor)
    return page(found.items, found.next_cursor)


@app.post("/teams", status_code=201, response_model=Team)
async def create_team(body: WriteTeam, actor: Actor = require("teams:create")) -> Response:
    """Make a team. What carries its id is seen by its people, and by administrators."""
    return reply(teams.create_team(store(), actor, body), 201)


@app.get("/teams/{team_id}", response_model=Team)
async def get_team(team_id: Id, actor: Actor = require("teams:read")) -> Response:
    """One team."""
    return reply(store().team(actor, team_id))


@app.put("/teams/{team_id}", response_model=Team)
async def change_team(
    team_id: Id, body: WriteTeam, if_match: IfMatch, actor: Actor = require("teams:update")
) -> Response:
    """Rename or describe a team."""
    return reply(teams.change_team(store(), actor, team_id, body, if_match))


@app.delete("/teams/{team_id}", status_code=204)
async def delete_team(team_id: Id, if_match: IfMatch, actor: Actor = require("teams:delete")) -> Response:
    """Remove a team that nobody is in. What carries it is then seen by administrators alone."""
    teams.delete_team(store(), actor, team_id, if_match)
    return Response(status_code=204)


@app.get("/teams/{team_id}/members", response_model=List[TeamMember])
async def list_team_members(team_id: Id, paging: Paging, actor: Actor = require("teams:read")) -> Response:
    """Who is in a team."""
    store().team(actor, team_id)
    found = store().members(actor, team_id, paging.limit, paging.cursor)
    return page(found.items, found.next_cursor)


@app.get("/teams/{team_id}/members/{user_id}", response_model=TeamMember)
async def get_team_member(team_id: Id, user_id: Id, actor: Actor = require("teams:read")) -> Response:
    """Whether somebody is in a team, and since when."""
    return reply(teams.get_member(store(), actor, team_id, user_id))


@app.put("/teams/{team_id}/members/{user_id}", response_model=TeamMember)
async def add_team_member(
    team_id: Id, user_id: Id, if_match: IfMatch, actor: Actor = require("teams:update")
) -> Response:
    """Take a person or a service account into a team; one who is in it stays so."""
    return reply(teams.add_member(store(), actor, team_id, user_id, if_match))


@app.delete("/teams/{team_id}/members/{user_id}", status_code=204)
async def remove_team_member(
    team_id: Id, user_id: Id, if_match: IfMatch, actor: Actor = require("teams:update")
) -> Response:
    """Take somebody out of a team."""
    teams.remove_member(store(), actor, team_id, user_id, if_match)
    return Response(status_code=204)


handler = lambda_handler(app)
