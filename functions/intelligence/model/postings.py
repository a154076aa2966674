"""The index of values: in which blocks of observations a value, a beginning, a part or a source can be.

It is one object of sorted 64-bit numbers: the upper half is the CRC-32 of what is looked for, the lower half a place
(the number of a part and of a block in it). Two words that share a CRC cost a needless look into a block, no more.
What begins or holds a text is looked for in any case; a part of a value by its trigrams, as in Zobel, Moffat and
Sacks-Davis, "Searching large lexicons for partially specified terms using compressed inverted files" (VLDB 1993).
"""

from __future__ import annotations

import gzip
import zlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from contracts.observations import Observation
from functions.intelligence.model.parts import Block, Index, Noted, Part, Read, Slice, Values, written
from functions.intelligence.model.query import Fetch, Filter, together

if TYPE_CHECKING:
    from numpy.typing import NDArray

ENTRIES: Final = 16_384
"""Numbers in one block of the index: 128 KB unpacked."""
PREFIXES: Final = (1, 2, 4, 8, 12, 16, 24, 32, 48)
"""Lengths of beginnings that are kept; a longer one is looked for by the longest of these."""
GRAM: Final = 3
MAX_GRAMS: Final = 8
"""Trigrams of a text that are looked up in one index, evenly chosen; the blocks that are left are read anyway."""
MIN_GRAMS: Final = 3
"""Those that are looked up in each of several indexes, at least."""
GROWTH: Final = 4
"""An index is merged into a later one that has more than a part of it of this size. So there are few, and none is
written often."""
PART_BITS: Final = 12
"""Bits of a place that count blocks within a part."""
_LOW: Final = 0xFFFFFFFF


class Postings:
    """Gathers places block by block. A million observations are some nine million numbers, 72 MB."""

    def __init__(self) -> None:
        self._entries = array("Q")

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, part: int, block: int, rows: Iterable[Observation | Noted]) -> None:
        """Remember what a block holds."""
        place = part << PART_BITS | block
        self._entries.extend({code << 32 | place for code in _codes(rows)})

    def taken(self) -> Iterator[NDArray[Any]]:
        """All that was gathered, sorted; nothing is left."""
        import numpy

        numbers = numpy.frombuffer(self._entries, dtype=numpy.uint64).copy()
        self._entries = array("Q")
        numbers.sort()
        yield from _cut(numbers)

    def written(self, key: str) -> tuple[Part, bytes] | None:
        """The index as an object, None when nothing was added."""
        return packed(key, self.taken()) if self._entries else None


def _codes(rows: Iterable[Observation | Noted]) -> set[int]:
    """The numbers of all words that some rows have."""
    crc = zlib.crc32
    rows = list(rows)
    values = {row.value.casefold() for row in rows}
    folded = "\n".join(values)
    grams = set(zip(folded, folded[1:], folded[2:], strict=False))
    words = {f"^{value[:length]}" for value in values for length in PREFIXES if length <= len(value)}
    words.update(f"={row.value}" for row in rows)
    words.update(f"<{row.source_id}" for row in rows)
    codes = {crc(f"~{one}{two}{three}".encode("utf-8", "surrogatepass")) for one, two, three in grams}
    codes.update(crc(word.encode("utf-8", "surrogatepass")) for word in words)
    return codes


def packed(key: str, entries: Iterable[NDArray[Any]]) -> tuple[Part, bytes]:
    """Sorted numbers (at least one) as an object and its description."""
    blocks: list[Block] = []
    body: list[bytes] = []
    start = last = 0
    for some in entries:
        segment = gzip.compress(some.astype("<u8").tobytes(), compresslevel=1, mtime=0)
        blocks.append(Block(start, len(segment), len(some), (_order(int(some[0])),)))
        body.append(segment)
        start += len(segment)
        last = int(some[-1])
    return Part(key, sum(each.rows for each in blocks), blocks[0].first, (_order(last),), tuple(blocks)), b"".join(body)


def merged(indexes: Sequence[Iterator[NDArray[Any]]]) -> Iterator[NDArray[Any]]:
    """Several sorted streams of numbers as one; a block of each is held at a time."""
    import numpy

    heads = [(some, rest) for rest in indexes if (some := next(rest, None)) is not None]
    left: list[NDArray[Any]] = []
    while heads:
        bound = min(int(some[-1]) for some, _ in heads)
        cuts = [int(numpy.searchsorted(some, bound, side="right")) for some, _ in heads]
        left.append(numpy.sort(numpy.concatenate([some[:cut] for (some, _), cut in zip(heads, cuts, strict=True)])))
        if sum(map(len, left)) >= ENTRIES:
            *full, last = _cut(numpy.concatenate(left))
            yield from full
            left = [last]
        rests = [(some[cut:], rest) for (some, rest), cut in zip(heads, cuts, strict=True)]
        heads = [(more, rest) for some, rest in rests if (more := some if len(some) else next(rest, None)) is not None]
    if left:
        yield from _cut(numpy.concatenate(left))


def entries_of(postings: Part, body: bytes, parts_before: int) -> Iterator[NDArray[Any]]:
    """The numbers of an index, as they are where `parts_before` parts come before its own."""
    import numpy

    shift = numpy.uint64(parts_before << PART_BITS)
    for block in postings.blocks:
        segment = gzip.decompress(body[block.start : block.start + block.size])
        yield numpy.frombuffer(segment, dtype="<u8") + shift


def _cut(numbers: NDArray[Any]) -> Iterator[NDArray[Any]]:
    return (numbers[at : at + ENTRIES] for at in range(0, len(numbers), ENTRIES))


def extended(index: Index, own: Postings, key: str, read: Read) -> tuple[tuple[Values, ...], bytes]:
    """The indexes of values that there are with the latest wave's, and the body of the one that is new, under `key`:
    `own`, merged with those before it that are not much larger. Of a wave without observations nothing is written.

    As in O'Neil and others, "The log-structured merge-tree" (Acta Informatica 33, 1996): each number is written a few
    times in all, and a question looks into few indexes.
    """
    wave = index.manifests[-1].wave
    known = [each for each in index.values if each.since > index.through]
    if not len(own):
        return tuple(known), b""
    total, first = max(len(own), ENTRIES), len(known)
    while first and known[first - 1].postings.rows < GROWTH * total:
        next_since = known[first].since if first < len(known) else wave
        if index.later(known[first - 1].through + 1, next_since - 1):
            break  # parts of which no index tells
        first -= 1
        total += known[first].postings.rows
    since = known[first].since if first < len(known) else wave
    streams = [
        entries_of(each.postings, read(each.postings.key), len(index.later(since, each.since - 1)))
        for each in known[first:]
    ]
    before = len(index.later(since, wave - 1))
    streams.append(some + _shift(before) for some in own.taken())
    part, body = packed(key, merged(streams))
    made = Values(since=since, through=wave, postings=part, object=written(key, body))
    return (*known[:first], made), body


def _shift(parts: int) -> Any:
    import numpy

    return numpy.uint64(parts << PART_BITS)


def words(wanted: Filter, grams: int = MAX_GRAMS) -> list[str]:
    """What to look up for a question, with so many trigrams of a part of a value at most (and the last one); nothing
    where the index cannot help."""
    found = []
    if wanted.value:
        found.append(f"={wanted.value}")
    if wanted.source:
        found.append(f"<{wanted.source}")
    if prefix := wanted.prefix.casefold():
        found.append(f"^{prefix[: max(length for length in PREFIXES if length <= len(prefix))]}")
    return [*found, *(f"~{gram}" for gram in _grams(wanted.contains.casefold(), grams))]


def _grams(text: str, most: int) -> Iterator[str]:
    number = len(text) - GRAM + 1
    if number < 1:
        return
    step = max(1, -(-number // most))
    yield from (text[at : at + GRAM] for at in (*range(0, number - 1, step), number - 1))


class Lookup(NamedTuple):
    """An index of values, and the parts that it numbers."""

    postings: Part
    observations: Sequence[Part]


def lookups(index: Index) -> tuple[list[Lookup], list[Part]]:
    """The indexes of values that there are, and the parts of which none tells."""
    found: list[Lookup] = []
    others: list[Part] = []
    generation = index.generation
    if generation and generation.postings:
        found.append(Lookup(generation.postings, generation.observations))
    elif generation:
        others += generation.observations
    told = index.through
    for each in index.values:
        others += index.later(told + 1, each.since - 1)
        found.append(Lookup(each.postings, index.later(each.since, each.through)))
        told = each.through
    last = index.manifests[-1].wave if index.manifests else told
    return found, [*others, *index.later(told + 1, last)]


def chosen(index: Index, wanted: Filter, fetch: Fetch) -> frozenset[tuple[str, int]] | None:
    """The blocks (key, start) in which all that is asked for can be; None when no index can tell."""
    found, others = lookups(index)
    grams = max(MIN_GRAMS, MAX_GRAMS // len(found)) if found else 0
    sought = [_code(word) for word in words(wanted, grams)] if found else []
    if not sought:
        return None
    around = {(at, number): _around(each.postings, number) for at, each in enumerate(found) for number in sought}
    wide = sorted({slice_ for slices in around.values() for slice_ in slices})
    unpacked = dict(zip(wide, map(_unpacked, together(wide, fetch)), strict=True))
    blocks = {(part.key, block.start) for part in others for block in part.blocks}
    for at, each in enumerate(found):
        sets = ({e for slice_ in around[at, number] for e in _of(unpacked[slice_], number)} for number in sought)
        for place in set.intersection(*sets):
            part = each.observations[place >> PART_BITS]
            blocks.add((part.key, part.blocks[place & (1 << PART_BITS) - 1].start))
    return frozenset(blocks)


def _around(postings: Part, number: int) -> list[Slice]:
    """The blocks of the index that can hold entries of this number."""
    firsts = [block.first[0] for block in postings.blocks]
    begin = max(0, bisect_left(firsts, _order(number << 32)) - 1)
    end = bisect_right(firsts, _order(number << 32 | _LOW))
    return [Slice(postings.key, block.start, block.size) for block in postings.blocks[begin:end]]


def _unpacked(packed: bytes) -> array[int]:
    entries = array("Q")
    entries.frombytes(gzip.decompress(packed))
    return entries


def _of(entries: array[int], number: int) -> Iterator[int]:
    begin, end = bisect_left(entries, number << 32), bisect_right(entries, number << 32 | _LOW)
    return (entry & _LOW for entry in entries[begin:end])


def _order(entry: int) -> str:
    return f"{entry:016x}"


def _code(word: str) -> int:
    return zlib.crc32(word.encode("utf-8", "surrogatepass"))
