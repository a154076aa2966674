"""Compaction: the parts of all waves as few large ones, sorted by type and time, with an index of values.

It reads every part once, as streams, and holds one block of each at a time. What it writes follows from what it
reads, so that doing it again writes the same objects; it changes and removes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from typing import Final, Generic, TypeVar

import msgspec

from contracts import facts
from contracts.facts import encode_rows
from contracts.observations import Observation
from functions.intelligence.model.found import Unsound, found_in
from functions.intelligence.model.graph import Entity, Relation
from functions.intelligence.model.parts import (
    BLOCK_ROWS,
    Block,
    Generation,
    GraphRow,
    Index,
    Kind,
    Manifest,
    Order,
    Part,
    Read,
    Written,
    counted,
    described,
    graph_order,
    joined,
    merged,
    observation_order,
    runs,
    stream,
    whole,
    written,
)
from functions.intelligence.model.postings import Postings
from kernel.errors import NotFound

PART_BLOCKS: Final = 40
REPLACED: Final = ("observations/", "graph/", "values/", "frontier/", "state/")
"""Areas of a scan of which nothing is needed when it has ended and is compacted; nor what the batches found, where that
is told (`model.found`)."""
REPEATED: Final = (facts.index_key, facts.conclusions_key)
"""What is written after each wave for all waves so far: the last one is enough."""

Row = TypeVar("Row")
Sink = Callable[[str, bytes], object]


class Packer(Generic[Row]):
    """Writes sorted rows as parts of `PART_BLOCKS` blocks. `numbers` gives each part its number when it begins;
    `told` is called with the numbers of part and block, and the rows, of each block."""

    def __init__(
        self,
        key: Callable[[int], str],
        order: Callable[[Row], Order],
        sink: Sink,
        numbers: Iterator[int],
        told: Callable[[int, int, Sequence[Row]], None] = lambda _part, _block, _rows: None,
    ) -> None:
        self._key, self._order, self._sink, self._numbers, self._told = key, order, sink, numbers, told
        self._rows: list[Row] = []
        self._body: list[bytes] = []
        self._begin()
        self.parts: dict[int, Part] = {}

    def _begin(self) -> None:
        self._blocks: list[Block] = []
        self._types: Counter[str] = Counter()
        self._modules: Counter[str] = Counter()
        self._kinds: dict[Kind, int] = {}
        self._last: Order = ()

    def add(self, row: Row) -> None:
        """The next row."""
        self._rows.append(row)
        if len(self._rows) == BLOCK_ROWS:
            self._close_block()

    def finish(self) -> dict[int, Part]:
        """Write what is left; the parts by their numbers."""
        self._close_block()
        self._close_part()
        return self.parts

    def _close_block(self) -> None:
        if not self._rows:
            return
        if not self._blocks:
            self._number = next(self._numbers)
        segment = encode_rows(self._rows)
        start = self._blocks[-1].start + self._blocks[-1].size if self._blocks else 0
        self._told(self._number, len(self._blocks), self._rows)
        self._blocks.append(described(start, len(segment), self._rows, self._order, self._kinds))
        self._body.append(segment)
        self._types += counted(self._rows, "type")
        self._modules += counted(self._rows, "module")
        self._last = self._order(self._rows[-1])
        self._rows = []
        if len(self._blocks) == PART_BLOCKS:
            self._close_part()

    def _close_part(self) -> None:
        if not self._blocks:
            return
        key = self._key(self._number)
        self.parts[self._number] = joined(key, self._blocks, self._last, self._types, self._modules, self._kinds)
        self._sink(key, b"".join(self._body))
        self._body = []
        self._begin()


def compact(
    tenant_id: str, scan_id: str, index: Index, read: Read, sink: Sink, work: Callable[[], Iterable[str]] = tuple
) -> Index:
    """Write the compacted form of everything that the index names, and of what the batches were given (`work` tells
    the keys); the index that is to replace it.

    An index that is compacted already, with no wave since, is returned as it is.
    """
    if not index.manifests or index.retired_at or index.through == index.manifests[-1].wave:
        return index
    through = index.manifests[-1].wave
    objects: list[Written] = []

    def noting(key: str, body: bytes) -> None:
        objects.append(written(key, body))
        sink(key, body)

    def key(kind: str) -> Callable[[int], str]:
        return lambda number: facts.compact_key(tenant_id, scan_id, through, kind, number)

    postings = Postings()
    observations = _observations(index.observations, read, key("observations"), noting, postings)
    entities = _graph(merged(index.entities, Entity, read), key("entities"), noting)
    relations = _graph(merged(index.relations, Relation, read), key("relations"), noting)
    made = postings.written(key("postings")(0))
    if made:
        noting(made[0].key, made[1])
    found = _found(index, observations, work, read, key, noting)
    generation = Generation(
        through=through,
        observations=observations,
        entities=entities,
        relations=relations,
        postings=made[0] if made else None,
        found=found,
        objects=tuple(objects),
    )
    slim = [_slim(manifest, facts.scan_prefix(tenant_id, scan_id), bool(found)) for manifest in index.manifests]
    return Index(manifests=slim, written=index.written, generation=generation)


def _observations(
    parts: Sequence[Part], read: Read, key: Callable[[int], str], sink: Sink, postings: Postings
) -> tuple[Part, ...]:
    """Each type on its own, in order of time: who asks for a type reads nothing else."""
    numbers = count()
    packers: dict[str, Packer[Observation]] = {}
    for row in stream(runs(parts), whole(read, Observation), observation_order):
        packer = packers.get(row.type)
        if packer is None:
            packer = packers[row.type] = Packer(key, observation_order, sink, numbers, postings.add)
        packer.add(row)
    found: dict[int, Part] = {}
    for packer in packers.values():
        found |= packer.finish()
    return tuple(found[number] for number in sorted(found))


def _found(
    index: Index,
    observations: Sequence[Part],
    work: Callable[[], Iterable[str]],
    read: Read,
    key: Callable[[str], Callable[[int], str]],
    sink: Sink,
) -> str:
    """Tell what each batch was given and found by where it lies in the compacted form; under which key. Empty where
    that cannot be told of all of them: then what the batches read and wrote stays."""
    segments = [segment for manifest in index.manifests for segment in manifest.segments]
    if not segments:
        return ""
    try:
        found = found_in(observations, segments, work(), read, sink, key("batches"))
    except (Unsound, NotFound):
        return ""
    directory = key("found")(0)
    sink(directory, encode_rows([found]))
    return directory


def _graph(rows: Iterable[GraphRow], key: Callable[[int], str], sink: Sink) -> tuple[Part, ...]:
    packer: Packer[GraphRow] = Packer(key, graph_order, sink, count())
    for row in rows:
        packer.add(row)
    return tuple(packer.finish().values())


def _slim(manifest: Manifest, prefix: str, is_found: bool) -> Manifest:
    """A manifest without what the compacted form replaces."""
    gone = tuple(prefix + area for area in REPLACED)
    return msgspec.structs.replace(
        manifest,
        observations=(),
        entities=(),
        relations=(),
        frontier=(),
        state="",
        objects=tuple(each for each in manifest.objects if not each.key.startswith(gone)),
        segments=() if is_found else manifest.segments,
    )
