"""Invitations: sent by mail, accepted by who has the address."""

from __future__ import annotations

from contracts.identity import InvitationAccepted, InvitationRefused, InvitationRevoked, MemberInvited
from functions.identity.errors import (
    AlreadyMember,
    InvitationClosed,
    InvitationExpired,
    InvitationForAnother,
    InvitationUnknown,
)
from functions.identity.gateways import Mailer
from functions.identity.model import User
from functions.identity.model.accounts import normal
from functions.identity.model.actors import gone_to, platform_in
from functions.identity.model.members import Belonging, Invitation, InvitationStatus, read_token
from functions.identity.schemas import Invite
from functions.identity.service.members import demand_grantable, demand_own, join
from functions.identity.store import Store, changed, new
from kernel import clock, observe
from kernel.actor import Actor
from kernel.errors import NotFound, PreconditionFailed, Problem
from kernel.table import Page

SUBJECT = "You are invited to {organization} on Palisade"
BODY = """{inviter} invites you to work in {organization} on Palisade.

Your invitation, good until {ends_at}:

    {token}

It is for {email} alone. With an account, log in and accept it (`palisade accept`, or POST /api/v1/invitations/accept);
without one, register with it (POST /api/v1/auth/register). Whoever did not expect this can forget it.
"""


def invite(store: Store, mailer: Mailer, actor: Actor, organization_id: str, command: Invite) -> Invitation:
    """Invite somebody by mail. Raises NotFound, AlreadyMember, UnknownRole or CannotGrant."""
    demand_own(actor, organization_id)
    store.demand_fresh(actor)
    email, roles = normal(command.email), tuple(dict.fromkeys(command.roles))
    demand_grantable(store, actor, roles)
    known = store.account(email).user_id
    if known is not None and store.find_user(actor, known) is not None:
        raise AlreadyMember()
    invitation = Invitation.to(actor.tenant_id, email, roles, actor.user_id)
    token = invitation.arm()
    event = MemberInvited(invitation_id=invitation.invitation_id, email=email, roles=list(roles))
    store.commit(actor, [new(invitation)], [event], invitation)
    _mail(store, mailer, actor, invitation, token)
    return invitation


def list_invitations(
    store: Store, actor: Actor, organization_id: str, limit: int, cursor: str | None
) -> Page[Invitation]:
    """The organisation's invitations, the newest first. Raises NotFound."""
    demand_own(actor, organization_id)
    return store.invitations(actor, limit, cursor)


def get_invitation(store: Store, actor: Actor, organization_id: str, invitation_id: str) -> Invitation:
    """One of them. Raises NotFound."""
    demand_own(actor, organization_id)
    invitation = store.invitation(actor, invitation_id)
    if invitation is None:
        raise NotFound()
    return invitation


def revoke(store: Store, actor: Actor, organization_id: str, invitation_id: str, if_match: int | None) -> None:
    """Take an invitation back. Raises NotFound, PreconditionFailed or InvitationClosed."""
    invitation = _open(store, actor, organization_id, invitation_id, if_match)
    invitation.status = InvitationStatus.REVOKED
    event = InvitationRevoked(invitation_id=invitation_id, email=invitation.email)
    store.commit(actor, [changed(invitation)], [event])


def resend(store: Store, mailer: Mailer, actor: Actor, organization_id: str, invitation_id: str) -> Invitation:
    """Mail it again, with a new token and a new week; the token before is no longer good. Raises NotFound or
    InvitationClosed."""
    store.demand_fresh(actor)
    invitation = _open(store, actor, organization_id, invitation_id, None)
    demand_grantable(store, actor, invitation.roles)
    token = invitation.arm()
    event = MemberInvited(invitation_id=invitation_id, email=invitation.email, roles=list(invitation.roles), again=True)
    store.commit(actor, [changed(invitation)], [event], invitation)
    _mail(store, mailer, actor, invitation, token)
    return invitation


def accept(store: Store, actor: Actor, token: str) -> Belonging:
    """The caller comes into the organisation that invited the caller's address; `switch` goes there. Accepting it again
    changes nothing. Raises InvitationUnknown, InvitationExpired, InvitationClosed, InvitationForAnother or
    AlreadyMember."""
    invitation = find(store, token)
    if invitation.accepted_by != actor.user_id:
        _demand_good(store, invitation, actor.email or "", actor)
        user = store.find_user(actor, actor.user_id)
        name = user.name if user else (actor.email or "").partition("@")[0]
        enter(store, actor, invitation, actor.user_id, name)
    return Belonging(
        organization_id=invitation.organization_id,
        name=_name(store, _platform(invitation)),
        roles=invitation.roles,
        current=False,
    )


def find(store: Store, token: str) -> Invitation:
    """The invitation of a token. Raises InvitationUnknown."""
    parts = read_token(token)
    tenant = platform_in(parts[0]) if parts else None
    if parts is None or tenant is None:
        raise InvitationUnknown()
    invitation = store.invitation(tenant, parts[1])
    if invitation is None or not invitation.opens_to(parts[2]):
        raise InvitationUnknown()
    return invitation


def good(store: Store, token: str, email: str) -> Invitation:
    """The invitation of a token, if it is good for the address."""
    invitation = find(store, token)
    _demand_good(store, invitation, email, _platform(invitation))
    return invitation


def _demand_good(store: Store, invitation: Invitation, email: str, who: Actor) -> None:
    """The organisation is told who tried in vain."""
    problem = fault(invitation, normal(email))
    if problem is None:
        return
    there = gone_to(who, invitation.organization_id)
    refused = InvitationRefused(invitation_id=invitation.invitation_id, email=normal(email), reason=problem.slug)
    store.commit(there, [], [refused])
    raise problem


def enter(store: Store, actor: Actor, invitation: Invitation, user_id: str, name: str) -> None:
    """Use the invitation up. Raises AlreadyMember, or PreconditionFailed when somebody was quicker."""
    invitation.status, invitation.accepted_by = InvitationStatus.ACCEPTED, user_id
    user = User(
        tenant_id=invitation.tenant_id,
        user_id=user_id,
        email=invitation.email,
        name=name,
        roles=invitation.roles,
        created_at=clock.timestamp(),
    )
    accepted = InvitationAccepted(
        invitation_id=invitation.invitation_id, user_id=user_id, email=invitation.email, roles=list(invitation.roles)
    )
    there = gone_to(actor, invitation.organization_id)
    join(store, there, user, store.person(user_id), [changed(invitation, InvitationClosed())], [accepted])


def fault(invitation: Invitation, email: str) -> Problem | None:
    """Why an invitation is not good for an address; None when it is."""
    if invitation.status is not InvitationStatus.OPEN:
        return InvitationClosed()
    if invitation.is_late:
        return InvitationExpired()
    return None if invitation.email == email else InvitationForAnother()


def _open(store: Store, actor: Actor, organization_id: str, invitation_id: str, if_match: int | None) -> Invitation:
    invitation = get_invitation(store, actor, organization_id, invitation_id)
    if if_match is not None and if_match != invitation.version:
        raise PreconditionFailed()
    if invitation.status is not InvitationStatus.OPEN:
        raise InvitationClosed()
    return invitation


def _mail(store: Store, mailer: Mailer, actor: Actor, invitation: Invitation, token: str) -> None:
    """It was committed; a mail that cannot be sent now can be sent again."""
    organization = _name(store, actor) or "an organisation"
    body = BODY.format(
        inviter=actor.email or "An administrator",
        organization=organization,
        ends_at=invitation.ends_at,
        token=token,
        email=invitation.email,
    )
    try:
        mailer.send(invitation.email, SUBJECT.format(organization=organization), body)
    except Exception as failure:  # the mailer refuses an address, or does not answer
        observe.logger().warning("invitation not mailed", extra={"reason": type(failure).__name__})


def _platform(invitation: Invitation) -> Actor:
    there = platform_in(invitation.organization_id)
    assert there is not None
    return there


def _name(store: Store, actor: Actor) -> str | None:
    brief = store.brief(actor)
    return brief.name if brief else None
