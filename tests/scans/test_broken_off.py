"""Scans whose executions ended without their own last steps: they end, and make room for the next."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.scans import ScanStatus
from functions.scans import events, steps
from functions.scans.gateways import StepFunctions
from functions.scans.model import Scan
from functions.scans.schemas import CreateScan
from functions.scans.service import admission, execution, scans
from functions.scans.service.execution import WaveReport
from functions.scans.store import Store
from kernel import aws
from kernel.actor import Actor
from kernel.errors import PreconditionFailed
from kernel.events import Event
from kernel.records import Resource
from tests import edges
from tests.executions import MACHINE, queued, status_change
from tests.kit import actor, committed_events, sqs_event
from tests.memory_table import events_in, memory_table

CAUSE = "Somebody who operates the platform ended its execution."
TOLD = f"{CAUSE} What it found until then stays."


class Machine:
    """The executions that were started."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.broken: list[str] = []
        """Executions whose end was not told."""

    def start(self, tenant_id: str, scan_id: str, execution: str = "") -> bool:
        self.started.append(execution or scan_id)
        return True

    def wake(self, token: str) -> None:
        raise AssertionError(f"nobody waits on {token}")

    def broke_off(self, execution: str) -> str | None:
        return CAUSE if execution in self.broken else None


def waiting(store: Store, who: Actor) -> Scan:
    scan = scans.create_scan(store, who, CreateScan(name="Site", targets=["127.0.0.1"]))
    return scans.start_scan(store, who, scan.scan_id)


def running(store: Store, who: Actor) -> str:
    scan_id = waiting(store, who).scan_id
    execution.gate(store, who, scan_id, None, scan_id)
    execution.gate(store, who, scan_id, WaveReport(0, tasks=3, observations=5), scan_id)
    return scan_id


def test_a_scan_that_runs_fails_with_what_it_found() -> None:
    table, who = memory_table(), actor()
    store = Store(table)
    scan_id = running(store, who)
    for _ in range(2):  # told twice
        execution.break_off(store, who, scan_id, scan_id, CAUSE)
    scan = store.scan(who, scan_id)
    assert (scan.status, scan.reason, scan.tally.observations) == (ScanStatus.FAILED, TOLD, 5)
    (ended,) = [event.event() for event in events_in(table) if event.type == "ScanEnded.v1"]
    assert (getattr(ended, "status", None), getattr(ended, "reason", None)) == (ScanStatus.FAILED, TOLD)


@pytest.mark.parametrize("command", ["pause", "queued"])
def test_one_that_rests_or_had_not_begun_fails_too(command: str) -> None:
    store, who = Store(memory_table()), actor()
    scan_id = waiting(store, who).scan_id if command == "queued" else running(store, who)
    if command != "queued":
        scans.pause_scan(store, who, scan_id)
        execution.gate(store, who, scan_id, None, scan_id)
        execution.park(store, Machine(), who, scan_id, "token")
    execution.break_off(store, who, scan_id, scan_id, CAUSE)
    assert store.scan(who, scan_id).status is ScanStatus.FAILED


def test_one_that_was_asked_to_stop_has_stopped() -> None:
    store, who = Store(memory_table()), actor()
    scan_id = running(store, who)
    scans.stop_scan(store, who, scan_id)
    execution.break_off(store, who, scan_id, scan_id, CAUSE)
    assert store.scan(who, scan_id).status is ScanStatus.STOPPED


def test_one_that_has_ended_stays_as_it_is() -> None:
    table, who = memory_table(), actor()
    store = Store(table)
    scan_id = running(store, who)
    execution.gate(store, who, scan_id, WaveReport(-1, exhausted=True), scan_id)
    before = store.scan(who, scan_id)
    execution.break_off(store, who, scan_id, scan_id, CAUSE)
    assert store.scan(who, scan_id) == before
    execution.break_off(store, who, "scan_gone", "scan_gone", CAUSE)


def test_an_execution_that_another_has_followed_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.scans.model.MAX_ROUNDS", 2)
    store, who = Store(memory_table()), actor()
    scan_id = running(store, who)
    assert execution.gate(store, who, scan_id, WaveReport(1, 1), scan_id).next == "end"
    for name in (scan_id, f"{scan_id}-3", "by-hand"):
        execution.break_off(store, who, scan_id, name, CAUSE)
    assert store.scan(who, scan_id).status is ScanStatus.RUNNING
    execution.break_off(store, who, scan_id, f"{scan_id}-2", CAUSE)
    assert store.scan(who, scan_id).status is ScanStatus.FAILED


def test_the_next_scan_of_the_tenant_runs() -> None:
    store, who, machine = Store(memory_table()), actor(), Machine()
    ids = [waiting(store, who).scan_id for _ in range(3)]
    for scan_id in ids:
        admission.enter(store, machine, who, scan_id)
    assert machine.started == ids[:2]
    execution.break_off(store, who, ids[0], ids[0], CAUSE)
    admission.leave(store, machine, who, ids[0])
    assert machine.started == ids
    assert store.queue(who).running == ids[1:]


def test_who_has_to_wait_finds_what_was_not_told() -> None:
    store, who, machine = Store(memory_table()), actor(), Machine()
    ids = [waiting(store, who).scan_id for _ in range(2)]
    for scan_id in ids:
        admission.enter(store, machine, who, scan_id)
        execution.gate(store, who, scan_id, None, scan_id)
    machine.broken = ids[:1]
    later: list[str] = []
    while store.scan(who, ids[0]).finished_at is None:
        later.append(waiting(store, who).scan_id)
        admission.enter(store, machine, who, later[-1])
        assert len(later) < 100, "one of two is looked at each time"
    assert store.scan(who, ids[0]).reason == TOLD
    assert store.scan(who, ids[1]).status is ScanStatus.RUNNING
    admission.leave(store, machine, who, ids[0])
    assert machine.started == [*ids, later[0]]


def test_a_command_that_comes_in_between_is_heeded() -> None:
    who = actor()

    class Meanwhile(Store):
        """Somebody stops the scan between the look at it and its end."""

        stops = ""

        def save(self, actor: Actor, record: Any, *events: Event, answer: Resource | None = None) -> None:
            if self.stops:
                scan_id, self.stops = self.stops, ""
                scans.stop_scan(self, actor, scan_id)
            super().save(actor, record, *events, answer=answer)

    store = Meanwhile(memory_table())
    scan_id = running(store, who)
    store.stops = scan_id
    execution.break_off(store, who, scan_id, scan_id, CAUSE)
    assert store.scan(who, scan_id).status is ScanStatus.STOPPED


def test_one_that_changes_without_end_is_tried_again_later() -> None:
    class Busy(Store):
        def save(self, *_: Any, **__: Any) -> None:
            raise PreconditionFailed()

    table, who = memory_table(), actor()
    scan_id = running(Store(table), who)
    with pytest.raises(PreconditionFailed, match="changes faster"):
        execution.break_off(Busy(table), who, scan_id, scan_id, CAUSE)


@pytest.mark.usefixtures("cloud")
def test_the_door_ends_the_scan_and_the_queue_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCAN_MACHINE_ARN", MACHINE)
    machine = Machine()
    monkeypatch.setattr(events, "StepFunctions", lambda: machine)
    who, other = actor(), actor()
    store = Store()
    ids = [waiting(store, who).scan_id for _ in range(3)]
    for scan_id in ids:
        admission.enter(store, machine, who, scan_id)
    foreign = status_change(ids[0], {"tenant_id": other.tenant_id, "scan_id": ids[0]})
    renamed = status_change("by-hand", {"tenant_id": who.tenant_id, "scan_id": ids[0]})
    assert steps.executions(queued(foreign, renamed), None) == {"batchItemFailures": []}
    assert store.scan(who, ids[0]).status is ScanStatus.QUEUED
    told = status_change(ids[0], {"tenant_id": who.tenant_id, "scan_id": ids[0]})
    assert steps.executions(queued(told, told), None) == {"batchItemFailures": []}
    (ended,) = [each for each in committed_events() if each.type == "ScanEnded.v1"]
    assert events.handler(sqs_event(ended), None) == {"batchItemFailures": []}
    assert machine.started == ids


@pytest.mark.usefixtures("cloud")
def test_an_execution_is_asked_how_it_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    edges.set_up(monkeypatch)
    machines, who = StepFunctions(), actor()
    assert machines.start(who.tenant_id, "scan_1")
    assert machines.broke_off("scan_1") is None
    assert machines.broke_off("scan_2") is None, "never started"
    executions = aws.setting("SCAN_MACHINE_ARN").replace(":stateMachine:", ":execution:")
    aws.client("stepfunctions").stop_execution(executionArn=f"{executions}:scan_1")
    assert machines.broke_off("scan_1") == CAUSE
