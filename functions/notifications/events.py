"""Event door of notifications."""

from __future__ import annotations

from functools import cache

from contracts.findings import FindingsDetected
from contracts.identity import UserCreated
from contracts.scans import ScanEnded
from functions.notifications import service
from functions.notifications.gateways import Ses
from functions.notifications.model import about_findings, about_scan
from functions.notifications.store import Store
from kernel.consumer import Consumer
from kernel.events import Envelope

handler = Consumer("notifications")
store = cache(Store)


@handler.on(UserCreated)
def welcome(event: UserCreated, envelope: Envelope) -> None:
    """A new person can be told things."""
    service.welcome(store(), envelope.actor(), event, handler.once(envelope))


@handler.on(ScanEnded)
def tell_scan_ended(event: ScanEnded, envelope: Envelope) -> None:
    """A scan has ended."""
    service.tell_everybody(store(), Ses(), about_scan(event), envelope, event.created_by)


@handler.on(FindingsDetected)
def tell_critical_findings(event: FindingsDetected, envelope: Envelope) -> None:
    """Critical findings came up."""
    message = about_findings(event)
    if message is not None:
        service.tell_everybody(store(), Ses(), message, envelope)
