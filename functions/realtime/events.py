"""Event door of realtime: what happens to scans goes to those who watch, and whose session ends is hung up on."""

from __future__ import annotations

from functools import cache

from contracts.developers import ApiKeyRevoked
from contracts.identity import SessionsEnded
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


@handler.on(SessionsEnded)
def end_sessions(event: SessionsEnded, envelope: Envelope) -> None:
    """Nobody listens on a session that is over."""
    service.hang_up(store(), ApiGateway(), envelope.actor(), event.session_ids)


@handler.on(ApiKeyRevoked)
def end_key(event: ApiKeyRevoked, envelope: Envelope) -> None:
    """Nobody listens with a key that was revoked."""
    service.hang_up(store(), ApiGateway(), envelope.actor(), [event.key_id])
