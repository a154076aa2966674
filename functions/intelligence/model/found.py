"""What each batch was given and found, told by where it lies in the compacted form (`contracts.found`), so that what
the batches read and wrote can go.

Nothing is believed: the compacted rows are read back, and a batch's row is told by its place only where it lies there
byte for byte; any other is kept with its batch. A segment that is not what was written when its wave was reduced
raises `Unsound`, and then all of them stay.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from contracts.facts import decode_rows, encode_rows
from contracts.found import BatchAt, Found, FoundBatch, GivenBatch, StoredPart, raw_rows
from functions.intelligence.model.parts import Part, Read, Written

if TYPE_CHECKING:
    from numpy.typing import NDArray

OBJECT_BYTES: Final = 4 * 1024 * 1024
DIGEST_BYTES: Final = 16
ROWS: Final = "observations"
"""What the facts of a batch's work are called there."""
EMPTY: Final = msgspec.Raw(msgspec.msgpack.encode([]))

Sink = Callable[[str, bytes], object]


class Unsound(Exception):
    """What a batch wrote is missing, or is not what was written."""


def found_in(
    observations: Sequence[Part],
    segments: Iterable[Written],
    work: Iterable[str],
    read: Read,
    sink: Sink,
    key: Callable[[int], str],
) -> Found:
    """Where all that the batches found lies, and what they were given in the objects `work`. Objects that tell of
    batches are written under `key`, by number. Raises Unsound and, where an object is missing, NotFound."""
    places = Places(_digests(observations, read))
    writer = _Writer(sink, key)
    for segment in segments:
        body = read(segment.key)
        if hashlib.sha256(body).hexdigest() != segment.sha256:
            raise Unsound(f"{segment.key} is not what was written")
        rows = raw_rows(body)
        writer.add(segment.key, len(rows), places.told(rows))
    found = writer.take()
    for name in work:
        (header,) = decode_rows(read(name), dict[str, msgspec.Raw])
        rows = msgspec.msgpack.decode(header.pop(ROWS, EMPTY), type=list[msgspec.Raw])
        writer.add(name, len(rows), GivenBatch(msgspec.Raw(msgspec.msgpack.encode(header)), places.told(rows)))
    given = writer.take()
    stored = (
        StoredPart(part.key, tuple(b.size for b in part.blocks), tuple(b.rows for b in part.blocks))
        for part in observations
    )
    return Found(tuple(stored), writer.finish(), found, given)


def _digests(observations: Sequence[Part], read: Read) -> Iterator[bytes]:
    for part in observations:
        body = read(part.key)
        for block in part.blocks:
            yield digests(raw_rows(body[block.start : block.start + block.size]))


def digests(rows: Iterable[msgspec.Raw]) -> bytes:
    """128 bits of BLAKE2b of each row, end to end."""
    return b"".join([hashlib.blake2b(row, digest_size=DIGEST_BYTES).digest() for row in rows])


class Places:
    """Where a row lies, by its bytes. A million rows are 32 MB."""

    def __init__(self, digests_in_order: Iterable[bytes]) -> None:
        import numpy

        self._known = _halves(b"".join(digests_in_order))
        self._order = numpy.argsort(self._known[0], kind="stable")
        self._sorted = self._known[0][self._order]

    def told(self, rows: Sequence[msgspec.Raw]) -> FoundBatch:
        """Rows as places, and those that have none as they are."""
        import numpy

        if not len(self._sorted) or not rows:
            return FoundBatch(b"", list(enumerate(rows)))
        high, low = _halves(digests(rows))
        at = numpy.minimum(numpy.searchsorted(self._sorted, high), len(self._sorted) - 1)
        places = self._order[at].astype("<i8")
        lies = (self._known[0][places] == high) & (self._known[1][places] == low)
        steps = numpy.diff(places[lies], prepend=0).astype("<i8")
        return FoundBatch(steps.tobytes(), [(n, rows[n]) for n in numpy.flatnonzero(~lies).tolist()])


def _halves(body: bytes) -> tuple[NDArray[Any], NDArray[Any]]:
    import numpy

    numbers = numpy.frombuffer(body, dtype="<u8").reshape(-1, 2)
    return numpy.ascontiguousarray(numbers[:, 0]), numpy.ascontiguousarray(numbers[:, 1])


class _Writer:
    """Writes what is told of batches, some together in one object."""

    def __init__(self, sink: Sink, key: Callable[[int], str]) -> None:
        self._sink, self._key = sink, key
        self._body: list[bytes] = []
        self._size = 0
        self._objects: list[str] = []
        self._batches: list[BatchAt] = []

    def add(self, key: str, rows: int, batch: FoundBatch | GivenBatch) -> None:
        """The next batch, with the key of its own object."""
        segment = encode_rows([batch])
        wave, number = key.removesuffix(".mpk.gz").rsplit("/", 2)[1:]
        self._batches.append(BatchAt(int(wave), int(number), len(self._objects), self._size, len(segment), rows))
        self._body.append(segment)
        self._size += len(segment)
        if self._size >= OBJECT_BYTES:
            self._close()

    def take(self) -> tuple[BatchAt, ...]:
        """Where the batches since the last call are."""
        taken, self._batches = tuple(self._batches), []
        return taken

    def finish(self) -> tuple[str, ...]:
        """The objects' keys."""
        if self._body:
            self._close()
        return tuple(self._objects)

    def _close(self) -> None:
        self._objects.append(self._key(len(self._objects)))
        self._sink(self._objects[-1], b"".join(self._body))
        self._body, self._size = [], 0
