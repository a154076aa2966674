"""Routes of members and invitations."""

from __future__ import annotations

from typing import Annotated

from functions.identity.api.app import app, bearer, store
from functions.identity.gateways import Ses
from functions.identity.model import User
from functions.identity.model.members import Belonging, Invitation
from functions.identity.schemas import AcceptInvitation, ChangeRoles, Invite
from functions.identity.service import invitations, members
from kernel.actor import Actor
from kernel.http import IfMatch, List, ListParameters, Query, Request, Response, page, reply, require

Paging = Annotated[ListParameters, Query()]


@app.get("/organizations/{organization_id}/members", response_model=List[User])
async def list_members(organization_id: str, paging: Paging, actor: Actor = require("members:read")) -> Response:
    """The people of the organisation."""
    found = members.list_members(store(), actor, organization_id, paging.limit, paging.cursor)
    return page(found.items, found.next_cursor)


@app.post("/organizations/{organization_id}/members", response_model=Invitation, status_code=201)
async def invite_member(organization_id: str, body: Invite, actor: Actor = require("members:create")) -> Response:
    """Invite somebody into the organisation, by mail: nobody is put into one without accepting it."""
    return reply(invitations.invite(store(), Ses(), actor, organization_id, body), 201)


@app.get("/organizations/{organization_id}/members/{user_id}", response_model=User)
async def get_member(organization_id: str, user_id: str, actor: Actor = require("members:read")) -> Response:
    """One of the organisation's people."""
    return reply(members.get_member(store(), actor, organization_id, user_id))


@app.put("/organizations/{organization_id}/members/{user_id}", response_model=User)
async def change_member(
    organization_id: str, user_id: str, body: ChangeRoles, if_match: IfMatch, actor: Actor = require("members:update")
) -> Response:
    """Give a person these roles and no others; they hold from the next refresh of the person's sessions on."""
    members.demand_own(actor, organization_id)
    return reply(members.change_roles(store(), actor, user_id, body.roles, if_match))


@app.delete("/organizations/{organization_id}/members/{user_id}", status_code=204)
async def remove_member(
    organization_id: str, user_id: str, if_match: IfMatch, actor: Actor = require("members:delete")
) -> Response:
    """Remove a person from the organisation: the person's sessions in it end."""
    members.demand_own(actor, organization_id)
    members.remove(store(), actor, user_id, if_match)
    return Response(status_code=204)


@app.get("/organizations/{organization_id}/invitations", response_model=List[Invitation])
async def list_invitations(organization_id: str, paging: Paging, actor: Actor = require("members:read")) -> Response:
    """The organisation's invitations, the newest first."""
    found = invitations.list_invitations(store(), actor, organization_id, paging.limit, paging.cursor)
    return page(found.items, found.next_cursor)


@app.get("/organizations/{organization_id}/invitations/{invitation_id}", response_model=Invitation)
async def get_invitation(organization_id: str, invitation_id: str, actor: Actor = require("members:read")) -> Response:
    """One invitation."""
    return reply(invitations.get_invitation(store(), actor, organization_id, invitation_id))


@app.delete("/organizations/{organization_id}/invitations/{invitation_id}", status_code=204)
async def revoke_invitation(
    organization_id: str, invitation_id: str, if_match: IfMatch, actor: Actor = require("members:create")
) -> Response:
    """Take an invitation back."""
    invitations.revoke(store(), actor, organization_id, invitation_id, if_match)
    return Response(status_code=204)


@app.post("/organizations/{organization_id}/invitations/{invitation_id}/resend", response_model=Invitation)
async def resend_invitation(
    organization_id: str, invitation_id: str, actor: Actor = require("members:create")
) -> Response:
    """Mail an invitation again; what was mailed before is no longer good."""
    return reply(invitations.resend(store(), Ses(), actor, organization_id, invitation_id))


@app.post("/invitations/accept", response_model=Belonging)
async def accept_invitation(body: AcceptInvitation, request: Request, actor: Actor = require(None)) -> Response:
    """Come into the organisation that invited the caller's address. `POST /auth/switch` goes there."""
    bearer(request, actor)
    return reply(invitations.accept(store(), actor, body.token))
