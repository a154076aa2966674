"""The audit trail: how fast a log is sealed and an export verified, and what an entry costs.

The table is in memory and the key on this machine, so the figures are the room's own work; in AWS each block of a
thousand adds one signature and one transaction.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from functions.audit.store import Store
from infra.costs.capacity import index_units, item_size, write_units
from kernel.table import Table
from palisade.audit.verify import verify
from tests.audit.places import Place, travelling
from tests.bench.figure import Figure
from tests.bench.surroundings import Surroundings
from tests.memory_facts import memory_facts
from tests.memory_table import MemoryDynamo

GROUP = "audit"
ENTRIES = 100_000
A_DAY = 10_000
LOG = ("BLOCK#", "TILE#", "HEAD")
SEALED_PER_SECOND = 5_000.0
VERIFY_SECONDS = 10.0
UNITS_TO_KEEP, UNITS_TO_SEAL, UNITS_ALONE = 3.2, 0.4, 8.0
ALONE = 30


class Partitioned(MemoryDynamo):
    """The table in memory, with its partitions apart: a query looks at its own."""

    def __init__(self) -> None:
        super().__init__()
        self.partitions: defaultdict[str, MemoryDynamo] = defaultdict(MemoryDynamo)

    def query(self, **request: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.partitions[request["ExpressionAttributeValues"][":pk"]["S"]].query(**request)
        return found

    def _apply(self, kind: str, operation: dict[str, Any]) -> None:
        super()._apply(kind, operation)
        key = operation.get("Item") or operation["Key"]
        self.partitions[key["pk"]["S"]]._apply(kind, operation)


def figures(_surroundings: Surroundings) -> Iterator[Figure]:
    """A hundred thousand entries, kept, sealed, exported and verified."""
    with travelling() as clock_:
        place = Place(store=(store := Store(Table("palisade", Partitioned()), memory_facts())))
        place.table, place.facts = store._table, store.facts
        seconds = sum(_sealed_day(place, clock_) for _ in range(ENTRIES // A_DAY))
        yield Figure(GROUP, "entries sealed a second", ENTRIES / seconds, "/s", SEALED_PER_SECOND, "higher")
        keep, seal = _units(place, "ENTRY#") / ENTRIES, 2 * _units(place, *LOG) / ENTRIES
        yield Figure(GROUP, "write units to keep an entry, its two indexes included", keep, "WCU", UNITS_TO_KEEP)
        yield Figure(GROUP, "write units to seal an entry, in full blocks", seal, "WCU", UNITS_TO_SEAL)
        lines = place.export()
    began = time.perf_counter()
    verdict = verify(lines)
    seconds = time.perf_counter() - began
    if not verdict.is_good or verdict.entries != ENTRIES:
        raise RuntimeError(str(verdict.faults[:3]))
    yield Figure(GROUP, f"verify an export of {ENTRIES:,} entries", seconds, "s", VERIFY_SECONDS)
    yield Figure(GROUP, "an exported entry, uncompressed", sum(map(len, lines)) / ENTRIES, "bytes", 2_000)
    yield Figure(GROUP, "write units to seal an entry that comes alone", _alone(), "WCU", UNITS_ALONE)


def _sealed_day(place: Place, clock_: Any) -> float:
    """Seconds to seal a day's entries."""
    before = place.store.head(place.who)
    for _ in range(A_DAY // 1000):
        place.keep(*(place.deed() for _ in range(1000)))
        clock_.shift(1)
    clock_.shift(timedelta(minutes=2))
    began = time.perf_counter()
    head = place.seal()
    seconds = time.perf_counter() - began
    if head.size - (before.size if before else 0) != A_DAY:
        raise RuntimeError(f"sealed {head.size} entries")
    clock_.shift(timedelta(hours=24))
    return seconds


def _units(place: Place, *kinds: str) -> float:
    """What it cost to write the items of some kinds once; the head, which is written with every block, so often."""
    items = [(key, item) for key, item in place.table.client.items.items() if key[1].startswith(kinds)]
    blocks = Counter(key[1].startswith("BLOCK#") for key, _ in items)[True]
    return sum(
        (write_units(item_size(item)) + index_units(None, item)) * (blocks if key[1] == "HEAD" else 1)
        for key, item in items
    )


def _alone() -> float:
    with travelling() as clock_:
        place = Place()
        for _ in range(ALONE):
            place.keep(place.deed())
            clock_.shift(130)
            place.seal()
        return 2 * _units(place, *LOG) / ALONE
