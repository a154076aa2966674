"""Routes of the groups of an organisation's directory: an administrator says what being in one gives."""

from __future__ import annotations

from typing import Annotated

from functions.identity.api.app import app, store
from functions.identity.model.provisioning import Group
from functions.identity.provisions import Provisions
from functions.identity.schemas import ChangeScimGroup
from functions.identity.service import groups
from functions.identity.service.provisioning import Stores
from kernel.actor import Actor
from kernel.http import IfMatch, List, ListParameters, Query, Response, page, reply, require

Paging = Annotated[ListParameters, Query()]


def stores() -> Stores:
    """Where people lie, and what their directory says of them."""
    return Stores(store(), Provisions())


@app.get("/organizations/{organization_id}/scim/groups", response_model=List[Group])
async def list_scim_groups(organization_id: str, paging: Paging, actor: Actor = require("scim:read")) -> Response:
    """The groups that the organisation's directory keeps here, with the roles that each gives."""
    found = groups.list_groups(stores(), actor, organization_id, paging.limit, paging.cursor)
    return page(found.items, found.next_cursor)


@app.get("/organizations/{organization_id}/scim/groups/{group_id}", response_model=Group)
async def get_scim_group(organization_id: str, group_id: str, actor: Actor = require("scim:read")) -> Response:
    """One of them."""
    return reply(groups.get_group(stores(), actor, organization_id, group_id))


@app.put("/organizations/{organization_id}/scim/groups/{group_id}", response_model=Group)
async def change_scim_group(
    organization_id: str,
    group_id: str,
    body: ChangeScimGroup,
    if_match: IfMatch,
    actor: Actor = require("members:update"),
) -> Response:
    """Choose the roles that everybody in the group has by it. The directory decides who is in the group, and never what
    that allows. Who chooses must hold what the roles allow."""
    return reply(groups.give_roles(stores(), actor, organization_id, group_id, body.roles, if_match))
