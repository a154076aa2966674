"""A worker that dies at any call to the bucket while it keeps a scan: whoever comes next leaves the same."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from contracts.facts import encode_rows, segment_key, upload_key
from contracts.scans import ScanBrief, ScanStatus
from functions.intelligence.model.imports.items import Fault
from functions.intelligence.model.records import EVERYBODY, GraphHead, ImportStatus, ScanImport
from functions.intelligence.service import graph, imports, joint, keeping, retaining, scans
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
    "join": (
        lambda store: graph.learn_scan(store, WHO, SCAN),
        lambda store: second_audience(store),
        lambda store: joint.renew(store, WHO),
    ),
    "retire": (lambda store: graph.learn_scan(store, WHO, SCAN), lambda store: retaining.retire(store, WHO)),
}
"""Steps, of which the last one dies."""


def second_audience(store: Store) -> None:
    """A team has a graph like everybody's."""
    head = store.head(WHO, EVERYBODY)
    store.advance(WHO, GraphHead(**(head.model_dump() | {"audience": "team_red", "version": 0})))


@pytest.fixture(autouse=True)
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: clock.parse("2027-01-01T00:00:00.000Z"))


class Room:
    """A scan of two waves that has ended, in memory."""

    def __init__(self) -> None:
        self.table, self.facts = memory_table(), memory_facts()
        self.store = Store(self.table, self.facts)
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
        self.table.write(create(brief))
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


def importing() -> tuple[Room, str]:
    """A room in which a file was uploaded, and is to be taken in."""
    room = Room()
    record = ScanImport(
        tenant_id=WHO.tenant_id,
        import_id="import_1",
        scan_id="scan_2",
        name="n",
        format="csv",
        status=ImportStatus.RUNNING,
        created_by="someone",
        created_at="2026-01-01T00:00:00.000Z",
    )
    room.table.write(create(record))
    rows = "".join(f"host,h{number}.example,\n" for number in range(2_500))
    room.facts.put(WHO, upload_key(WHO.tenant_id, "import_1"), f"type,value,source\n{rows}".encode())
    return room, "import_1"


@pytest.mark.parametrize("ends", ["finish", "fail"])
def test_a_file_is_taken_in_whole_or_not_at_all_whoever_dies(ends: str) -> None:
    def take_in(store: Store) -> None:
        imports.take_in(store, WHO, "import_1")
        if ends == "finish":
            imports.finish(store, WHO, "import_1")
        else:
            imports.fail(store, WHO, "import_1", [Fault(0, "No.")])

    calm, _ = importing()
    calls = calm.dying(take_in, -1)
    assert calls > 5
    for at in range(calls):
        room, import_id = importing()
        room.dying(take_in, at)
        take_in(room.store)
        assert room.left == calm.left, at
        assert room.store.import_(WHO, import_id).status is calm.store.import_(WHO, import_id).status
    segments = [key for key in calm.left if "/scans/scan_2/" in key]
    assert len(segments) == (3 if ends == "finish" else 0)


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
