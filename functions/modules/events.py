"""Event door of the module registry: what modules did becomes figures."""

from __future__ import annotations

from contextlib import suppress
from functools import cache

from contracts.collection import ModulesRan
from functions.modules import service
from functions.modules.store import Store
from kernel.consumer import Consumer
from kernel.events import Envelope
from kernel.table import AlreadySeen, Once

handler = Consumer("modules")
store = cache(Store)


@handler.on(ModulesRan)
def count(event: ModulesRan, envelope: Envelope) -> None:
    """What modules did in a scan counts once."""
    once = Once("modules", envelope.id)
    with suppress(AlreadySeen):
        service.count(store(), envelope.actor(), event.stints, envelope.at[:10], once)
