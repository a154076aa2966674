"""The life of a scan under every order of commands, steps, events and repeats."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from contracts.scans import ENDED, Budget, ScanStatus, Tally
from functions.scans import events, model
from functions.scans.schemas import CreateScan
from functions.scans.service import execution, scans
from functions.scans.service.execution import Verdict, WaveReport
from functions.scans.store import Store
from kernel.errors import Conflict, NotFound
from kernel.events import Envelope
from kernel.ids import new_id
from tests.kit import actor
from tests.memory_table import events_in, memory_table

pytestmark = pytest.mark.slow

TASKS = 200
STEPS = (
    *["go_on"] * 24,
    *["an_event_arrives"] * 10,
    *["start_scan", "pause_scan", "resume_scan", "an_old_report_comes_again"] * 4,
    *["stop_scan", "delete_scan", "the_execution_fails"],
)
"""What happens next; ends are rarer than what leads on, so that lives are long."""
HEARD = {
    "ScanQueued.v1": events.enter,
    "ScanPauseRequested.v1": events.pause_waiting,
    "ScanPaused.v1": events.rest,
    "ScanResumed.v1": events.wake_resumed,
    "ScanStopRequested.v1": events.wake_stopped,
    "ScanContinued.v1": events.go_on,
    "ScanEnded.v1": events.leave,
    "ScanDeleted.v1": events.forget,
}
NOTHING_LEFT = WaveReport(-1, exhausted=True)
WAVES = (1, 7, 19, 5, 2, 3, 4, 0)
"""Tasks of a wave; none means that nothing is left."""


class Machine:
    """Step Functions: an execution is started once; a token is good once, and only while its task waits."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.waiting: str | None = None
        self.next = "nothing"

    def start(self, tenant_id: str, scan_id: str, execution: str = "") -> bool:
        if (execution or scan_id) in self.names:
            return False
        self.names.append(execution or scan_id)
        self.next = "gate"
        return True

    def wake(self, token: str) -> None:
        if token == self.waiting:
            self.waiting, self.next = None, "gate"

    def broke_off(self, execution: str) -> str | None:
        return None


class Life(RuleBasedStateMachine):
    """One scan. Whatever a step does, it may do twice: its worker died after it, or its answer was lost."""

    def __init__(self) -> None:
        super().__init__()
        self.who = actor()
        self.table = memory_table()
        self.store = Store(self.table)
        self.machine = Machine()
        self.report: WaveReport | None = None
        self.reports: list[WaveReport] = []
        self.wave = 0
        self.arrived: set[str] = set()
        self.last_word: tuple[ScanStatus, Tally] | None = None

    @initialize(queued=st.sampled_from((True, True, True, False)))
    def define(self, queued: bool) -> None:
        command = CreateScan(name="Site", targets=["127.0.0.1"], budget=Budget(tasks=TASKS))
        self.scan_id = scans.create_scan(self.store, self.who, command).scan_id
        if queued:
            self._command("start_scan")
            self._everything_arrives()

    @rule(step=st.sampled_from(STEPS), choice=st.integers(0, 99))
    def step(self, step: str, choice: int) -> None:
        if step.endswith("_scan"):
            self._command(step)
        else:
            getattr(self, step)(choice)

    def _command(self, name: str) -> None:
        arguments = (None,) if name == "delete_scan" else ()
        self._try(lambda: getattr(scans, name)(self.store, self.who, self.scan_id, *arguments))

    def _try(self, act: Any) -> None:
        try:
            act()
        except (Conflict, NotFound):
            return

    def an_event_arrives(self, choice: int) -> None:
        """Any event so far, in any order, as often as it likes."""
        known = self._events()
        if known:
            self._deliver(known[choice % len(known)])

    def _events(self) -> list[Envelope]:
        return [event for event in events_in(self.table) if event.type in HEARD]

    def _deliver(self, envelope: Envelope) -> None:
        self.arrived.add(envelope.id)
        event = envelope.event()
        doors = (("store", lambda: self.store), ("StepFunctions", lambda: self.machine))
        with pytest.MonkeyPatch.context() as patch:
            for name, stand_in in doors:
                patch.setattr(events, name, stand_in)
            HEARD[envelope.type](event, envelope)

    def go_on(self, choice: int) -> None:
        """The execution takes its next step."""
        steps = {"gate": self.gate, "wave": self.run_a_wave, "park": self.park}
        if self.machine.next in steps:
            steps[self.machine.next](choice)

    def gate(self, choice: int) -> None:
        for _ in range(choice % 3 + 1):
            verdict = execution.gate(self.store, self.who, self.scan_id, self.report, self.machine.names[-1])
            self._check(verdict)
        self.machine.next, self.wave = verdict.next, verdict.wave

    def run_a_wave(self, choice: int) -> None:
        """The planner found nothing to do, or the batches ran, the reducer reduced and the findings were recorded."""
        tasks = WAVES[choice % len(WAVES)]
        self.report = WaveReport(self.wave, tasks, tasks * 2, tasks, choice, errors=1) if tasks else NOTHING_LEFT
        self.reports += [self.report] if tasks else []
        self.machine.next = "gate"

    def park(self, choice: int) -> None:
        token = self.machine.waiting = new_id("token")
        self.machine.next = "waiting"
        for _ in range(choice % 2 + 1):
            execution.park(self.store, self.machine, self.who, self.scan_id, token)

    def an_old_report_comes_again(self, choice: int) -> None:
        """A worker that was thought dead asks the gate once more."""
        over = self.machine.next == "end"
        taken_in = [report for report in self.reports if over or report is not self.report]
        if taken_in:
            report = taken_in[choice % len(taken_in)]
            self._check(execution.gate(self.store, self.who, self.scan_id, report, self.machine.names[-1]))

    def the_execution_fails(self, _choice: int) -> None:
        """Here the scan is told so twice."""
        if self.machine.next in ("gate", "wave", "park"):
            for _ in range(2):
                execution.fail(self.store, self.who, self.scan_id, "Lambda.Unknown")
            self.machine.next = "end"

    def _check(self, verdict: Verdict) -> None:
        scan = self.store.find_scan(self.who, self.scan_id)
        if scan is None or scan.status in ENDED or (scan.execution or scan.scan_id) not in self.machine.names:
            assert verdict.next == "end"
        elif verdict.next == "wave":
            assert scan.status is ScanStatus.RUNNING
            assert verdict.budget is not None
            assert verdict.budget.tasks > 0

    @invariant()
    def every_wave_counts_once(self) -> None:
        scan = self.store.find_scan(self.who, self.scan_id)
        if scan is None:
            return
        counted = [report for report in self.reports if report.wave < scan.wave]
        assert [report.wave for report in counted] == list(range(scan.wave))
        assert scan.tally.waves == scan.wave
        assert scan.tally.tasks == sum(report.tasks for report in counted)
        assert scan.tally.observations == sum(report.observations for report in counted)
        assert scan.tally.errors == len(counted)

    @invariant()
    def what_has_ended_stays_ended_and_is_told_once(self) -> None:
        scan = self.store.find_scan(self.who, self.scan_id)
        if scan is not None and self.last_word is not None:
            assert (scan.status, scan.tally) == self.last_word
        if scan is not None and scan.status in ENDED:
            self.last_word = (scan.status, scan.tally)
            assert scan.finished_at is not None
        told = [event.type for event in events_in(self.table)]
        for once in ("ScanCreated.v1", "ScanQueued.v1", "ScanStarted.v1", "ScanEnded.v1", "ScanDeleted.v1"):
            assert told.count(once) <= 1
        assert (scan is None) == ("ScanDeleted.v1" in told)
        assert ("ScanEnded.v1" in told) == (self.last_word is not None)

    def teardown(self) -> None:
        """A parked scan can be woken: what was told is delivered, then it is resumed, stopped, and comes to its end."""
        if not hasattr(self, "scan_id"):
            return
        self._everything_arrives()
        scan = self.store.find_scan(self.who, self.scan_id)
        if self.machine.waiting and scan is not None:
            assert scan.status is ScanStatus.PAUSED
        self._come_to_an_end()
        scan = self.store.find_scan(self.who, self.scan_id)
        assert scan is None or scan.status in ENDED
        assert self.machine.waiting is None or scan is None
        self.what_has_ended_stays_ended_and_is_told_once()

    def _everything_arrives(self) -> None:
        """What has arrived is gone; only the rest is still to come."""
        for envelope in self._events():
            if envelope.id not in self.arrived:
                self._deliver(envelope)

    def _come_to_an_end(self) -> None:
        self._try(lambda: scans.stop_scan(self.store, self.who, self.scan_id))
        for _ in range(10):
            self._everything_arrives()
            self.go_on(0)
        self._everything_arrives()
        queue = self.store.queue(self.who)
        assert self.scan_id not in (*queue.running, *queue.waiting, *queue.admitted)


@pytest.mark.parametrize("rounds", [model.MAX_ROUNDS, 2])
def test_every_life_of_a_scan(rounds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With two rounds to an execution, a scan goes through many of them."""
    monkeypatch.setattr(model, "MAX_ROUNDS", rounds)
    run_state_machine_as_test(Life, settings=settings(max_examples=150, stateful_step_count=50))


def test_the_machine_that_plays_step_functions_uses_a_token_once() -> None:
    machine = Machine()
    machine.start("t", "s")
    machine.waiting, machine.next = "token", "waiting"
    machine.wake("stale")
    assert machine.waiting == "token"
    machine.wake("token")
    machine.next = "wave"
    machine.wake("token")
    assert machine.next == "wave"


@pytest.mark.parametrize("status", list(ScanStatus))
def test_only_a_scan_at_rest_is_removed(status: ScanStatus) -> None:
    who, store = actor(), Store(memory_table())
    scan = scans.create_scan(store, who, CreateScan(name="Site", targets=["127.0.0.1"]))
    scan.status = status
    store.save(who, scan)
    if status in {ScanStatus.CREATED, *ENDED}:
        scans.delete_scan(store, who, scan.scan_id, None)
        assert store.find_scan(who, scan.scan_id) is None
    else:
        with pytest.raises(Conflict, match=status.value):
            scans.delete_scan(store, who, scan.scan_id, None)
