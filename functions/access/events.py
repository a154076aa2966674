"""Event door of access: who leaves the organisation leaves its teams."""

from __future__ import annotations

from functools import cache

from contracts.identity import MemberRemoved
from functions.access.service import teams
from functions.access.store import Store
from kernel.consumer import Consumer
from kernel.events import Envelope

handler = Consumer("access")
store = cache(Store)


@handler.on(MemberRemoved)
def forget_person(event: MemberRemoved, envelope: Envelope) -> None:
    """Somebody is no longer in the organisation."""
    teams.forget_person(store(), envelope.actor(), event.user_id)
