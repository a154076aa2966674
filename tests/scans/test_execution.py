"""A scan as its state machine sees it: gates, parking, failures, and the doors that lead there."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine

from contracts.scans import Budget, ScanStatus
from functions.scans import api, events, steps
from functions.scans.gateways import StepFunctions
from functions.scans.model import Scan
from functions.scans.schemas import CreateScan
from functions.scans.service import execution, scans
from functions.scans.service.execution import ATTEMPTS, Remaining, Verdict, WaveReport
from functions.scans.store import Store
from kernel.actor import Actor
from kernel.errors import PreconditionFailed
from tests import edges
from tests.faults import answering, hooked, refusal
from tests.kit import actor, call, committed_events, sqs_event
from tests.memory_table import events_in, memory_table


class Woken:
    """The tokens that were used."""

    def __init__(self) -> None:
        self.tokens: list[str] = []

    def start(self, tenant_id: str, scan_id: str, execution: str = "") -> bool:
        raise AssertionError("nothing is started here")

    def wake(self, token: str) -> None:
        self.tokens.append(token)


def queued(store: Store, who: Actor, **budget: Any) -> Scan:
    scan = scans.create_scan(store, who, CreateScan(name="Site", targets=["127.0.0.1"], budget=Budget(**budget)))
    return scans.start_scan(store, who, scan.scan_id)


def test_a_scan_runs_wave_after_wave_until_nothing_is_left() -> None:
    table, who = memory_table(), actor()
    store = Store(table)
    scan_id = queued(store, who).scan_id
    whole = Remaining(tasks=1_000_000, packets=10**9, bytes=10**12, dollars=50.0)
    assert execution.gate(store, who, scan_id, None) == Verdict("wave", 0, whole)
    report = WaveReport(0, 10, 20, 5, 2, 1, packets=30, bytes=4000, dollars=0.5)
    left = Remaining(tasks=999_990, packets=10**9 - 30, bytes=10**12 - 4000, dollars=49.5)
    assert execution.gate(store, who, scan_id, report) == Verdict("wave", 1, left)
    assert execution.gate(store, who, scan_id, WaveReport(1, 5, 7, 3, 4)).wave == 2
    assert execution.gate(store, who, scan_id, WaveReport(-1, exhausted=True)).next == "end"
    scan = store.scan(who, scan_id)
    assert (scan.status, scan.reason) == (ScanStatus.FINISHED, None)
    assert scan.tally.model_dump(exclude={"seconds"}) == {
        "waves": 2, "tasks": 15, "observations": 27, "entities": 8, "findings": 4, "errors": 1,
        "packets": 30, "bytes": 4000, "dollars": 0.5,
    }  # fmt: skip
    assert [event.type for event in events_in(table)] == [
        "ScanCreated.v1", "ScanQueued.v1", "ScanStarted.v1", "ScanProgressed.v1", "ScanProgressed.v1", "ScanEnded.v1",
    ]  # fmt: skip


def test_a_wave_never_gets_more_tasks_than_are_left_and_the_end_says_why() -> None:
    store, who = Store(memory_table()), actor()
    scan_id = queued(store, who, tasks=12).scan_id
    assert tasks_left(execution.gate(store, who, scan_id, None)) == 12
    assert tasks_left(execution.gate(store, who, scan_id, WaveReport(0, 10))) == 2
    assert execution.gate(store, who, scan_id, WaveReport(1, 2)).next == "end"
    assert store.scan(who, scan_id).reason == "The budget of 12 tasks is used up."


@pytest.mark.parametrize(
    ("budget", "used", "unit"),
    [
        ({"packets": 500}, {"packets": 500}, "500 packets"),
        ({"bytes": 9000}, {"bytes": 9001}, "9000 bytes"),
        ({"dollars": 0.25}, {"dollars": 0.3}, "0.25 dollars"),
    ],
)
def test_every_kind_of_budget_ends_a_scan_and_is_named(budget: Any, used: Any, unit: str) -> None:
    store, who = Store(memory_table()), actor()
    scan_id = queued(store, who, **budget).scan_id
    execution.gate(store, who, scan_id, None)
    assert execution.gate(store, who, scan_id, WaveReport(0, 1, **used)).next == "end"
    assert store.scan(who, scan_id).reason == f"The budget of {unit} is used up."


def test_the_tally_says_how_long_a_scan_has_run_without_its_rest() -> None:
    store, who = Store(memory_table()), actor()
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False) as clock:
        scan_id = queued(store, who).scan_id
        execution.gate(store, who, scan_id, None)
        clock.shift(30)
        scans.pause_scan(store, who, scan_id)
        execution.gate(store, who, scan_id, WaveReport(0, 1))
        clock.shift(500)
        scans.resume_scan(store, who, scan_id)
        clock.shift(12)
        execution.gate(store, who, scan_id, WaveReport(1, 1))
    assert store.scan(who, scan_id).tally.seconds == pytest.approx(42, abs=0.01)


def tasks_left(verdict: Verdict) -> int:
    assert verdict.budget is not None
    return verdict.budget.tasks


def test_a_scan_that_was_deleted_or_never_was_ends_the_execution() -> None:
    store, who, machine = Store(memory_table()), actor(), Woken()
    assert execution.gate(store, who, "scan_none", None) == Verdict("end", 0)
    execution.fail(store, who, "scan_none", "cause")
    execution.wake(store, machine, who, "scan_none")
    assert machine.tokens == []
    execution.park(store, machine, who, "scan_none", "token")
    assert machine.tokens == ["token"]


def test_a_failure_is_told_once_and_cut_to_size() -> None:
    table, who = memory_table(), actor()
    store = Store(table)
    scan_id = queued(store, who).scan_id
    for _ in range(2):
        execution.fail(store, who, scan_id, "x" * 900)
    scan = store.scan(who, scan_id)
    assert (scan.status, scan.reason) == (ScanStatus.FAILED, "x" * 500)
    assert [event.type for event in events_in(table)].count("ScanEnded.v1") == 1
    assert execution.gate(store, who, scan_id, WaveReport(0, 5)).next == "end"
    assert store.scan(who, scan_id).tally.tasks == 0


@pytest.mark.usefixtures("cloud")
def test_a_command_between_a_gates_read_and_its_write_is_judged_too() -> None:
    who = actor()
    scan_id = queued(Store(), who).scan_id
    interrupted: list[str] = []

    def interrupt(model: Any, **_keywords: Any) -> None:
        if model.name == "TransactWriteItems" and not interrupted:
            interrupted.append(model.name)
            scans.stop_scan(Store(), who, scan_id)

    with hooked(interrupt, "before-call"):
        verdict = execution.gate(Store(), who, scan_id, None)
    assert verdict.next == "end"
    assert Store().scan(who, scan_id).status is ScanStatus.STOPPED
    assert [event.type for event in committed_events()][-1] == "ScanEnded.v1"


@pytest.mark.usefixtures("cloud")
def test_a_scan_that_never_rests_fails_the_step_and_not_the_scan() -> None:
    who = actor()
    scan_id = queued(Store(), who).scan_id
    lost = [refusal("TransactionCanceledException", CancellationReasons=[{"Code": "ConditionalCheckFailed"}, {}])]
    with answering("TransactWriteItems", *lost * ATTEMPTS), pytest.raises(PreconditionFailed, match=scan_id):
        execution.gate(Store(), who, scan_id, None)
    parked = [refusal("TransactionCanceledException", CancellationReasons=[{"Code": "ConditionalCheckFailed"}])]
    scan = Store().scan(who, scan_id)
    scan.status = ScanStatus.PAUSED
    Store().save(who, scan)
    machine = Woken()
    with answering("TransactWriteItems", *parked * ATTEMPTS):
        execution.park(Store(), machine, who, scan_id, "token")
    assert machine.tokens == ["token"]


@pytest.fixture
def world(cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
    edges.set_up(monkeypatch)


@pytest.mark.usefixtures("world")
def test_the_doors_carry_a_scan_from_its_command_to_its_end() -> None:
    who = actor()
    scan_id = call(api.handler, "POST", "/scans", who, {"name": "S", "targets": ["127.0.0.1"]}).body["scan_id"]
    path, task = f"/scans/{scan_id}", {"tenant_id": who.tenant_id, "scan_id": scan_id}
    call(api.handler, "POST", f"{path}/start", who)
    for _ in range(2):
        assert events.handler(sqs_event(*committed_events()), None) == {"batchItemFailures": []}
    assert edges.executions("SCAN_MACHINE_ARN") == [(scan_id, {"tenant_id": who.tenant_id, "scan_id": scan_id})]
    whole = {"tasks": 1_000_000, "packets": 10**9, "bytes": 10**12, "dollars": 50.0}
    assert steps.gate(task, None) == {"next": "wave", "wave": 0, "budget": whole}
    call(api.handler, "POST", f"{path}/pause", who)
    report = {"wave": 0, "tasks": 3, "observations": 4, "entities": 2, "findings": 1}
    assert steps.gate({**task, "report": report}, None)["next"] == "park"
    assert steps.gate({**task, "report": report}, None)["next"] == "park"
    with answering("SendTaskSuccess", {}) as wakings:
        steps.park({**task, "token": "token-1"}, None)
        assert wakings == []
    call(api.handler, "POST", f"{path}/resume", who)
    with answering("SendTaskSuccess", {}) as wakings:
        events.handler(sqs_event(*committed_events()), None)
        assert [request["body"] for request in wakings] == [b'{"taskToken": "token-1", "output": "{}"}']
    assert steps.gate(task, None)["next"] == "wave"
    steps.fail({**task, "cause": "Lambda.Unknown"}, None)
    shown = call(api.handler, "GET", path, who).body
    assert (shown["status"], shown["reason"]) == (
        "failed",
        "One of its steps failed in spite of its repeats (Lambda.Unknown). What it found until then stays.",
    )
    assert shown["tally"]["tasks"] == 3
    assert "resume_token" not in shown


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("code", ["TaskTimedOut", "InvalidToken", "TaskDoesNotExist"])
def test_a_token_that_is_no_longer_good_is_left_alone(code: str) -> None:
    who = actor()
    scan = queued(Store(), who)
    scan.resume_token = "stale"
    Store().save(who, scan)
    scans.stop_scan(Store(), who, scan.scan_id)
    with answering("SendTaskSuccess", *[refusal(code)] * 3):
        execution.wake(Store(), StepFunctions(), who, scan.scan_id)


@pytest.mark.usefixtures("world")
def test_a_scan_that_was_stopped_while_parked_is_woken_to_end() -> None:
    who = actor()
    scan_id = queued(Store(), who).scan_id
    task = {"tenant_id": who.tenant_id, "scan_id": scan_id}
    scans.pause_scan(Store(), who, scan_id)
    assert steps.gate(task, None)["next"] == "park"
    steps.park({**task, "token": "token-1"}, None)
    scans.stop_scan(Store(), who, scan_id)
    with answering("SendTaskSuccess", {}) as wakings:
        events.handler(sqs_event(*committed_events()), None)
        assert len(wakings) == 1
    assert steps.gate(task, None)["next"] == "end"


@pytest.mark.usefixtures("world")
def test_a_machine_that_is_away_fails_the_event_so_that_it_comes_again() -> None:
    who = actor()
    queued(Store(), who)
    sent = committed_events()
    with answering("StartExecution", *[refusal("ServiceUnavailable")] * 9):
        failed = events.handler(sqs_event(*sent), None)["batchItemFailures"]
    assert len(failed) == 1
    assert edges.executions("SCAN_MACHINE_ARN") == []
    assert events.handler(sqs_event(*sent), None) == {"batchItemFailures": []}
    assert len(edges.executions("SCAN_MACHINE_ARN")) == 1
    with answering("StartExecution", refusal("ExecutionAlreadyExists")):
        assert events.handler(sqs_event(*sent), None) == {"batchItemFailures": []}
