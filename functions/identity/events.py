"""Event door of identity: what changes what people may do makes their tokens old."""

from __future__ import annotations

from functools import cache

from contracts.access import RoleChanged, TeamMemberAdded, TeamMemberRemoved
from contracts.identity import MemberRemoved, MemberRolesChanged
from contracts.organizations import DelegationEnded, DelegationGranted, OrganizationCreated
from functions.identity.service import members, sessions
from functions.identity.store import Store
from kernel import clock
from kernel.consumer import Consumer
from kernel.events import Envelope

handler = Consumer("identity")
store = cache(Store)


@handler.on(RoleChanged)
def settle_role(event: RoleChanged, envelope: Envelope) -> None:
    """A custom role allows something else: whoever has it needs other tokens."""
    for user in store().everybody(envelope.actor()):
        if event.role_id in user.roles:
            _settle(user.user_id, envelope)


@handler.on(MemberRolesChanged)
def settle_member(event: MemberRolesChanged, envelope: Envelope) -> None:
    """A person has other roles. It was seen to with the command, unless that was cut short."""
    _settle(event.user_id, envelope)


@handler.on(TeamMemberAdded)
def settle_team_member(event: TeamMemberAdded, envelope: Envelope) -> None:
    """A person sees more."""
    _settle(event.user_id, envelope)


@handler.on(TeamMemberRemoved)
def settle_former_team_member(event: TeamMemberRemoved, envelope: Envelope) -> None:
    """A person sees less."""
    _settle(event.user_id, envelope)


@handler.on(MemberRemoved)
def end_sessions(event: MemberRemoved, envelope: Envelope) -> None:
    """A person is gone, unless invited back since. It was seen to with the command, unless that was cut short."""
    actor = envelope.actor()
    if store().find_user(actor, event.user_id) is None:
        sessions.end(store(), actor, event.user_id, "removed", within=actor.tenant_id)


@handler.on(OrganizationCreated)
def enter_founded(event: OrganizationCreated, envelope: Envelope) -> None:
    """A person has founded a further organisation. Who registers comes in with the registration."""
    if event.owner_email:
        members.enter_founded(store(), envelope.actor(), event.owner_id, event.owner_email)


@handler.on(DelegationGranted)
def settle_provider(event: DelegationGranted, envelope: Envelope) -> None:  # noqa: ARG001 - whom it concerns is looked up
    """A provider's people may do something else."""
    sessions.settle_provider(store(), envelope.actor(), clock.parse(envelope.at))


@handler.on(DelegationEnded)
def end_provider(event: DelegationEnded, envelope: Envelope) -> None:  # noqa: ARG001 - whom it concerns is looked up
    """A provider's people are out."""
    sessions.settle_provider(store(), envelope.actor(), clock.parse(envelope.at))


def _settle(user_id: str, envelope: Envelope) -> None:
    sessions.settle(store(), envelope.actor(), user_id, clock.parse(envelope.at))
