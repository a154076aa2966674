"""Sorted parts: how bulk is cut into objects and blocks, found again without reading all of it, and merged.

A part is one object of sorted rows. It is written as blocks, each a segment of its own (`contracts.facts`), end to
end: a reader fetches the blocks that it needs by their place, and holds one of them at a time.
"""

from __future__ import annotations

import hashlib
import heapq
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, Protocol, Self, TypeVar

import msgspec

from contracts.facts import decode_rows, encode_rows
from contracts.observations import Observation

BLOCK_ROWS: Final = 250
Order = tuple[str, ...]
Kind = tuple[str, str]
"""Type and module."""


class Block(msgspec.Struct, frozen=True, array_like=True):
    """Some rows of a part: the bytes `start` to `start + size` of its object, the order of the first row, and what
    tells that none of its rows is wanted: of which kinds they are, and the highest confidence.

    `kinds` is a little-endian set of bits, bit n for `Part.kinds[n]`. Blocks that were written before there were
    kinds say by `modules` from which modules their rows are.
    """

    start: int
    size: int
    rows: int
    first: Order
    modules: tuple[str, ...] = ()
    max_confidence: float = 1.0
    kinds: bytes = b""


class Part(msgspec.Struct, frozen=True):
    """One object of sorted rows: its key, and what a reader must know to leave it unread.

    `first` and `last` are the orders of its first and last row; `types` and `modules` count its rows by each; `kinds`
    are the pairs of type and module that there are.
    """

    key: str
    rows: int
    first: Order
    last: Order
    blocks: tuple[Block, ...]
    types: dict[str, int] = {}
    modules: dict[str, int] = {}
    max_confidence: float = 1.0
    kinds: tuple[Kind, ...] = ()


class Noted(msgspec.Struct, frozen=True, gc=False):
    """An observation as it lies in a segment (`raw`), and what a part's description and the index of values need."""

    observed_at: str
    id: str
    type: str
    module: str
    confidence: float
    value: str
    source_id: str
    raw: bytes


class Written(msgspec.Struct, frozen=True, array_like=True):
    """An object that was written: its key, how many bytes it has, and their SHA-256 in hexadecimal."""

    key: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What the reducer wrote for one wave. `objects` names all of it; `segments` what it was made of."""

    wave: int
    observations: tuple[Part, ...] = ()
    entities: tuple[Part, ...] = ()
    relations: tuple[Part, ...] = ()
    frontier: tuple[str, ...] = ()
    weaknesses: str | None = None
    detections: str | None = None
    state: str = ""
    read: int = 0
    stored: int = 0
    new_facts: int = 0
    frontier_facts: int = 0
    by_type: dict[str, int] = {}
    by_module: dict[str, int] = {}
    edges_left_out: int = 0
    objects: tuple[Written, ...] = ()
    segments: tuple[Written, ...] = ()


class Generation(msgspec.Struct, frozen=True, kw_only=True):
    """What compaction made of all waves up to `through`: the same rows in few large parts, and an index of values.

    `postings` is the object of the index (see `model.postings`), absent where nothing was observed. `found` is the key
    of what each batch found (`contracts.found`), empty where that is still told by what the batches wrote.
    """

    through: int
    observations: tuple[Part, ...] = ()
    entities: tuple[Part, ...] = ()
    relations: tuple[Part, ...] = ()
    postings: Part | None = None
    found: str = ""
    objects: tuple[Written, ...] = ()


class Values(msgspec.Struct, frozen=True, kw_only=True):
    """An index of the values of some waves, from `since` to `through` (see `model.postings`): its description, and
    what its object is."""

    since: int
    through: int
    postings: Part
    object: Written


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """Where a reader begins: the manifests of all waves up to one, what each manifest's own object is, and the
    compacted form of the first of them. `values` are the indexes of the waves that are not compacted, in order. Of
    facts that were kept long enough, only counts are left (`retired_at`)."""

    manifests: list[Manifest] = []
    written: list[Written] = []
    generation: Generation | None = None
    values: tuple[Values, ...] = ()
    retired_at: str = ""

    @property
    def observations(self) -> list[Part]:
        """Every part of observations."""
        return self._parts(lambda of: of.observations)

    @property
    def entities(self) -> list[Part]:
        """Every part of entities."""
        return self._parts(lambda of: of.entities)

    @property
    def relations(self) -> list[Part]:
        """Every part of relations."""
        return self._parts(lambda of: of.relations)

    @property
    def through(self) -> int:
        """The last wave that was compacted; -1 when none was."""
        return self.generation.through if self.generation else -1

    @property
    def objects(self) -> list[Written]:
        """Every object that must be there, each once, and what it must be."""
        named = [
            *self.written,
            *(each.object for each in self.values),
            *(each for manifest in self.manifests for each in (*manifest.segments, *manifest.objects)),
        ]
        return [*named, *(self.generation.objects if self.generation else ())]

    def later(self, since: int, through: int) -> list[Part]:
        """The parts of observations of some waves that are not compacted."""
        waves = (manifest for manifest in self.manifests if max(since, self.through + 1) <= manifest.wave <= through)
        return [part for manifest in waves for part in manifest.observations]

    def _parts(self, of: Callable[[Manifest | Generation], tuple[Part, ...]]) -> list[Part]:
        later = [part for manifest in self.manifests if manifest.wave > self.through for part in of(manifest)]
        return [*(of(self.generation) if self.generation else ()), *later]


class Mergeable(Protocol):
    """A row of the graph: it has an order, and absorbs a later row of the same order."""

    @property
    def order(self) -> tuple[str, ...]:
        """Where the row stands in a sorted part."""

    def absorb(self, later: Self) -> None:
        """Take in a later row of the same order."""


class Slice(NamedTuple):
    """Some bytes of an object."""

    key: str
    start: int
    size: int


class Run(NamedTuple):
    """Blocks of one part that are to be read, in order."""

    part: Part
    blocks: Sequence[Block]


Read = Callable[[str], bytes]
"""Reads one object by its key."""

Row = TypeVar("Row")
GraphRow = TypeVar("GraphRow", bound=Mergeable)
Load = Callable[[Part, Block], list[Row]]
"""Gives the rows of one block."""
Steps = Iterator[tuple[Order, list[Row]]]
"""Orders with the row that stands there, or with nothing where a block begins."""


def written(key: str, body: bytes) -> Written:
    """What an object is."""
    return Written(key, len(body), hashlib.sha256(body).hexdigest())


def with_wave(index: Index, manifest: Manifest, key: str) -> Index:
    """The index with one wave more, whose manifest lies under `key`."""
    own = written(key, encode_rows([manifest]))
    return msgspec.structs.replace(index, manifests=[*index.manifests, manifest], written=[*index.written, own])


def pack(
    key: str,
    rows: Sequence[Row],
    order: Callable[[Row], Order],
    told: Callable[[int, Sequence[Row]], None] = lambda _block, _rows: None,
) -> tuple[Part, bytes]:
    """Sorted rows (at least one) as an object and its description; `told` is called with the number and the rows of
    each block."""
    blocks: list[Block] = []
    body: list[bytes] = []
    kinds: dict[Kind, int] = {}
    start = 0
    for cut in range(0, len(rows), BLOCK_ROWS):
        some = rows[cut : cut + BLOCK_ROWS]
        segment = encode_rows(map(_as_stored, some))
        told(len(blocks), some)
        blocks.append(described(start, len(segment), some, order, kinds))
        body.append(segment)
        start += len(segment)
    part = joined(key, blocks, order(rows[-1]), counted(rows, "type"), counted(rows, "module"), kinds)
    return part, b"".join(body)


def _as_stored(row: object) -> object:
    return msgspec.Raw(row.raw) if isinstance(row, Noted) else row


def described(
    start: int, size: int, rows: Sequence[Row], order: Callable[[Row], Order], kinds: dict[Kind, int]
) -> Block:
    """The description of a block that lies at `start`; kinds that its part did not have are numbered in `kinds`."""
    facts = [row for row in rows if isinstance(row, Observation | Noted)]
    mask = 0
    for kind in sorted({(row.type, row.module) for row in facts}):
        mask |= 1 << kinds.setdefault(kind, len(kinds))
    return Block(
        start,
        size,
        len(rows),
        order(rows[0]),
        max_confidence=max((row.confidence for row in facts), default=1.0),
        kinds=mask.to_bytes((mask.bit_length() + 7) // 8, "little"),
    )


def joined(
    key: str,
    blocks: Sequence[Block],
    last: Order,
    types: Mapping[str, int],
    modules: Mapping[str, int],
    kinds: Iterable[Kind],
) -> Part:
    """The description of a part that is made of these blocks."""
    return Part(
        key,
        sum(block.rows for block in blocks),
        blocks[0].first,
        last,
        tuple(blocks),
        dict(sorted(types.items())),
        dict(sorted(modules.items())),
        max(block.max_confidence for block in blocks),
        tuple(kinds),
    )


def counted(rows: Iterable[object], field: str) -> Counter[str]:
    """How many rows there are by what this field says; rows without it are not counted."""
    return Counter(value for row in rows if (value := getattr(row, field, None)))


def runs(
    parts: Iterable[Part], after: Order = (), admitted: Callable[[Part], Sequence[Block]] = lambda part: part.blocks
) -> list[Run]:
    """What is to be read of these parts: the admitted blocks that can hold rows from just past `after`."""
    found: list[Run] = []
    for part in parts:
        if part.last <= after:
            continue
        blocks = admitted(part)
        if begin := blocks_from(part.blocks, after):
            blocks = [block for block in blocks if block.start >= part.blocks[begin].start]
        if blocks:
            found.append(Run(part, blocks))
    return found


def blocks_from(blocks: Sequence[Block], after: Order) -> int:
    """The number of the first block that can hold rows from just past `after`."""
    return max(0, bisect_right(blocks, after, key=lambda block: block.first) - 1) if after else 0


def stream(wanted: Iterable[Run], load: Load[Row], order: Callable[[Row], Order], after: Order = ()) -> Iterator[Row]:
    """The rows of sorted runs as one sorted stream, from just past `after`.

    Rows of one order come in the order of their runs. Blocks are loaded in the order of their first rows, each when
    the stream has come that far.
    """
    heap: list[tuple[Order, int, list[Row], Steps[Row]]] = []
    for age, run in enumerate(wanted):
        _advance(heap, age, _steps(run, load, order, after))
    while heap:
        _, age, row, steps = heapq.heappop(heap)
        yield from row
        _advance(heap, age, steps)


def _steps(run: Run, load: Load[Row], order: Callable[[Row], Order], after: Order) -> Steps[Row]:
    """A run's rows with their orders; before those of each block, where it begins, so that it can wait unread."""
    for block in run.blocks:
        yield block.first, []
        for row in load(run.part, block):
            if (at := order(row)) > after:
                yield at, [row]


def _advance(heap: list[tuple[Order, int, list[Row], Steps[Row]]], age: int, steps: Steps[Row]) -> None:
    for at, row in steps:
        heapq.heappush(heap, (at, age, row, steps))
        return


def whole(read: Read, row_type: type[Row]) -> Load[Row]:
    """Loads blocks for somebody who reads parts from end to end: an object is fetched once and kept, compressed,
    until its last block is taken."""
    kept: dict[str, bytes] = {}

    def load(part: Part, block: Block) -> list[Row]:
        body = kept.get(part.key)
        if body is None:
            body = kept[part.key] = read(part.key)
        if block is part.blocks[-1]:
            del kept[part.key]
        return decode_rows(body[block.start : block.start + block.size], row_type)

    return load


def merged(parts: Iterable[Part], row_type: type[GraphRow], read: Read, after: Order = ()) -> Iterator[GraphRow]:
    """The graph's rows from just past `after`, what several parts say of one order merged into one row."""
    return absorbed(stream(runs(parts, after), whole(read, row_type), lambda row: row.order, after))


def absorbed(rows: Iterable[GraphRow]) -> Iterator[GraphRow]:
    """Sorted rows, those of one order absorbed into the first of them."""
    current: GraphRow | None = None
    for row in rows:
        if current is not None and current.order == row.order:
            current.absorb(row)
            continue
        if current is not None:
            yield current
        current = row
    if current is not None:
        yield current


def observation_order(observation: Observation | Noted) -> tuple[str, str]:
    """Observations are kept in order of time, ties by id."""
    return (observation.observed_at, observation.id)


def graph_order(row: Mergeable) -> Order:
    """Rows of the graph are kept in the order that they say."""
    return row.order
