"""Event door of the scans context: commands that were committed become executions and alarms of the clock."""

from __future__ import annotations

from functools import cache

from contracts.scans import ScanQueued, ScanResumed, ScanStopRequested, ScheduleChanged, ScheduleDeleted
from functions.scans.gateways import Scheduler, StepFunctions
from functions.scans.service import execution, schedules
from functions.scans.store import Store
from kernel.consumer import Consumer
from kernel.events import Envelope

handler = Consumer("scans")
store = cache(Store)


@handler.on(ScanQueued)
def launch(event: ScanQueued, envelope: Envelope) -> None:
    """A queued scan gets its execution."""
    execution.launch(StepFunctions(), envelope.actor(), event.scan_id)


@handler.on(ScanResumed)
def wake_resumed(event: ScanResumed, envelope: Envelope) -> None:
    """A resumed scan is woken."""
    execution.wake(store(), StepFunctions(), envelope.actor(), event.scan_id)


@handler.on(ScanStopRequested)
def wake_stopped(event: ScanStopRequested, envelope: Envelope) -> None:
    """A scan that was stopped while parked is woken, so that it can end."""
    if event.parked:
        execution.wake(store(), StepFunctions(), envelope.actor(), event.scan_id)


@handler.on(ScheduleChanged)
def arm(event: ScheduleChanged, envelope: Envelope) -> None:
    """The clock follows the record."""
    schedules.arm(store(), Scheduler(), envelope.actor(), event.schedule_id)


@handler.on(ScheduleDeleted)
def disarm(event: ScheduleDeleted, _envelope: Envelope) -> None:
    """The clock forgets the schedule."""
    Scheduler().clear(event.schedule_id)
