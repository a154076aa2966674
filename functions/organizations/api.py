"""HTTP door of organizations."""

from __future__ import annotations

from functools import cache
from typing import Annotated

from contracts.plans import plans
from functions.organizations import delegations, metering, service
from functions.organizations.model import (
    Customer,
    Founding,
    GrantedDelegation,
    Organization,
    PlanList,
    Subscription,
    UsageReport,
)
from functions.organizations.schemas import (
    ChangeOrganization,
    ChangeSubscription,
    CloseOrganization,
    FoundOrganization,
    GrantDelegation,
    TransferOwnership,
)
from functions.organizations.store import Store
from kernel.actor import Actor
from kernel.http import IfMatch, List, ListParameters, Query, Response, Room, lambda_handler, page, reply, require

app = Room("organizations")
store = cache(Store)
Paging = Annotated[ListParameters, Query()]


@app.get("/organizations", response_model=List[Organization])
async def list_organizations(actor: Actor = require("organizations:read")) -> Response:
    """The organisation that the caller acts in."""
    return page([service.get_organization(store(), actor, actor.tenant_id)], None)


@app.post("/organizations", status_code=202, response_model=Founding)
async def found_organization(body: FoundOrganization, actor: Actor = require("organizations:create")) -> Response:
    """Found a further organisation; the caller owns it. It is there in a moment: enter it by switching."""
    return reply(service.found_organization(store(), actor, body), 202)


@app.get("/plans", response_model=PlanList)
async def list_plans(_actor: Actor = require(None)) -> Response:
    """The plans there are."""
    return reply(PlanList(items=list(plans().values())))


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


@app.post("/organizations/{organization_id}/close", response_model=Organization)
async def close_organization(
    organization_id: str,
    body: CloseOrganization,
    if_match: IfMatch,
    actor: Actor = require("organizations:delete"),
) -> Response:
    """Close the organisation. It can be restored for 30 days; then everything that belongs to it is erased."""
    return reply(service.close_organization(store(), actor, organization_id, body, if_match))


@app.delete("/organizations/{organization_id}", status_code=202, response_model=Organization)
async def delete_organization(
    organization_id: str,
    confirmation: Annotated[CloseOrganization, Query()],
    if_match: IfMatch,
    actor: Actor = require("organizations:delete"),
) -> Response:
    """The same as `close`: nothing is erased before the grace period is over."""
    return reply(service.close_organization(store(), actor, organization_id, confirmation, if_match), 202)


@app.post("/organizations/{organization_id}/restore", response_model=Organization)
async def restore_organization(organization_id: str, actor: Actor = require("organizations:delete")) -> Response:
    """Take the deletion back."""
    return reply(service.restore_organization(store(), actor, organization_id))


@app.post("/organizations/{organization_id}/transfer", response_model=Organization)
async def transfer_ownership(
    organization_id: str, body: TransferOwnership, actor: Actor = require("organizations:delete")
) -> Response:
    """Hand the organisation over to another of its administrators."""
    return reply(service.transfer_ownership(store(), actor, organization_id, body))


@app.get("/organizations/{organization_id}/subscription", response_model=Subscription)
async def get_subscription(organization_id: str, actor: Actor = require("organizations:read")) -> Response:
    """The plan, and those to choose from."""
    return reply(service.get_subscription(store(), actor, organization_id))


@app.put("/organizations/{organization_id}/subscription", response_model=Subscription)
async def change_subscription(
    organization_id: str,
    body: ChangeSubscription,
    if_match: IfMatch,
    actor: Actor = require("organizations:subscribe"),
) -> Response:
    """Choose another plan."""
    return reply(service.change_subscription(store(), actor, organization_id, body, if_match))


@app.get("/organizations/{organization_id}/usage", response_model=UsageReport)
async def get_usage(organization_id: str, actor: Actor = require("organizations:read")) -> Response:
    """What is used of the plan, and what is left."""
    organization = service.get_organization(store(), actor, organization_id)
    return reply(metering.report(store(), actor, organization.plan))


@app.get("/organizations/{organization_id}/delegations", response_model=List[GrantedDelegation])
async def list_delegations(
    organization_id: str, paging: Paging, actor: Actor = require("delegations:read")
) -> Response:
    """The providers whose people may work here."""
    found = delegations.list_all(store(), actor, organization_id, paging.limit, paging.cursor)
    return page(found.items, found.next_cursor)


@app.get("/organizations/{organization_id}/delegations/{provider_id}", response_model=GrantedDelegation)
async def get_delegation(
    organization_id: str, provider_id: str, actor: Actor = require("delegations:read")
) -> Response:
    """What one provider may do here."""
    return reply(delegations.get(store(), actor, organization_id, provider_id))


@app.put("/organizations/{organization_id}/delegations/{provider_id}", response_model=GrantedDelegation)
async def grant_delegation(
    organization_id: str,
    provider_id: str,
    body: GrantDelegation,
    if_match: IfMatch,
    actor: Actor = require("delegations:create"),
) -> Response:
    """Let a provider's people work here, or change what they may."""
    return reply(delegations.grant(store(), actor, organization_id, provider_id, body, if_match))


@app.delete("/organizations/{organization_id}/delegations/{provider_id}", status_code=204)
async def end_delegation(
    organization_id: str, provider_id: str, if_match: IfMatch, actor: Actor = require("delegations:delete")
) -> Response:
    """A provider's people may not work here any more; their sessions here end."""
    delegations.end(store(), actor, organization_id, provider_id, if_match)
    return Response(status_code=204)


@app.get("/organizations/{organization_id}/customers", response_model=List[Customer])
async def list_customers(
    organization_id: str, paging: Paging, actor: Actor = require("organizations:read")
) -> Response:
    """The organisations that let this one's people in."""
    found = delegations.customers(store(), actor, organization_id, paging.limit, paging.cursor)
    return page(found.items, found.next_cursor)


handler = lambda_handler(app)
