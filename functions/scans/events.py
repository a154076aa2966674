"""Event door of the scans context: commands that were committed become executions and alarms of the clock."""

from __future__ import annotations

from functools import cache

from contracts.organizations import OrganizationStatusChanged
from contracts.scans import (
    ScanContinued,
    ScanDeleted,
    ScanEnded,
    ScanPaused,
    ScanPauseRequested,
    ScanQueued,
    ScanResumed,
    ScanStopRequested,
    ScheduleChanged,
    ScheduleDeleted,
)
from functions.scans.gateways import Scheduler, StepFunctions
from functions.scans.service import admission, execution, schedules
from functions.scans.store import Store
from kernel.consumer import Consumer
from kernel.events import Envelope

handler = Consumer("scans")
store = cache(Store)


@handler.on(ScanQueued)
def enter(event: ScanQueued, envelope: Envelope) -> None:
    """A queued scan gets its execution when it is its turn."""
    admission.enter(store(), StepFunctions(), envelope.actor(), event.scan_id)


@handler.on(ScanContinued)
def go_on(event: ScanContinued, envelope: Envelope) -> None:
    """A long scan gets another execution."""
    StepFunctions().start(envelope.actor().tenant_id, event.scan_id, event.execution)


@handler.on(ScanResumed)
def wake_resumed(event: ScanResumed, envelope: Envelope) -> None:
    """A resumed scan is woken, when it is its turn."""
    admission.rejoin(store(), StepFunctions(), envelope.actor(), event.scan_id)


@handler.on(ScanPauseRequested)
def pause_waiting(event: ScanPauseRequested, envelope: Envelope) -> None:
    """A scan that waits its turn parks at once."""
    admission.hurry(store(), StepFunctions(), envelope.actor(), event.scan_id)


@handler.on(ScanStopRequested)
def wake_stopped(event: ScanStopRequested, envelope: Envelope) -> None:
    """A scan that was stopped while parked or waiting gets on, so that it can end."""
    if event.parked:
        execution.wake(store(), StepFunctions(), envelope.actor(), event.scan_id)
    else:
        admission.hurry(store(), StepFunctions(), envelope.actor(), event.scan_id)


@handler.on(ScanPaused)
def rest(event: ScanPaused, envelope: Envelope) -> None:
    """A scan that rests makes room; one that rests by its calendar is woken by the clock."""
    scan = admission.leave(store(), StepFunctions(), envelope.actor(), event.scan_id)
    if scan is not None and scan.is_resting and scan.resumes_at is not None:  # as it is now: events come in any order
        Scheduler().once(envelope.actor().tenant_id, event.scan_id, scan.resumes_at)


@handler.on(ScanEnded)
def leave(event: ScanEnded, envelope: Envelope) -> None:
    """A scan that has ended makes room for the next."""
    admission.leave(store(), StepFunctions(), envelope.actor(), event.scan_id)


@handler.on(ScanDeleted)
def forget(event: ScanDeleted, envelope: Envelope) -> None:
    """So does one that is gone."""
    admission.leave(store(), StepFunctions(), envelope.actor(), event.scan_id)


@handler.on(ScheduleChanged)
def arm(event: ScheduleChanged, envelope: Envelope) -> None:
    """The clock follows the record."""
    schedules.arm(store(), Scheduler(), envelope.actor(), event.schedule_id)


@handler.on(OrganizationStatusChanged)
def follow(_event: OrganizationStatusChanged, envelope: Envelope) -> None:
    """Nothing recurs in an organisation that is suspended or being closed."""
    schedules.follow_organization(store(), Scheduler(), envelope.actor())


@handler.on(ScheduleDeleted)
def disarm(event: ScheduleDeleted, _envelope: Envelope) -> None:
    """The clock forgets the schedule."""
    Scheduler().clear(event.schedule_id)
