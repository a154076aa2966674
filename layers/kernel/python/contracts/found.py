"""What each batch of a compacted scan was given and found, told by where it lies among the scan's compacted
observations.

So the facts of a scan that has ended lie there once, and a rescan can still take over what one batch found. A batch's
rows are *places*: their numbers, counted from 0 through all blocks of all parts in order. What does not lie there in
the batch's own words (a fact that another batch had told before it) is kept with the batch.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

import msgspec

from contracts.facts import decode_observations, decode_rows
from contracts.observations import Observation

TOGETHER_ROWS: Final = 50_000
"""Rows of batches that are gathered at once: batches that ran at the same time have their rows in the same blocks."""

MANY_ROWS: Final = 50
"""Rows of one block from which on it is quicker to decode all of it."""

BatchName = tuple[int, int]
"""Wave and number."""


class ObjectSlice(NamedTuple):
    """Some bytes of an object."""

    key: str
    start: int
    size: int


Fetch = Callable[[Iterable[ObjectSlice]], Iterator[bytes]]
"""Reads slices of objects, in their order. Raises NotFound."""


class StoredPart(msgspec.Struct, frozen=True, array_like=True):
    """An object of compacted observations, and the bytes and rows of each of its blocks, end to end."""

    key: str
    sizes: tuple[int, ...]
    rows: tuple[int, ...]


class BatchAt(msgspec.Struct, frozen=True, array_like=True):
    """Where the rows of a batch are told: some bytes of an object (by its number), which are a segment of one
    `FoundBatch` or `GivenBatch`."""

    wave: int
    number: int
    object: int
    start: int
    size: int
    rows: int


class FoundBatch(msgspec.Struct, frozen=True, array_like=True):
    """The rows of a batch in its own order: the steps from each place to the next one, from 0, as little-endian signed
    64-bit numbers; and between them those that lie nowhere else, each with its number among the rows."""

    steps: bytes
    own: list[tuple[int, msgspec.Raw]]


class GivenBatch(msgspec.Struct, frozen=True, array_like=True):
    """The work of a batch: its rows, and all else that was said of it (`header`, the row of its object without
    `observations`)."""

    header: msgspec.Raw
    rows: FoundBatch


class Found(msgspec.Struct, frozen=True):
    """What all batches of a scan found: the parts of its observations, the objects that tell of batches, and where in
    them each batch is; and where it is told what each was given."""

    observations: tuple[StoredPart, ...]
    objects: tuple[str, ...]
    batches: tuple[BatchAt, ...]
    given: tuple[BatchAt, ...] = ()

    @property
    def names(self) -> dict[BatchName, BatchAt]:
        """The batches by wave and number."""
        return {(each.wave, each.number): each for each in self.batches}


def raw_rows(segment: bytes) -> list[msgspec.Raw]:
    """The rows of a segment as they lie there, each to be decoded on its own."""
    return decode_rows(segment, msgspec.Raw)


def batches(found: Found, wanted: Iterable[BatchName], fetch: Fetch) -> Iterator[tuple[BatchName, list[Observation]]]:
    """What some batches found, in the order in which they are asked for. Raises KeyError for one that is not there."""
    names = found.names
    for some in _together(names[name] for name in wanted):
        told = [decode_rows(segment, FoundBatch)[0] for segment in _blocks(_places_of(found, some), fetch)]
        for each, rows in zip(some, _filled(found, told, fetch), strict=True):
            yield (each.wave, each.number), rows


def given(
    found: Found, wanted: Iterable[BatchName], fetch: Fetch
) -> Iterator[tuple[BatchName, msgspec.Raw, list[Observation]]]:
    """What some batches were given: header and rows, in the order in which they are asked for. Raises KeyError for
    one of which that is not told."""
    names = {(each.wave, each.number): each for each in found.given}
    for some in _together(names[name] for name in wanted):
        told = [decode_rows(segment, GivenBatch)[0] for segment in _blocks(_places_of(found, some), fetch)]
        filled = _filled(found, [each.rows for each in told], fetch)
        for each, work, rows in zip(some, told, filled, strict=True):
            yield (each.wave, each.number), work.header, rows


def _together(wanted: Iterable[BatchAt]) -> Iterator[list[BatchAt]]:
    """Batches, as many at once as have `TOGETHER_ROWS`."""
    some: list[BatchAt] = []
    rows = 0
    for each in wanted:
        some.append(each)
        rows += each.rows
        if rows >= TOGETHER_ROWS:
            yield some
            some, rows = [], 0
    if some:
        yield some


def _places_of(found: Found, some: Iterable[BatchAt]) -> list[ObjectSlice]:
    return [ObjectSlice(found.objects[each.object], each.start, each.size) for each in some]


def _filled(found: Found, told: Sequence[FoundBatch], fetch: Fetch) -> list[list[Observation]]:
    """The rows of some batches; each block that holds some of them is read once, in order."""
    rows: list[dict[int, Observation]] = []
    places: list[tuple[int, int, int]] = []
    for turn, batch in enumerate(told):
        own = {number: _decoded(raw) for number, raw in batch.own}
        rows.append(own)
        steps = array("q")
        steps.frombytes(batch.steps)
        free = (number for number in range(len(steps) + len(own)) if number not in own)
        places += ((place, turn, number) for place, number in zip(accumulate(steps), free, strict=True))
    places.sort()
    for (_, turn, number), row in zip(places, _rows(found, [place for place, _, _ in places], fetch), strict=True):
        rows[turn][number] = row
    return [[by_number[number] for number in range(len(by_number))] for by_number in rows]


def _rows(found: Found, places: Sequence[int], fetch: Fetch) -> Iterator[Observation]:
    """The rows at some places, which are in order; only their blocks are read."""
    blocks: list[ObjectSlice] = []
    shares: list[list[int]] = []
    at = first = 0
    for part in found.observations:
        start = 0
        for size, rows in zip(part.sizes, part.rows, strict=True):
            begin = at
            while at < len(places) and places[at] < first + rows:
                at += 1
            if at > begin:
                blocks.append(ObjectSlice(part.key, start, size))
                shares.append([place - first for place in places[begin:at]])
            start += size
            first += rows
    for body, share in zip(_blocks(blocks, fetch), shares, strict=True):
        if len(share) >= MANY_ROWS:
            observations = decode_observations(body)
            yield from (observations[number] for number in share)
        else:
            raws = raw_rows(body)
            yield from (_decoded(raws[number]) for number in share)


def _blocks(blocks: Sequence[ObjectSlice], fetch: Fetch) -> Iterator[bytes]:
    """Blocks in order; those that lie end to end are fetched as one."""
    spans: list[list[ObjectSlice]] = []
    for block in blocks:
        last = spans[-1][-1] if spans else None
        if last and (last.key, last.start + last.size) == (block.key, block.start):
            spans[-1].append(block)
        else:
            spans.append([block])
    wide = (ObjectSlice(span[0].key, span[0].start, sum(each.size for each in span)) for span in spans)
    for span, body in zip(spans, fetch(wide), strict=True):
        for block in span:
            begin = block.start - span[0].start
            yield body[begin : begin + block.size]


def _decoded(raw: msgspec.Raw) -> Observation:
    return msgspec.msgpack.decode(raw, type=Observation)
