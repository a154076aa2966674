"""Connections and what they listen to."""

from __future__ import annotations

import re
from typing import Any

from contracts.scans import ScanEnded, ScanPaused, ScanProgressed, ScanResumed, ScanStarted
from kernel.actor import Actor
from kernel.events import Envelope
from kernel.records import Record

CONNECTION_SECONDS = 2 * 3600 + 600
"""API Gateway ends a connection after two hours; the record outlives it a little."""
TOPIC = re.compile(r"scan:scan_[0-9A-Z]{26}")
MAX_TOPICS = 50
"""What one connection may listen to at once."""
SCAN_EVENTS = (ScanStarted, ScanProgressed, ScanPaused, ScanResumed, ScanEnded)


class Connection(Record, pk="TENANT#{tenant_id}#REALTIME#BY:{bearer}", sk="CONNECTION#{connection_id}"):
    """An open connection, found by the session or API key that opened it, and what it listens to."""

    bearer: str
    connection_id: str
    since: int
    topics: tuple[str, ...] = ()


class Subscription(Record, pk="TENANT#{tenant_id}#REALTIME#{topic}", sk="CONNECTION#{connection_id}"):
    """One connection that listens to one topic. Topics of tenants cannot meet: the key holds the tenant."""

    topic: str
    connection_id: str
    bearer: str
    user_id: str
    since: int


def bearer_of(actor: Actor) -> str:
    """The session or the API key that a connection was opened with."""
    return actor.key_id or actor.session_id or actor.user_id


def message_of(envelope: Envelope) -> tuple[str, dict[str, Any]]:
    """The topic of an event, and what its listeners get."""
    topic = f"scan:{envelope.data['scan_id']}"
    kind = envelope.type.rpartition(".v")[0]
    return topic, {"topic": topic, "type": kind, "at": envelope.at, "data": envelope.data}
