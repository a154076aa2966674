"""HTTP door of organizations."""

from __future__ import annotations

from functools import cache

from functions.organizations import service
from functions.organizations.model import Organization
from functions.organizations.schemas import ChangeOrganization
from functions.organizations.store import Store
from kernel.actor import Actor
from kernel.http import IfMatch, List, Response, Room, lambda_handler, page, reply, require

app = Room("organizations")
store = cache(Store)


@app.get("/organizations", response_model=List[Organization])
async def list_organizations(actor: Actor = require("organizations:read")) -> Response:
    """The organisations that the caller acts in."""
    return page([service.get_organization(store(), actor, actor.tenant_id)], None)


@app.get("/organizations/{organization_id}", response_model=Organization)
async def get_organization(organization_id: str, actor: Actor = require("organizations:read")) -> Response:
    """One organisation."""
    return reply(service.get_organization(store(), actor, organization_id))


@app.put("/organizations/{organization_id}", response_model=Organization)
async def change_organization(
    organization_id: str,
    body: ChangeOrganization,
    if_match: IfMatch,
    actor: Actor = require("organizations:update"),
) -> Response:
    """Rename the organisation."""
    return reply(service.change_organization(store(), actor, organization_id, body, if_match))


handler = lambda_handler(app)
