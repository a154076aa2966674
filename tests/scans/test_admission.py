"""Whose turn it is: as many scans at once as the plan allows, the others in their order, none forgotten."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine

from contracts.organizations import Tenancy
from contracts.scans import ScanStatus
from functions.scans.errors import WrongState
from functions.scans.model import Queue, Scan
from functions.scans.schemas import CreateScan
from functions.scans.service import admission, execution, scans
from functions.scans.service.execution import WaveReport
from functions.scans.store import Store
from kernel.actor import Actor
from kernel.table import create
from tests.kit import actor
from tests.memory_table import events_in, memory_table

AT_ONCE = 2
"""What the free plan allows."""


class Machine:
    """The executions that were started, and the tokens that woke some."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.woken: list[str] = []
        self.dies = False

    def start(self, tenant_id: str, scan_id: str, execution: str = "") -> bool:
        if self.dies:
            raise RuntimeError("the worker died")
        if (execution or scan_id) in self.started:
            return False
        self.started.append(execution or scan_id)
        return True

    def wake(self, token: str) -> None:
        self.woken.append(token)

    def broke_off(self, execution: str) -> str | None:
        return None


def queued(store: Store, who: Actor, **fields: Any) -> Scan:
    scan = scans.create_scan(store, who, CreateScan(name="Site", targets=["127.0.0.1"], **fields))
    return scans.start_scan(store, who, scan.scan_id)


def ended(store: Store, who: Actor, scan_id: str) -> None:
    execution.gate(store, who, scan_id, None)
    execution.gate(store, who, scan_id, WaveReport(-1, exhausted=True))


def test_the_next_scan_runs_when_one_has_ended() -> None:
    store, who, machine = Store(memory_table()), actor(), Machine()
    ids = [queued(store, who).scan_id for _ in range(5)]
    for scan_id in ids:
        admission.enter(store, machine, who, scan_id)
    assert machine.started == ids[:AT_ONCE]
    ended(store, who, ids[1])
    for _ in range(2):  # an event that comes twice changes nothing
        admission.leave(store, machine, who, ids[1])
    assert machine.started == ids[:3]
    assert store.queue(who).waiting == ids[3:]


def test_a_scan_that_waits_says_how_many_are_before_it() -> None:
    store, who, machine = Store(memory_table()), actor(), Machine()
    ids = [queued(store, who).scan_id for _ in range(4)]
    for scan_id in ids:
        admission.enter(store, machine, who, scan_id)
    assert [scans.get_scan(store, who, scan_id).reason for scan_id in ids] == [
        None, None, "Waits its turn: 0 before it.", "Waits its turn: 1 before it.",
    ]  # fmt: skip


def test_a_larger_plan_runs_more_at_once() -> None:
    table, who, machine = memory_table(), actor(), Machine()
    table.write(create(Tenancy(tenant_id=who.tenant_id, plan="professional")))
    store = Store(table)
    ids = [queued(store, who).scan_id for _ in range(10)]
    for scan_id in ids:
        admission.enter(store, machine, who, scan_id)
    assert len(machine.started) == 8


def test_what_a_worker_admitted_before_it_died_is_started_by_the_next() -> None:
    store, who, machine = Store(memory_table()), actor(), Machine()
    first, second, third = (queued(store, who).scan_id for _ in range(3))
    for scan_id in (first, second, third):
        admission.enter(store, machine, who, scan_id)
    ended(store, who, first)
    machine.dies = True
    with pytest.raises(RuntimeError):
        admission.leave(store, machine, who, first)
    machine.dies = False
    admission.leave(store, machine, who, first)
    assert machine.started == [first, second, third]
    assert store.queue(who).admitted == []


def test_a_scan_that_is_stopped_before_its_turn_ends_at_once() -> None:
    store, who, machine = Store(memory_table()), actor(), Machine()
    ids = [queued(store, who).scan_id for _ in range(3)]
    for scan_id in ids:
        admission.enter(store, machine, who, scan_id)
    scans.stop_scan(store, who, ids[2])
    admission.hurry(store, machine, who, ids[2])
    assert machine.started == ids
    assert execution.gate(store, who, ids[2], None).next == "end"
    assert store.scan(who, ids[2]).status is ScanStatus.STOPPED


def test_a_scan_whose_execution_is_gone_ends_when_it_is_stopped_again_later() -> None:
    table, who = memory_table(), actor()
    store, machine = Store(table), Machine()
    with time_machine.travel("2026-05-04T03:00:00Z", tick=False) as now:
        scan_id = queued(store, who).scan_id
        admission.enter(store, machine, who, scan_id)
        execution.gate(store, who, scan_id, None)
        scans.stop_scan(store, who, scan_id)
        now.shift(600)
        with pytest.raises(WrongState):
            scans.stop_scan(store, who, scan_id)
        now.shift(3600)
        assert scans.stop_scan(store, who, scan_id).status is ScanStatus.STOPPED
        assert execution.gate(store, who, scan_id, WaveReport(0, 5)).next == "end"
    assert [event.type for event in events_in(table)].count("ScanEnded.v1") == 1
    admission.leave(store, machine, who, scan_id)
    assert store.queue(who).running == []


def test_a_scan_that_rests_makes_room_and_comes_back_whatever_the_limit() -> None:
    store, who, machine = Store(memory_table()), actor(), Machine()
    ids = [queued(store, who).scan_id for _ in range(3)]
    for scan_id in ids:
        admission.enter(store, machine, who, scan_id)
    execution.gate(store, who, ids[0], None)
    scans.pause_scan(store, who, ids[0])
    assert execution.gate(store, who, ids[0], None).next == "park"
    admission.leave(store, machine, who, ids[0])
    assert machine.started == ids
    scans.resume_scan(store, who, ids[0])
    admission.rejoin(store, machine, who, ids[0])
    assert sorted(store.queue(who).running) == sorted(ids)
    assert machine.started == ids


def test_a_scan_that_was_paused_before_its_turn_waits_for_it_when_it_is_resumed() -> None:
    store, who, machine = Store(memory_table()), actor(), Machine()
    ids = [queued(store, who).scan_id for _ in range(3)]
    for scan_id in ids:
        admission.enter(store, machine, who, scan_id)
    execution.gate(store, who, ids[0], None)
    scans.pause_scan(store, who, ids[2])
    admission.hurry(store, machine, who, ids[2])
    assert execution.gate(store, who, ids[2], None).next == "park"
    execution.park(store, machine, who, ids[2], "token")
    admission.leave(store, machine, who, ids[2])
    scans.resume_scan(store, who, ids[2])
    admission.rejoin(store, machine, who, ids[2])
    assert (machine.woken, store.queue(who).waiting) == ([], [ids[2]])
    ended(store, who, ids[0])
    admission.leave(store, machine, who, ids[0])
    assert machine.woken == ["token"]
    assert machine.started == ids


def test_a_scan_that_is_stopped_while_it_enters_the_queue_does_not_wait_its_turn() -> None:
    who, machine = actor(), Machine()

    class Meanwhile(Store):
        """Somebody stops the scan between the look at it and the queue."""

        stops = ""

        def queue(self, actor: Actor) -> Queue:
            if self.stops:
                scan_id, self.stops = self.stops, ""
                scans.stop_scan(self, actor, scan_id)
                admission.hurry(self, machine, actor, scan_id)
            return super().queue(actor)

    store = Meanwhile(memory_table())
    ids = [queued(store, who).scan_id for _ in range(3)]
    for scan_id in ids[:2]:
        admission.enter(store, machine, who, scan_id)
    store.stops = ids[2]
    admission.enter(store, machine, who, ids[2])
    assert machine.started == ids


def test_tenants_do_not_wait_for_one_another() -> None:
    table, machine = memory_table(), Machine()
    store = Store(table)
    crowd = actor()
    for _ in range(50):
        admission.enter(store, machine, crowd, queued(store, crowd).scan_id)
    few = [actor() for _ in range(9)]
    theirs = [queued(store, who).scan_id for who in few]
    for who, scan_id in zip(few, theirs, strict=True):
        admission.enter(store, machine, who, scan_id)
    assert machine.started[AT_ONCE:] == theirs


def test_two_hundred_scans_of_ten_tenants_end_within_twice_each_others_time() -> None:
    """Workers take the running scans in turn, one wave at a time; every scan has three waves."""
    table, machine = memory_table(), Machine()
    store = Store(table)
    tenants = [actor() for _ in range(10)]
    owners = {queued(store, who).scan_id: who for _ in range(20) for who in tenants}
    for scan_id, who in owners.items():
        admission.enter(store, machine, who, scan_id)
    waves, done, clock = dict.fromkeys(owners, 0), dict[str, int](), 0
    while len(done) < len(owners):
        running = [scan_id for scan_id in machine.started if scan_id not in done]
        assert running, "nobody runs, and not all are done"
        for scan_id in running:
            clock += 1
            waves[scan_id] += 1
            if waves[scan_id] == 3:
                ended(store, owners[scan_id], scan_id)
                done[scan_id] = clock
                admission.leave(store, machine, owners[scan_id], scan_id)
    completion = {who.tenant_id: max(done[s] for s, owner in owners.items() if owner is who) for who in tenants}
    assert max(completion.values()) / min(completion.values()) <= 2


def test_the_queue_forgets_nobody_whatever_happens_to_it() -> None:
    queue = Queue(tenant_id="org_1")
    for name in "abcd":
        queue.enter(name)
    queue.fill(2)
    queue.hurry("d")
    queue.leave("a")
    queue.fill(2)
    assert (queue.running, queue.waiting) == (["b", "d"], ["c"])
    queue.leave("d")
    queue.fill(2)
    assert (queue.running, queue.waiting) == (["b", "c"], [])
    queue.started(["a", "b", "c", "d"])
    assert queue.admitted == []


def test_a_long_scan_goes_on_in_another_execution_and_the_old_one_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.scans.model.MAX_ROUNDS", 2)
    table, who = memory_table(), actor()
    store = Store(table)
    scan_id = queued(store, who).scan_id
    assert execution.gate(store, who, scan_id, None, scan_id).next == "wave"
    assert execution.gate(store, who, scan_id, WaveReport(0, 1), scan_id).next == "wave"
    for _ in range(2):  # however often it asks
        assert execution.gate(store, who, scan_id, WaveReport(1, 1), scan_id).next == "end"
    (told,) = [event.event() for event in events_in(table) if event.type == "ScanContinued.v1"]
    assert getattr(told, "execution", None) == f"{scan_id}-2"
    execution.fail(store, who, scan_id, "States.Timeout", scan_id)  # the old one
    scan = store.scan(who, scan_id)
    assert (scan.status, scan.wave, scan.finished_at) == (ScanStatus.RUNNING, 2, None)
    verdict = execution.gate(store, who, scan_id, None, f"{scan_id}-2")
    assert (verdict.next, verdict.wave) == ("wave", 2)
