"""A scan as its state machine sees it. Each step may run again at any time and then changes nothing twice."""

from __future__ import annotations

from typing import Literal

import msgspec

from contracts.scans import (
    ENDED,
    Budget,
    ScanContinued,
    ScanEnded,
    ScanPaused,
    ScanProgressed,
    ScanStarted,
    ScanStatus,
    Tally,
)
from functions.scans.gateways import Machine
from functions.scans.model import Scan
from functions.scans.store import Store
from kernel.actor import Actor
from kernel.errors import PreconditionFailed
from kernel.events import Event

ATTEMPTS = 5


class WaveReport(msgspec.Struct, frozen=True):
    """What the wave that was just committed adds to the scan. A wave below zero adds nothing: there was none."""

    wave: int
    tasks: int = 0
    observations: int = 0
    entities: int = 0
    findings: int = 0
    """How many findings the scan has by now; the other numbers are the wave's own."""
    errors: int = 0
    packets: int = 0
    bytes: int = 0
    dollars: float = 0.0
    exhausted: bool = False
    """Nothing is left to do."""


class Remaining(msgspec.Struct, frozen=True):
    """What is left of the budget for the next wave."""

    tasks: int
    packets: int
    bytes: int
    dollars: float


class Verdict(msgspec.Struct, frozen=True):
    """What the state machine does next."""

    next: Literal["wave", "park", "end"]
    wave: int
    budget: Remaining | None = None


def gate(store: Store, actor: Actor, scan_id: str, report: WaveReport | None, execution: str = "") -> Verdict:
    """Take in a wave's report and decide whether the scan goes on, parks or ends. `execution` is who asks; one that
    has been followed by another ends."""
    for _ in range(ATTEMPTS):
        scan = store.find_scan(actor, scan_id)
        if scan is None:  # deleted while it ran
            return Verdict("end", 0)
        if execution and execution != (scan.execution or scan_id):
            return Verdict("end", scan.wave)
        before = scan.model_copy()
        events = [*_record(scan, report), *_advance(scan, report), *_continue(scan)]
        if scan != before:
            try:
                store.save(actor, scan, *events)
            except PreconditionFailed:
                continue  # a command came in between: judge again
        return Verdict("end", scan.wave) if scan.execution != before.execution else _verdict(scan)
    raise PreconditionFailed(f"the scan {scan_id} changes faster than it can be judged")


def park(store: Store, machine: Machine, actor: Actor, scan_id: str, token: str) -> None:
    """Keep the token that wakes a parked scan; wake it at once when it is no longer parked."""
    for _ in range(ATTEMPTS):
        scan = store.find_scan(actor, scan_id)
        if scan is None or scan.status is not ScanStatus.PAUSED:
            machine.wake(token)
            return
        scan.resume_token = token
        try:
            store.save(actor, scan)
        except PreconditionFailed:
            continue
        return
    machine.wake(token)


def wake(store: Store, machine: Machine, actor: Actor, scan_id: str) -> None:
    """Let a parked execution go on; one that has not parked yet sees the new status itself."""
    scan = store.find_scan(actor, scan_id)
    if scan is not None and scan.resume_token is not None:
        machine.wake(scan.resume_token)


def fail(store: Store, actor: Actor, scan_id: str, cause: str, execution: str = "") -> None:
    """The execution could not go on in spite of its retries; one that another has followed says nothing about it."""
    scan = store.find_scan(actor, scan_id)
    if scan is None or scan.finished_at is not None:
        return
    if execution and execution != (scan.execution or scan_id):
        return
    scan.end(ScanStatus.FAILED, cause[:500])
    store.save(actor, scan, _ended(scan))


def break_off(store: Store, actor: Actor, scan_id: str, execution: str, cause: str) -> None:
    """The execution ended without its own last step. A scan that it was in charge of ends: as its user wished, if he
    asked it to stop, otherwise as a failure. One that has ended, or goes on in another execution, is left alone."""
    for _ in range(ATTEMPTS):
        scan = store.find_scan(actor, scan_id)
        if scan is None or scan.finished_at is not None or execution != (scan.execution or scan_id):
            return
        stopped = scan.status is ScanStatus.STOPPING
        scan.end(ScanStatus.STOPPED if stopped else ScanStatus.FAILED, f"{cause} What it found until then stays.")
        try:
            store.save(actor, scan, _ended(scan))
        except PreconditionFailed:
            continue  # a command or a step came in between
        return
    raise PreconditionFailed(f"the scan {scan_id} changes faster than it can be ended")


def _record(scan: Scan, report: WaveReport | None) -> list[Event]:
    """Add a wave to the tally, unless it has been added before, or the scan has had its last word."""
    if report is None or report.wave < scan.wave or scan.status in ENDED:
        return []
    tally = scan.tally
    scan.wave = report.wave + 1
    scan.rounds += 1
    scan.tally = Tally(
        waves=scan.wave,
        tasks=tally.tasks + report.tasks,
        observations=tally.observations + report.observations,
        entities=tally.entities + report.entities,
        findings=report.findings,
        errors=tally.errors + report.errors,
        packets=tally.packets + report.packets,
        bytes=tally.bytes + report.bytes,
        dollars=round(tally.dollars + report.dollars, 6),
        seconds=round(scan.active_minutes() * 60, 3),
    )
    return [ScanProgressed(scan_id=scan.scan_id, name=scan.name, wave=report.wave, tally=scan.tally)]


def _advance(scan: Scan, report: WaveReport | None) -> list[Event]:
    """Move the status on, as far as the commands, the budget and the work that is left say."""
    match scan.status:
        case ScanStatus.STOPPING:
            scan.end(ScanStatus.STOPPED, "Stopped by a user.")
            return [_ended(scan)]
        case ScanStatus.PAUSING:
            scan.park()
            return [ScanPaused(scan_id=scan.scan_id, name=scan.name, wave=scan.wave)]
        case ScanStatus.QUEUED:
            scan.begin()
            return [ScanStarted(scan_id=scan.scan_id, name=scan.name), *_rest_if_closed(scan)]
        case ScanStatus.RUNNING:
            return _finish_if_due(scan, report) or _rest_if_closed(scan)
        case _:
            return []


def _rest_if_closed(scan: Scan) -> list[Event]:
    """Outside its calendar a scan rests; the clock wakes it."""
    opens = scan.closed_until()
    if opens is None:
        scan.reason = None
        scan.set_end()
        return []
    scan.park(opens)
    return [ScanPaused(scan_id=scan.scan_id, name=scan.name, resumes_at=scan.resumes_at, wave=scan.wave)]


def _continue(scan: Scan) -> list[Event]:
    """Hand a scan that goes on to another execution before this one's history is full."""
    if scan.status is not ScanStatus.RUNNING or not scan.is_long:
        return []
    scan.hand_over()
    return [ScanContinued(scan_id=scan.scan_id, name=scan.name, execution=scan.execution)]


def _finish_if_due(scan: Scan, report: WaveReport | None) -> list[Event]:
    reason = scan.spent()
    if reason is None and not (report and report.exhausted):
        return []
    scan.end(ScanStatus.FINISHED, reason)
    return [_ended(scan)]


def _verdict(scan: Scan) -> Verdict:
    if scan.status is ScanStatus.PAUSED:
        return Verdict("park", scan.wave)
    if scan.finished_at is not None:
        return Verdict("end", scan.wave)
    return Verdict("wave", scan.wave, _remaining(scan.budget, scan.tally))


def _remaining(budget: Budget, used: Tally) -> Remaining:
    return Remaining(
        tasks=budget.tasks - used.tasks,
        packets=budget.packets - used.packets,
        bytes=budget.bytes - used.bytes,
        dollars=budget.dollars - used.dollars,
    )


def _ended(scan: Scan) -> ScanEnded:
    return ScanEnded(
        scan_id=scan.scan_id,
        name=scan.name,
        team_id=scan.team_id,
        status=scan.status,
        reason=scan.reason,
        tally=scan.tally,
        created_by=scan.created_by,
    )
