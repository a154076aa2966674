"""Event door of collection."""

from __future__ import annotations

from functools import cache

from contracts.scans import ScanDeleted
from functions.collection import service
from functions.collection.store import Store
from kernel.consumer import Consumer
from kernel.events import Envelope

handler = Consumer("collection")
store = cache(Store)


@handler.on(ScanDeleted)
def forget(event: ScanDeleted, envelope: Envelope) -> None:
    """A deleted scan's facts go."""
    service.forget(store(), envelope.actor(), event.scan_id)
