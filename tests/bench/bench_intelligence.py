"""How fast a scan's facts are stored, deduplicated, put in the graph and correlated, on one core.

Each figure is measured in a process of its own, so that its memory is its own:
`python -m tests.bench.bench_intelligence pipeline 10000` prints one measurement as JSON.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from contracts.facts import decode_observations, encode_rows
from contracts.observations import Observation, observation_id
from functions.intelligence.model.correlation.builtin import builtin_rules
from functions.intelligence.model.parts import Index, with_wave
from functions.intelligence.model.postings import Postings, extended
from functions.intelligence.model.reducer import Scan
from functions.intelligence.model.wave import reduce_wave
from kernel.actor import Actor
from kernel.facts import Facts
from tests.bench import knowledge
from tests.bench.figure import Figure
from tests.bench.folder_s3 import folder_facts
from tests.bench.surroundings import Surroundings

GROUP = "intelligence"
WAVES = 10
BATCH = 1_000
SIZES = (10_000, 50_000, 500_000)
PAGE_FACTS = 1_000_000
GRAPH_ENTITIES = 100_000
GRAPH_LIMITS = {
    **{"neighbourhood, 1 hop": 50, "neighbourhood, 3 hops": 50, "search": 100, "pattern": 1_000, "paths": 1_000},
    **{"communities": 5_000, "pagerank": 5_000, "betweenness": 10_000},
}
"""Milliseconds that each kind of question may take."""
WHO = Actor.system("org_01J00000000000000000000000")
PLACE = f"tenants/{WHO.tenant_id}/scans/scan"
ROOT = Path(__file__).resolve().parents[2]


def observations(number: int) -> Iterator[Observation]:
    """A synthetic company: hosts with addresses, ports, pages, answers and weaknesses, each from its source."""
    chance = random.Random(1)
    made = 0

    def fact(type_: str, value: str, source: str, module: str, **attributes: object) -> Observation:
        nonlocal made
        made += 1
        at = f"2026-01-01T{made // 3_600_000:02}:{made // 60_000 % 60:02}:{made // 1000 % 60:02}.{made % 1000:03}Z"
        return Observation(
            id=observation_id("scan", type_, value, source), type=type_, value=value, source_id=source, module=module,
            module_version="1.0.0", observed_at=at, attributes=attributes, confidence=0.9,
        )  # fmt: skip

    root = fact("domain", "example.com", "", "target")
    yield root
    for site in range(number):
        name = f"{chance.choice(('www', 'dev', 'db', 'app', 'mail'))}{site}.example.com"
        host = fact("host", name, root.id, chance.choice(("subdomains", "zone_transfer", "crawler")))
        yield host
        address = fact("ip", f"10.{site // 65536 % 256}.{site // 256 % 256}.{site % 256}", host.id, "resolve")
        yield address
        for open_port in (22, 443, 6379):
            port = fact("port", f"{address.value}:{open_port}", address.id, "tcp_connect", protocol="tcp")
            yield port
            check = "ssh-weak-kex" if open_port == 22 else "tls-old-protocol"
            yield fact(
                "misconfiguration", f"{check}:{port.value}", port.id, "audit",
                check=check, asset=port.value, severity="medium", title="T", description="D" * 100, remedy="R" * 60,
            )  # fmt: skip
        for number_of_page in range(10):
            url = fact("url", f"https://{name}/page/{number_of_page}", host.id, "crawler")
            yield url
            yield fact(
                "http_response", url.value, url.id, "crawler", status=200, title=f"Page {number_of_page}",
                headers={"server": chance.choice(("nginx", "apache"))}, length=4711, sha256="0" * 64,
            )  # fmt: skip
        if made >= number:
            return


def batches(number: int) -> Iterator[bytes]:
    """Encoded segments of `number` observations in all; their making is not measured."""
    rows: list[Observation] = []
    for count, observation in enumerate(observations(number), 1):
        rows.append(observation)
        if len(rows) == BATCH or count == number:
            yield encode_rows(rows)
            rows = []
        if count == number:
            return


def pipeline(number: int) -> dict[str, float]:
    """Worker's encoding, then waves through the reducer and all rules, and the index of values: observations a second,
    and peak memory. What a worker reads from the bucket and writes to it lies in a folder."""
    with tempfile.TemporaryDirectory() as folder:
        bucket = folder_facts(Path(folder))
        segments = [f"{PLACE}/segments/{batch:05}" for batch in range(-(-number // BATCH))]
        for key, segment in zip(segments, batches(number), strict=True):
            bucket.put(WHO, key, segment)
        seconds = _encoded(bucket, segments) + _reduced(bucket, segments)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
    return {"per_second": number / seconds, "seconds": seconds, "megabytes": peak}


def _encoded(bucket: Facts, segments: Sequence[str]) -> float:
    """Seconds that the workers take to encode what they found."""
    seconds = 0.0
    for key in segments:
        rows = decode_observations(bucket.get(WHO, key))
        begin = time.process_time()
        encode_rows(rows)
        seconds += time.process_time() - begin
    return seconds


def _reduced(bucket: Facts, segments: Sequence[str]) -> float:
    """Seconds to reduce them in waves, once the process has loaded what it needs."""
    import numpy  # noqa: F401

    rules = builtin_rules()
    index, states = Index(), list[str]()
    per_wave = -(-len(segments) // WAVES)

    def read(key: str) -> bytes:
        return bucket.get(WHO, key)

    begin = time.process_time()
    for wave in range(WAVES):
        own = segments[wave * per_wave : (wave + 1) * per_wave]
        postings = Postings()
        manifest = reduce_wave(
            Scan(WHO.tenant_id, "scan"),
            wave,
            map(read, states),
            map(read, own),
            rules,
            lambda key, body: bucket.put(WHO, key, body),
            told=postings.add,
        )
        index = with_wave(index, manifest, f"{PLACE}/manifests/{wave}")
        key = f"{PLACE}/values/{wave}"
        values, body = extended(index, postings, key, read)
        bucket.put(WHO, key, body)
        index = msgspec.structs.replace(index, values=values)
        states.append(manifest.state)
    return time.process_time() - begin


def figures(_surroundings: Surroundings) -> Iterator[Figure]:
    """All figures, each measured in a process of its own."""
    speeds = []
    for size in SIZES:
        measured = _apart("pipeline", size)
        speeds.append(measured["per_second"])
        yield Figure(GROUP, f"observations stored … correlated, at {size:,}", speeds[-1], "1/s", 10_000, "higher")
        yield Figure(GROUP, f"memory at {size:,}", measured["megabytes"], "MB", 512)
    yield Figure(GROUP, "fastest size against slowest (linear: 1)", max(speeds) / min(speeds), "times", 3)
    yield from _stored()
    yield from _graph()


def _stored() -> Iterator[Figure]:
    """Pages of a large scan, by the real store over a folder instead of S3, and what makes them quick."""
    measured = knowledge.pages(PAGE_FACTS)
    name = f"of {PAGE_FACTS:,} facts, {len(knowledge.QUESTIONS)} kinds of question"
    for when, of in (("while it runs", "before "), ("when it has ended", "")):
        yield Figure(GROUP, f"worst page {name}, {when}", measured[f"{of}worst page, milliseconds"], "ms", 100)
    yield Figure(GROUP, f"usual page {name}", measured["usual page, milliseconds"], "ms", 100)
    for when, of in (("while it runs", "before "), ("when it has ended", "")):
        yield Figure(GROUP, f"GETs of such a page, at most, {when}", measured[f"{of}most GETs of a page"], "GETs", 60)
    kept = measured["compacted megabytes"] * 100_000 / PAGE_FACTS
    yield Figure(GROUP, "100,000 facts in the bucket, compacted", kept, "MB", 40)
    yield Figure(GROUP, f"compacting {PAGE_FACTS:,} facts", measured["compaction seconds"], "s", 60)
    yield Figure(GROUP, "memory of the compaction", measured["compaction megabytes"], "MB", 512)


def _graph() -> Iterator[Figure]:
    """An organisation's graph: the questions, and the memory of who answers them all."""
    measured = knowledge.graph(GRAPH_ENTITIES)
    size = f"{GRAPH_ENTITIES:,} entities, {5 * GRAPH_ENTITIES:,} relations"
    for question, limit in GRAPH_LIMITS.items():
        yield Figure(GROUP, f"{question} in {size}", measured[question], "ms", limit)
    yield Figure(GROUP, f"memory for all of it, {size}", measured["megabytes"], "MB", 600)
    joint = knowledge.joint(GRAPH_ENTITIES)
    name = f"three graphs of {GRAPH_ENTITIES:,} entities as one"
    yield Figure(GROUP, f"{name}, joined ahead", joint["join seconds"], "s", 60)
    yield Figure(GROUP, f"{name}, loaded by who asks", joint["load milliseconds"], "ms", 1_000)
    yield Figure(GROUP, f"{name}, memory of joining", joint["megabytes"], "MB", 600)


def _apart(what: str, number: int) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.bench_intelligence", what, str(number)]
    paths = f"{ROOT}:{ROOT / 'layers/kernel/python'}"
    done = subprocess.run(command, cwd=ROOT, env={"PYTHONPATH": paths}, capture_output=True, text=True, check=True)
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def main() -> None:
    """One measurement as JSON: its name, then its size."""
    measure = {"pipeline": pipeline}[sys.argv[1]]
    print(json.dumps(measure(int(sys.argv[2]))))


if __name__ == "__main__":
    main()
