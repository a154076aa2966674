"""Routes of people: the caller, the organisation's people and their roles."""

from __future__ import annotations

from typing import Annotated

from functions.identity.api.app import app, store
from functions.identity.model import Me, User
from functions.identity.model.members import Belonging
from functions.identity.schemas import AddRole, ChangeProfile
from functions.identity.service import members, people
from kernel.actor import Actor
from kernel.http import IfMatch, List, ListParameters, Query, Response, page, reply, require


@app.get("/users/me", response_model=Me)
async def get_me(actor: Actor = require(None)) -> Response:
    """The caller."""
    return reply(people.me(store(), actor))


@app.put("/users/me", response_model=Me)
async def change_me(body: ChangeProfile, if_match: IfMatch, actor: Actor = require(None)) -> Response:
    """Change the caller's own name or preferences in the organisation; what is left out stays."""
    return reply(people.change_me(store(), actor, body, if_match))


@app.get("/users/me/organizations", response_model=List[Belonging])
async def list_my_organizations(actor: Actor = require(None)) -> Response:
    """The caller's organisations; `POST /auth/switch` goes to another one."""
    return page(people.organizations_of(store(), actor), None)


@app.delete("/users/me/organizations/{organization_id}", status_code=204)
async def leave_organization(organization_id: str, actor: Actor = require(None)) -> Response:
    """Leave an organisation. Its last administrator cannot."""
    people.leave(store(), actor, organization_id)
    return Response(status_code=204)


@app.get("/users", response_model=List[User])
async def list_users(paging: Annotated[ListParameters, Query()], actor: Actor = require("members:read")) -> Response:
    """The people of the organisation."""
    found = people.list_users(store(), actor, paging.limit, paging.cursor)
    return page(found.items, found.next_cursor)


@app.get("/users/{user_id}", response_model=User)
async def get_user(user_id: str, actor: Actor = require("members:read")) -> Response:
    """One person of the organisation."""
    return reply(people.get_user(store(), actor, user_id))


@app.post("/users/{user_id}/roles", response_model=User)
async def add_role(user_id: str, body: AddRole, actor: Actor = require("members:update")) -> Response:
    """Give a person one more role, of those whose permissions the caller holds."""
    return reply(members.add_role(store(), actor, user_id, body.role))


@app.delete("/users/{user_id}/roles/{role_id}", status_code=204)
async def take_role(
    user_id: str, role_id: str, if_match: IfMatch, actor: Actor = require("members:update")
) -> Response:
    """Take a role from a person. The last administrator keeps that role."""
    members.take_role(store(), actor, user_id, role_id, if_match)
    return Response(status_code=204)
