"""Measurements of stored facts: pages of a large scan, its compaction, and a tenant's graph. Each runs in a process
of its own (`python -m tests.bench.knowledge NAME SIZE` prints one as JSON)."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from contracts.facts import decode_observations, encode_rows, segment_key
from contracts.observations import observation_id
from contracts.scans import ScanBrief, ScanStatus
from functions.intelligence.model.query import Filter
from functions.intelligence.service import keeping, scans
from functions.intelligence.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.facts import Facts
from kernel.table import create
from tests.bench.folder_s3 import FolderS3, folder_facts
from tests.memory_table import memory_table

SCAN = "scan_01J00000000000000000000000"
WHO = Actor.system("org_01J00000000000000000000000")
WAVES = 10
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
LIMIT = 50
ROOT_FACT = observation_id("scan", "domain", "example.com", "")
QUESTIONS: dict[str, Filter] = {
    "all": Filter(),
    "a common type": Filter(types=frozenset({"url"})),
    "a type and a module": Filter(types=frozenset({"host"}), modules=frozenset({"zone_transfer"})),
    "a module": Filter(modules=frozenset({"audit"})),
    "a value": Filter(value="10.0.99.99"),
    "a value that is not there": Filter(value="nowhere.example.com"),
    "a beginning": Filter(prefix="https://www123"),
    "a common beginning": Filter(prefix="https://"),
    "a part": Filter(contains="9999.example"),
    "a common part": Filter(contains="example.com/page/7"),
    "a part that is not there": Filter(contains="nowhere.example"),
    "a part of two letters": Filter(contains="q7"),
    "a source": Filter(source="obs_nothing"),
    "a time": Filter(since="2026-01-01T00:10:00.000Z", until="2026-01-01T00:10:01.000Z"),
    "a part of a type in a time": Filter(
        types=frozenset({"url"}), contains="/page/3", since="2026-01-01T00:12:00.000Z"
    ),
    "a confidence that nothing has": Filter(min_confidence=0.95),
    "a type, a module, a confidence and a part": Filter(
        types=frozenset({"port"}), modules=frozenset({"tcp_connect"}), min_confidence=0.5, contains="1.2.3"
    ),
    "a module and a type that it does not find": Filter(types=frozenset({"ip"}), modules=frozenset({"crawler"})),
    "a source of a type": Filter(types=frozenset({"host"}), source=ROOT_FACT),
    "a value in a time": Filter(value="10.0.99.99", since="2026-01-01T00:03:00.000Z", until="2026-01-01T00:14:00.000Z"),
    "what came last": Filter(since="2026-01-01T00:16:30.000Z"),
}


def pages(number: int) -> dict[str, float]:
    """Milliseconds of the first pages of many questions to a scan of `number` observations, before and after it is
    compacted, with the GETs that each took; seconds and memory of the compaction."""
    with tempfile.TemporaryDirectory() as folder:
        apart("fill", number, folder)
        before = apart("ask", number, folder)
        made = apart("compacting", number, folder)
        after = apart("ask", number, folder)
    return {
        **{f"before {name}": value for name, value in before.items()},
        **after,
        "compacted megabytes": made["compacted"],
        "compaction seconds": made["seconds"],
        "compaction megabytes": made["megabytes"],
    }


def fill(number: int, folder: str) -> dict[str, float]:
    """Write a scan's segments and reduce its waves."""
    from tests.bench.bench_intelligence import batches

    bucket = folder_facts(Path(folder))
    segments = -(-number // 1_000)
    per_wave = -(-segments // WAVES)
    for batch, segment in enumerate(batches(number)):
        wave, turn = divmod(batch, per_wave)
        bucket.put(WHO, segment_key(WHO.tenant_id, SCAN, wave, batch), _beside(segment, wave, turn, per_wave))
    store = stored(bucket)
    for wave in range(WAVES):
        scans.reduce(store, WHO, SCAN, wave)
    return {"megabytes": megabytes()}


def _beside(segment: bytes, wave: int, turn: int, batches: int) -> bytes:
    """A batch as it is when all batches of its wave run at the same time: its facts lie between those of the others."""
    rows = decode_observations(segment)
    begin = wave * batches * len(rows)
    times = (begin + number * batches + turn for number in range(len(rows)))
    return encode_rows(
        msgspec.structs.replace(row, observed_at=clock.timestamp(BEGAN + timedelta(milliseconds=at)))
        for row, at in zip(rows, times, strict=True)
    )


def compacting(_number: int, folder: str) -> dict[str, float]:
    """Compact the scan, and sweep what that replaces."""
    store = stored(folder_facts(Path(folder)))
    begin = time.perf_counter()
    keeping.compact(store, WHO, SCAN)
    seconds = time.perf_counter() - begin
    keeping.sweep(store, WHO, SCAN)
    left = sum(file.stat().st_size for file in Path(folder).iterdir()) / 1024**2
    return {"seconds": seconds, "megabytes": megabytes(), "compacted": left}


def ask(_number: int, folder: str) -> dict[str, float]:
    """Ask every question for its first three pages, several times."""
    bucket = folder_facts(Path(folder))
    client: FolderS3 = bucket.client
    store = stored(bucket)
    worst: dict[str, float] = {}
    all_times: list[float] = []
    most_gets = 0
    for name, wanted in QUESTIONS.items():
        times: list[list[float]] = [[] for _ in range(3)]
        for _ in range(5):
            after: tuple[str, ...] | None = ()
            for turn in range(3):
                if after is None:
                    break
                gets = client.gets
                begin = time.perf_counter()
                found = scans.observations(store, WHO, SCAN, wanted, LIMIT, after)
                times[turn].append((time.perf_counter() - begin) * 1000)
                most_gets = max(most_gets, client.gets - gets)
                after = found.after
        medians = [statistics.median(each) for each in times if each]
        worst[name] = max(medians)
        all_times += medians
    return {
        "worst page, milliseconds": max(worst.values()),
        "usual page, milliseconds": statistics.median(all_times),
        "most GETs of a page": most_gets,
        **{f"page of {name}": value for name, value in worst.items()},
    }


def graph(number: int) -> dict[str, float]:
    """A graph of so many entities and five times as many relations: milliseconds to load and of each kind of question,
    the megabytes that a process which only answers takes, and of its outline."""
    with tempfile.TemporaryDirectory() as folder:
        apart("outline", number, folder)
        return apart("answer", number, folder)


def outline(number: int, folder: str) -> dict[str, float]:
    """Write the outline of such a graph."""
    from tests.bench.graphs import build

    (Path(folder) / "outline").write_bytes(build(number, 5 * number).dump())
    return {"megabytes": megabytes()}


def answer(_number: int, folder: str) -> dict[str, float]:
    """Load the outline and answer."""
    from functions.intelligence.model.outline import Outline
    from tests.bench.graphs import questions

    body = (Path(folder) / "outline").read_bytes()
    begin = time.perf_counter()
    loaded = Outline.load(body)
    load = (time.perf_counter() - begin) * 1000
    return {"load": load, **questions(loaded), "megabytes": megabytes(), "outline megabytes": len(body) / 1024**2}


def joint(number: int) -> dict[str, float]:
    """Three audiences' graphs of so many entities each, five times as many relations, a fifth of it in all of them:
    seconds of a core and megabytes to join them, and milliseconds to load what was joined."""
    with tempfile.TemporaryDirectory() as folder:
        for audience in range(3):
            apart("audience", number, folder, str(audience))
        return apart("joining", number, folder)


def audience(number: int, folder: str, name: str) -> dict[str, float]:
    """Write a generation of one audience's graph."""
    from functions.intelligence.model.learning import encode
    from tests.bench.graphs import generation

    bucket = folder_facts(Path(folder))
    prefix = f"tenants/{WHO.tenant_id}/graph/{name}"
    snapshot = generation(number, int(name), prefix, lambda key, body: bucket.put(WHO, key, body))
    bucket.put(WHO, f"{prefix}/snapshot", encode(snapshot))
    return {"megabytes": megabytes()}


def joining(_number: int, folder: str) -> dict[str, float]:
    """Join the three, and load what that makes."""
    from functions.intelligence.model.learning import decode, joined
    from functions.intelligence.model.outline import Outline

    bucket = folder_facts(Path(folder))

    def read(key: str) -> bytes:
        return bucket.get(WHO, key)

    snapshots = [decode(read(f"tenants/{WHO.tenant_id}/graph/{name}/snapshot")) for name in range(3)]
    begin = time.process_time()
    body = joined(snapshots, read).dump()
    took, peak = time.process_time() - begin, megabytes()
    begin = time.perf_counter()
    Outline.load(body)
    load = (time.perf_counter() - begin) * 1000
    return {"join seconds": took, "load milliseconds": load, "megabytes": peak}


def stored(bucket: Facts) -> Store:
    """The room's store, which knows the scan."""
    table = memory_table()
    brief = ScanBrief(
        tenant_id=WHO.tenant_id,
        scan_id=SCAN,
        name="Large",
        status=ScanStatus.FINISHED,
        targets=("example.com",),
        created_at="2026-01-01T00:00:00.000Z",
        wave=WAVES,
    )
    table.write(create(brief))
    return Store(table, bucket)


def megabytes() -> float:
    """The most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)


ROOT = Path(__file__).resolve().parents[2]


def apart(what: str, number: int, *more: str) -> dict[str, float]:
    """One measurement in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.knowledge", what, str(number), *more]
    paths = f"{ROOT}:{ROOT / 'layers/kernel/python'}"
    environment = {"PYTHONPATH": paths, "TABLE_NAME": "palisade", "FACTS_BUCKET": "palisade-facts"}
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


MEASURES: dict[str, Callable[..., dict[str, float]]] = {
    measure.__name__: measure for measure in (pages, fill, compacting, ask, graph, outline, answer, audience, joining)
}

if __name__ == "__main__":
    print(json.dumps(MEASURES[sys.argv[1]](int(sys.argv[2]), *sys.argv[3:])))
