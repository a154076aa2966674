"""Task door of webhooks: the delivery machine has waited, now try again."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Any

from functions.webhooks import service
from functions.webhooks.gateways import HttpEndpoint, RetryMachine
from functions.webhooks.store import Store
from kernel.actor import Actor
from kernel.crypto import Envelope
from kernel.observe import task

store = cache(Store)


@cache
def sealer() -> Envelope:
    """The keeper of the signing secrets."""
    return Envelope(store().table)


@task
def retry(actor: Actor, event: dict[str, Any]) -> None:
    """Takes `{webhook_id, event_id, version}`."""
    try_again = service.retry(
        store(),
        sealer(),
        HttpEndpoint(),
        RetryMachine(),
        actor,
        event["webhook_id"],
        event["event_id"],
        event["version"],
    )
    asyncio.run(try_again)
