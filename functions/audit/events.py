"""Event door of audit: it takes every event."""

from __future__ import annotations

from functools import cache

from functions.audit.gateways import Queues
from functions.audit.service import trail
from functions.audit.store import Store
from kernel.consumer import Consumer
from kernel.events import Envelope

handler = Consumer("audit")
store = cache(Store)
work = cache(Queues)


@handler.on_any
def keep(envelope: Envelope) -> None:
    """Keep the deed."""
    trail.keep(store(), work(), envelope)
