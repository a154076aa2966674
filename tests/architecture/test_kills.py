"""A scan whose workers die fifty times, at any call to table or bucket: it comes to what an undisturbed one comes to.

The steps of the state machine are the rooms' own, from the gate to the findings; a step whose worker dies is begun
anew, as Step Functions does.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from contracts.modules import ModuleFace
from contracts.observations import Observation
from contracts.scans import ScanBrief, ScanStatus
from functions.collection.model import Remaining
from functions.collection.service import waves
from functions.collection.session import Session
from functions.collection.store import Store as CollectionStore
from functions.findings import service as findings
from functions.findings.model import Finding
from functions.findings.store import Store as FindingsStore
from functions.intelligence.service import scans as intelligence
from functions.intelligence.store import Store as IntelligenceStore
from functions.scans.schemas import CreateScan
from functions.scans.service import execution, scans
from functions.scans.service.execution import WaveReport
from functions.scans.store import Store as ScansStore
from kernel.actor import Actor
from kernel.egress import Egress, Policy
from tests.e2e.site import slow_site
from tests.faults import Crash
from tests.kit import actor
from tests.memory_facts import memory_facts
from tests.memory_table import memory_table

pytestmark = pytest.mark.slow

KILLS = 50
MODULES = ["crawler", "http_probe", "technology", "web_headers"]
PAGES = 12


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with slow_site(PAGES, 0) as address:
        yield address


class World:
    """All rooms of a scan over one table and one bucket in memory, with a reaper at their calls."""

    def __init__(self, who: Actor, site: str) -> None:
        self.who = who
        self.table, self.facts = memory_table(), memory_facts()
        self.calls = 0
        self.dies_at: set[int] = set()
        self._counting = threading.Lock()  # objects are read ahead by several threads
        self.table.client.before_write = self.facts.client.before_call = self._call
        command = CreateScan(name="Site", targets=[site], modules=MODULES)
        self.scan = scans.create_scan(ScansStore(self.table), who, command)
        scans.start_scan(ScansStore(self.table), who, self.scan.scan_id)

    def _call(self) -> None:
        with self._counting:
            self.calls += 1
            if self.calls in self.dies_at:
                raise Crash

    def run(self) -> None:
        """The state machine, until the scan ends."""
        report: WaveReport | None = None
        for _ in range(60):
            verdict = self._step(lambda given=report: self._gate(given))
            if verdict.next == "end":
                return
            report = self._wave(verdict)
        raise AssertionError("the scan does not end")

    def _step(self, step: Callable[[], Any]) -> Any:
        for _ in range(KILLS + 1):
            with contextlib.suppress(Crash):
                return step()
        raise AssertionError("a step dies for ever")

    def _gate(self, report: WaveReport | None) -> Any:
        return execution.gate(ScansStore(self.table), self.who, self.scan.scan_id, report)

    def _wave(self, verdict: Any) -> WaveReport:
        collection = CollectionStore(self.table, self.facts)
        left = Remaining(**{name: getattr(verdict.budget, name) for name in ("tasks", "packets", "bytes", "dollars")})
        arguments = (self.who, self.scan.scan_id, verdict.wave)
        planned = self._step(lambda: waves.plan_wave(collection, *arguments, left, 40))
        if not planned["batches"]:
            return WaveReport(-1, exhausted=True)
        for number in range(1, planned["batches"] + 1):
            self._step(lambda number=number: asyncio.run(self._batch(collection, verdict.wave, number)))
        used = self._step(lambda: waves.close_wave(collection, *arguments))
        reduced = self._step(lambda: intelligence.reduce(IntelligenceStore(self.table, self.facts), *arguments))
        found = self._step(lambda: self._record(reduced["conclusions"]))
        return WaveReport(
            wave=verdict.wave,
            tasks=used["tasks"],
            observations=reduced["observations"],
            entities=reduced["entities"],
            findings=found,
            errors=used["errors"],
        )

    def _record(self, conclusions: str | None) -> Any:
        store = FindingsStore(self.table, self.facts)
        return findings.record(store, self.who, self.scan.scan_id, conclusions)

    async def _batch(self, store: CollectionStore, wave: int, number: int) -> int:
        @contextlib.asynccontextmanager
        async def session(brief: ScanBrief, face: ModuleFace) -> AsyncIterator[Session]:
            async with Egress(Policy.scanning(loopback=True)) as egress:
                yield Session(egress, brief.scope, brief.targets, rate_group=face.rate_group)

        return await waves.run_batch(store, session, lambda _face, c: c, self.who, self.scan.scan_id, wave, number)

    def result(self) -> dict[str, Any]:
        """What the scan came to: facts with what led to them, findings, and the tally without its measures."""
        self.dies_at = set()
        brief = self.table.require(self.who, ScanBrief, scan_id=self.scan.scan_id)
        assert brief.status is ScanStatus.FINISHED
        index = intelligence.index_of(IntelligenceStore(self.table, self.facts), self.who, self.scan.scan_id)
        kept = self._observations(index)
        values = {row.id: (row.type, row.value) for row in kept}
        return {
            "facts": sorted((r.type, r.value, r.module, values.get(r.source_id)) for r in kept),
            "findings": sorted((f.check, f.asset) for f in self.table.all(self.who, Finding)),
            "tally": brief.tally.model_dump(exclude={"packets", "bytes", "dollars", "seconds"}),
        }

    def _observations(self, index: Any) -> list[Observation]:
        from functions.intelligence.model.query import Filter

        store = IntelligenceStore(self.table, self.facts)
        rows, after = list[Observation](), ()
        while True:
            page = intelligence.observations(store, self.who, self.scan.scan_id, Filter(), 500, after)
            rows += page.items
            if page.after is None:
                return rows
            after = page.after


def test_fifty_deaths_change_nothing(site: str) -> None:
    who = actor()
    calm = World(who, site)
    before = calm.calls
    calm.run()
    calls, expected = calm.calls, calm.result()
    assert sum(kind == "http_response" for kind, *_ in expected["facts"]) >= PAGES
    assert expected["findings"]
    chance = random.Random(4)
    for death in sorted(chance.sample(range(before + 1, calls + 1), KILLS)):
        world = World(who, site)
        world.dies_at = {death}
        world.run()
        assert world.result() == expected, f"died at call {death}"


def test_one_scan_that_dies_fifty_times_comes_to_the_same(site: str) -> None:
    who = actor()
    calm = World(who, site)
    calm.run()
    expected = calm.result()
    world = World(who, site)
    world.dies_at = set(random.Random(5).sample(range(world.calls + 1, calm.calls + KILLS), KILLS))
    world.run()
    assert world.result() == expected


def test_a_lost_object_would_be_seen(site: str) -> None:
    """The comparison can fail: a scan that lost a batch's facts is not the same."""
    calm = World(actor(), site)
    calm.run()
    other = World(actor(), site)
    original = CollectionStore.write_segment
    lost: list[int] = []

    def lossy(self: CollectionStore, who: Actor, scan_id: str, wave: int, number: int, rows: Any) -> None:
        is_first = not lost and number > 0
        lost.append(number)
        original(self, who, scan_id, wave, number, [] if is_first else rows)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CollectionStore, "write_segment", lossy)
        other.run()
    assert other.result() != calm.result()
