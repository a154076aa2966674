"""Event door of developers: keys follow what their owners may do."""

from __future__ import annotations

from functools import cache

from contracts.access import RoleChanged, TeamMemberAdded, TeamMemberRemoved
from contracts.identity import MemberRemoved, MemberRolesChanged
from functions.developers.service import followers
from functions.developers.store import Store
from kernel.consumer import Consumer
from kernel.events import Envelope

handler = Consumer("developers")
store = cache(Store)


@handler.on(RoleChanged)
def follow_role(event: RoleChanged, envelope: Envelope) -> None:
    """What a custom role allows was changed."""
    followers.role_changed(store(), envelope.actor(), event.role_id)


@handler.on(MemberRolesChanged)
def follow_roles(event: MemberRolesChanged, envelope: Envelope) -> None:
    """Somebody may do something else."""
    followers.owner_changed(store(), envelope.actor(), event.user_id, "its owner has other roles")


@handler.on(MemberRemoved)
def follow_leaving(event: MemberRemoved, envelope: Envelope) -> None:
    """Somebody is no longer in the organisation; nor do his keys open it."""
    followers.owner_changed(store(), envelope.actor(), event.user_id, "its owner left the organisation")


@handler.on(TeamMemberAdded)
def follow_new_team(event: TeamMemberAdded, envelope: Envelope) -> None:
    """Somebody sees what a team sees; so do his keys."""
    followers.owner_changed(store(), envelope.actor(), event.user_id, "its owner came into a team")


@handler.on(TeamMemberRemoved)
def follow_left_team(event: TeamMemberRemoved, envelope: Envelope) -> None:
    """Somebody no longer sees what a team sees; nor do his keys."""
    followers.owner_changed(store(), envelope.actor(), event.user_id, "its owner left a team")
