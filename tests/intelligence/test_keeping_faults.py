"""A worker that dies at any call to the bucket while it keeps a scan: whoever comes next leaves the same."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from contracts.facts import encode_rows, segment_key
from contracts.scans import ScanBrief, ScanStatus
from functions.intelligence.model.records import EVERYBODY
from functions.intelligence.service import graph, keeping, retaining, scans
from functions.intelligence.store import Store
from kernel import clock
from kernel.table import create
from tests.faults import Crash
from tests.intelligence.scans import SCAN
from tests.intelligence.test_faults import two_waves
from tests.kit import actor
from tests.memory_facts import memory_facts
from tests.memory_table import memory_table

WHO = actor()
Work = Callable[[Store], object]
STEPS: dict[str, tuple[Work, ...]] = {
    "compact": (lambda store: keeping.compact(store, WHO, SCAN),),
    "learn": (lambda store: keeping.compact(store, WHO, SCAN), lambda store: graph.learn_scan(store, WHO, SCAN)),
    "sweep": (lambda store: keeping.compact(store, WHO, SCAN), lambda store: keeping.sweep(store, WHO, SCAN)),
    "retire": (lambda store: graph.learn_scan(store, WHO, SCAN), lambda store: retaining.retire(store, WHO)),
}
"""Steps, of which the last one dies."""


@pytest.fixture(autouse=True)
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: clock.parse("2027-01-01T00:00:00.000Z"))


class Room:
    """A scan of two waves that has ended, in memory."""

    def __init__(self) -> None:
        table, self.facts = memory_table(), memory_facts()
        self.store = Store(table, self.facts)
        brief = ScanBrief(
            tenant_id=WHO.tenant_id,
            scan_id=SCAN,
            name="Site",
            status=ScanStatus.FINISHED,
            targets=("a.example",),
            created_at="2026-01-01T00:00:00.000Z",
            finished_at="2026-01-01T00:00:00.000Z",
            wave=2,
        )
        table.write(create(brief))
        for wave, batches in enumerate(two_waves()):
            for number, rows in enumerate(batches):
                self.facts.put(WHO, segment_key(WHO.tenant_id, SCAN, wave, number), encode_rows(rows))
            scans.reduce(self.store, WHO, SCAN, wave)

    def dying(self, work: Work, at: int) -> int:
        """Work, and die before call number `at` (from 0); how many calls were made."""
        calls = 0
        counting = threading.Lock()

        def before() -> None:
            nonlocal calls
            with counting:
                calls += 1
                if calls == at + 1:
                    raise Crash

        self.facts.client.before_call = before
        try:
            work(self.store)
        except Crash:
            pass
        finally:
            self.facts.client.before_call = lambda: None
        return calls

    @property
    def left(self) -> dict[str, bytes]:
        """Everything that lies there."""
        return dict(self.facts.client.objects)


@pytest.mark.parametrize("name", STEPS)
def test_every_death_is_mended_by_whoever_comes_next(name: str) -> None:
    *earlier, dying = STEPS[name]
    calm = Room()
    for work in earlier:
        work(calm.store)
    calls = calm.dying(dying, -1)
    assert calls > 1
    graph.sweep(calm.store, WHO)
    for at in range(calls):
        room = Room()
        for work in earlier:
            work(room.store)
        assert room.dying(dying, at) > at
        dying(room.store)
        graph.sweep(room.store, WHO)
        assert room.left == calm.left, at
    assert len(calm.store.generations(WHO, EVERYBODY)) <= 1
