"""Event door of collection: what becomes of a scan is said in its log, told to the registry, and forgotten with it."""

from __future__ import annotations

from contextlib import suppress
from functools import cache

from contracts.facts import LogEntry
from contracts.scans import (
    ScanDeleted,
    ScanEnded,
    ScanPaused,
    ScanPauseRequested,
    ScanResumed,
    ScanStatus,
    ScanStopRequested,
)
from functions.collection.service import views, waves
from functions.collection.store import Store
from kernel.consumer import Consumer
from kernel.events import Envelope
from kernel.table import AlreadySeen, Once

handler = Consumer("collection")
store = cache(Store)
LEVELS = {ScanStatus.FAILED: "error", ScanStatus.STOPPED: "warning"}


@handler.on(ScanDeleted)
def forget(event: ScanDeleted, envelope: Envelope) -> None:
    """A deleted scan's facts go."""
    waves.forget(store(), envelope.actor(), event.scan_id)


@handler.on(ScanPauseRequested)
def asked_to_pause(event: ScanPauseRequested, envelope: Envelope) -> None:
    """What is under way is handed over."""
    _tell(envelope, event.scan_id, event.wave, "asked to pause")


@handler.on(ScanPaused)
def paused(event: ScanPaused, envelope: Envelope) -> None:
    """It rests until somebody resumes it, or until its calendar opens."""
    until = f"until its calendar opens at {event.resumes_at}" if event.resumes_at else "until it is resumed"
    _tell(envelope, event.scan_id, event.wave, f"rests {until}", done=True)


@handler.on(ScanResumed)
def resumed(event: ScanResumed, envelope: Envelope) -> None:
    """It goes on when it is its turn and its calendar is open."""
    _tell(envelope, event.scan_id, event.wave, "resumed" + (", despite its calendar" if event.despite_calendar else ""))


@handler.on(ScanStopRequested)
def asked_to_stop(event: ScanStopRequested, envelope: Envelope) -> None:
    """What is under way is given up."""
    _tell(envelope, event.scan_id, event.wave, "asked to stop")


@handler.on(ScanEnded)
def ended(event: ScanEnded, envelope: Envelope) -> None:
    """The log's last word; and what the modules did is told, for the registry's figures."""
    words = f"{event.status.value}: {event.reason}" if event.reason else event.status.value
    _tell(envelope, event.scan_id, event.tally.waves, words, LEVELS.get(event.status, "info"), done=True)
    with suppress(AlreadySeen):
        views.tell_of_modules(store(), envelope.actor(), event.scan_id, Once("collection", envelope.id))


def _tell(envelope: Envelope, scan_id: str, wave: int, words: str, level: str = "info", *, done: bool = False) -> None:
    """A line for what happened to the scan; of what happened at once, what was asked for comes before what came of
    it."""
    order = f"{envelope.sequence:08}-{int(done)}"
    entry = LogEntry(level, words, value=envelope.at, module="scan")
    views.tell(store(), envelope.actor(), scan_id, wave, order, entry)
