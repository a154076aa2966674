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
from typing import Final

from contracts.observations import Observation
from functions.intelligence.model.parts import Block, Part, Slice
from functions.intelligence.model.query import Fetch, Filter

ENTRIES: Final = 16_384
"""Numbers in one block of the index: 128 KB unpacked."""
PREFIXES: Final = (1, 2, 4, 8, 12, 16, 24, 32, 48)
"""Lengths of beginnings that are kept; a longer one is looked for by the longest of these."""
GRAM: Final = 3
MAX_GRAMS: Final = 8
"""Trigrams of a text that are looked up, evenly chosen; the blocks that are left are read anyway."""
PART_BITS: Final = 12
"""Bits of a place that count blocks within a part."""
_LOW: Final = 0xFFFFFFFF


class Postings:
    """Gathers places block by block. A million observations are some nine million numbers, 72 MB."""

    def __init__(self) -> None:
        self._entries = array("Q")

    def add(self, part: int, block: int, rows: Iterable[Observation]) -> None:
        """Remember what a block holds."""
        place = part << PART_BITS | block
        words: set[str] = set()
        values = {row.value.casefold() for row in rows}
        folded = "\n".join(values)
        words.update(f"~{folded[at : at + GRAM]}" for at in range(len(folded) - GRAM + 1))
        for value in values:
            words.update(f"^{value[:length]}" for length in PREFIXES if length <= len(value))
        words.update(f"={row.value}" for row in rows)
        words.update(f"<{row.source_id}" for row in rows)
        self._entries.extend(_code(word) << 32 | place for word in words)

    def written(self, key: str) -> tuple[Part, bytes] | None:
        """The index as an object, None when nothing was added."""
        import numpy

        if not self._entries:
            return None
        numbers = numpy.frombuffer(self._entries, dtype=numpy.uint64).copy()
        self._entries = array("Q")
        numbers.sort()
        blocks: list[Block] = []
        body: list[bytes] = []
        start = 0
        for cut in range(0, len(numbers), ENTRIES):
            some = numbers[cut : cut + ENTRIES]
            packed = gzip.compress(some.astype("<u8").tobytes(), compresslevel=1, mtime=0)
            blocks.append(Block(start, len(packed), len(some), (_order(int(some[0])),)))
            body.append(packed)
            start += len(packed)
        last = (_order(int(numbers[-1])),)
        return Part(key, len(numbers), blocks[0].first, last, tuple(blocks)), b"".join(body)


def words(wanted: Filter) -> list[str]:
    """What to look up for a question; nothing where the index cannot help."""
    found = []
    if wanted.value:
        found.append(f"={wanted.value}")
    if wanted.source:
        found.append(f"<{wanted.source}")
    if prefix := wanted.prefix.casefold():
        found.append(f"^{prefix[: max(length for length in PREFIXES if length <= len(prefix))]}")
    return [*found, *(f"~{gram}" for gram in _grams(wanted.contains.casefold()))]


def _grams(text: str) -> Iterator[str]:
    number = len(text) - GRAM + 1
    if number < 1:
        return
    step = max(1, -(-number // MAX_GRAMS))
    yield from (text[at : at + GRAM] for at in (*range(0, number - 1, step), number - 1))


def chosen(
    postings: Part, observations: Sequence[Part], wanted: Filter, fetch: Fetch
) -> frozenset[tuple[str, int]] | None:
    """The blocks (key, start) in which all that is asked for can be; None when the index cannot tell."""
    sought = [_code(word) for word in words(wanted)]
    if not sought:
        return None
    slices = {number: _around(postings, number) for number in sought}
    each = sorted({slice_ for found in slices.values() for slice_ in found})
    unpacked = dict(zip(each, map(_unpacked, fetch(each)), strict=True))
    places = set.intersection(
        *({entry for slice_ in slices[number] for entry in _of(unpacked[slice_], number)} for number in sought)
    )
    blocks = ((observations[place >> PART_BITS], place & (1 << PART_BITS) - 1) for place in places)
    return frozenset((part.key, part.blocks[number].start) for part, number in blocks)


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
