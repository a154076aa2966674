"""Event door of collection."""

from __future__ import annotations

from contextlib import suppress
from functools import cache

from contracts.scans import ScanDeleted, ScanEnded
from functions.collection.service import views, waves
from functions.collection.store import Store
from kernel.consumer import Consumer
from kernel.events import Envelope
from kernel.table import AlreadySeen, Once

handler = Consumer("collection")
store = cache(Store)


@handler.on(ScanDeleted)
def forget(event: ScanDeleted, envelope: Envelope) -> None:
    """A deleted scan's facts go."""
    waves.forget(store(), envelope.actor(), event.scan_id)


@handler.on(ScanEnded)
def tell_of_modules(event: ScanEnded, envelope: Envelope) -> None:
    """What the modules of an ended scan did is told, for the registry's figures."""
    with suppress(AlreadySeen):
        views.tell_of_modules(store(), envelope.actor(), event.scan_id, Once("collection", envelope.id))
