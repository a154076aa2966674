"""Event door of realtime: what happens to scans goes to those who watch."""

from __future__ import annotations

from functools import cache

from functions.realtime import service
from functions.realtime.gateways import ApiGateway
from functions.realtime.model import SCAN_EVENTS
from functions.realtime.store import Store
from kernel.consumer import Consumer
from kernel.events import Envelope, Event

handler = Consumer("realtime")
store = cache(Store)


def publish(_event: Event, envelope: Envelope) -> None:
    """Send it to the listeners of the scan."""
    service.publish(store(), ApiGateway(), envelope)


for kind in SCAN_EVENTS:
    handler.on(kind)(publish)
