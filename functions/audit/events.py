"""Event door of audit: it takes every event."""

from __future__ import annotations

from functools import cache

from functions.audit import service
from functions.audit.store import Store
from kernel.consumer import Consumer
from kernel.events import Envelope

handler = Consumer("audit")
store = cache(Store)


@handler.on_any
def keep(envelope: Envelope) -> None:
    """Keep the deed."""
    service.keep(store(), envelope)
