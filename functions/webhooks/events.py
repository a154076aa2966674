"""Event door of webhooks: every event goes to the endpoints that want it."""

from __future__ import annotations

import asyncio
from functools import cache

from functions.webhooks import service
from functions.webhooks.gateways import HttpEndpoint, RetryMachine
from functions.webhooks.store import Store
from kernel.consumer import Consumer
from kernel.crypto import Envelope as Sealer
from kernel.events import Envelope

handler = Consumer("webhooks")
store = cache(Store)


@cache
def sealer() -> Sealer:
    """The keeper of the signing secrets."""
    return Sealer(store().table)


@handler.on_any
def dispatch(envelope: Envelope) -> None:
    """Send it on."""
    asyncio.run(service.dispatch(store(), sealer(), HttpEndpoint(), RetryMachine(), envelope))
