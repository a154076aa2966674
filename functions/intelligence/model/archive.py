"""A whole scan as one file: a tar of its observations, led by a manifest that names every member and its SHA-256.

The graph and the conclusions follow from the observations, so they are made anew where the scan is taken in.
"""

from __future__ import annotations

import hashlib
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import IO, Any, Final, Protocol, cast

import msgspec

from contracts.observations import Observation, ObservationType, derived_id
from contracts.scans import ScanBrief
from functions.intelligence.model.imports.items import Fault, Faulty
from functions.intelligence.model.parts import (
    Block,
    Index,
    Part,
    observation_order,
    runs,
    stream,
)

FORMAT: Final = "palisade-scan"
VERSION: Final = 1
MANIFEST: Final = "manifest.json"
MAX_MANIFEST: Final = 8 * 1024 * 1024
MAX_PART: Final = 256 * 1024 * 1024
MAX_BLOCK: Final = 64 * 1024 * 1024
"""Bytes of one block, unpacked."""
MAX_ROWS: Final = 10_000_000
MAX_ROW: Final = 256 * 1024
"""Bytes of one observation; those that scans find have fewer."""
MAX_SCAN: Final = 256 * 1024
"""Bytes of what a manifest says of its scan, which is kept in the table."""
TYPES: Final = frozenset(ObservationType)


class Readable(Protocol):
    """What can be read from its beginning to its end."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes; fewer at the end."""


_rows = msgspec.msgpack.Decoder(list[Observation])
_row = msgspec.msgpack.Encoder()


class ArchivedPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A member: its name, bytes, SHA-256 in hexadecimal, and the bytes of each of its blocks in order."""

    name: str
    size: int
    sha256: str
    blocks: tuple[int, ...]


class ArchivedScan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The scan itself, as far as it can be taken elsewhere."""

    scan_id: str
    name: str
    profile: str
    targets: tuple[str, ...]
    modules: dict[str, str]
    status: str
    created_at: str
    finished_at: str


class ArchiveManifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an archive holds."""

    format: str
    version: int
    scan: ArchivedScan
    parts: tuple[ArchivedPart, ...]


def manifest_of(brief: ScanBrief, index: Index) -> tuple[ArchiveManifest, dict[str, str]]:
    """A scan's manifest, and the key of the object that each member is."""
    objects = {each.key: each for each in index.objects}
    keys = {f"observations/{number:05}.mpk.gz": part for number, part in enumerate(index.observations)}
    parts = tuple(
        ArchivedPart(name, objects[part.key].size, objects[part.key].sha256, tuple(block.size for block in part.blocks))
        for name, part in keys.items()
    )
    scan = ArchivedScan(
        brief.scan_id,
        brief.name,
        brief.profile,
        brief.targets,
        brief.modules,
        brief.status.value,
        brief.created_at,
        brief.finished_at or brief.created_at,
    )
    return ArchiveManifest(FORMAT, VERSION, scan, parts), {name: part.key for name, part in keys.items()}


def open_archive(file: Readable, key: str) -> tuple[ArchiveManifest, list[Part]]:
    """Read an archive from end to end, as a stream: its manifest, and where its observations lie in the object `key`.

    Raises Faulty for anything that is not exactly what the manifest says: nothing of it is to be kept then.
    """
    try:
        with tarfile.open(fileobj=cast(IO[bytes], file), mode="r|") as archive:
            members = iter(archive)
            manifest = _manifest(archive, next(members, None))
            parts = [_part(archive, next(members, None), wanted, key) for wanted in manifest.parts]
            if next(members, None) is not None:
                raise _faulty("The archive holds more than its manifest names.")
    except (tarfile.TarError, EOFError, OSError) as problem:
        raise _faulty(f"The archive is broken off, or none: {problem}.") from None
    if sum(part.rows for part in parts) > MAX_ROWS:
        raise _faulty(f"An archive holds {MAX_ROWS:,} facts at most.")
    if not parts:
        raise _faulty("The archive holds no facts.")
    return manifest, parts


def _manifest(archive: tarfile.TarFile, member: tarfile.TarInfo | None) -> ArchiveManifest:
    if member is None or member.name != MANIFEST or not member.isreg() or member.size > MAX_MANIFEST:
        raise _faulty(f"An archive begins with {MANIFEST}.")
    try:
        manifest = msgspec.json.decode(_body(archive, member), type=ArchiveManifest)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as problem:
        raise _faulty(f"The manifest cannot be read: {problem}.") from None
    if manifest.format != FORMAT or manifest.version != VERSION:
        raise _faulty(f"This is version {manifest.version} of {manifest.format!r}; version 1 of {FORMAT!r} is read.")
    if len(msgspec.json.encode(manifest.scan)) > MAX_SCAN:
        raise _faulty(f"The manifest says more than {MAX_SCAN // 1024} KiB of its scan.")
    return manifest


def _part(archive: tarfile.TarFile, member: tarfile.TarInfo | None, wanted: ArchivedPart, key: str) -> Part:
    if member is None:
        raise _faulty(f"{wanted.name} is missing: the archive is not whole.")
    if member.name != wanted.name or not member.isreg():
        raise _faulty(f"Where {wanted.name} should be, there is {member.name[:100]!r}.")
    if member.size != wanted.size or member.size > MAX_PART or sum(wanted.blocks) != wanted.size:
        raise _faulty(f"{wanted.name} has another size than the manifest says.")
    body = _body(archive, member)
    if hashlib.sha256(body).hexdigest() != wanted.sha256:
        raise _faulty(f"{wanted.name} was changed: its SHA-256 is not that of the manifest.")
    blocks, start, last = [], 0, ("", "")
    for size in wanted.blocks:
        rows = checked_rows(body[start : start + size], wanted.name)
        first = observation_order(rows[0])
        if first < last:
            raise _faulty(f"{wanted.name} is not in order.")
        last = observation_order(rows[-1])
        blocks.append(Block(member.offset_data + start, size, len(rows), first))
        start += size
    if not blocks:
        raise _faulty(f"{wanted.name} is empty.")
    return Part(key, sum(block.rows for block in blocks), blocks[0].first, last, tuple(blocks))


def _body(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    body = file.read() if file else b""
    if len(body) != member.size:
        raise _faulty(f"{member.name[:100]} is broken off.")
    return body


def checked_rows(block: bytes, name: str) -> list[Observation]:
    """The rows of one block, in order. Raises Faulty when they are not what observations are."""
    try:
        unpack = zlib.decompressobj(wbits=31)
        packed = unpack.decompress(block, MAX_BLOCK)
        if unpack.unconsumed_tail or not unpack.eof or unpack.unused_data:
            raise _faulty(f"{name} holds a block that is too large, or broken off.")
        rows = _rows.decode(packed)
    except (zlib.error, msgspec.DecodeError, RecursionError, UnicodeDecodeError) as problem:
        raise _faulty(f"{name} cannot be read: {problem}.") from None
    orders = [observation_order(row) for row in rows]
    if not rows or orders != sorted(orders) or not all(map(_is_sound, rows)):
        raise _faulty(f"{name} holds what is no observation, or is not in order.")
    return rows


def _is_sound(row: Observation) -> bool:
    try:
        at = datetime.fromisoformat(row.observed_at)
    except ValueError:
        return False
    return (
        len(_row.encode(row)) <= MAX_ROW
        and row.type in TYPES
        and 0 < len(row.id) <= 64
        and len(row.source_id) <= 64
        and bool(row.value)
        and 0 <= row.confidence <= 1
        and 0 <= row.scope_distance <= 255
        and at.tzinfo == UTC
    )


def taken_over(
    parts: Iterable[Part], read: Callable[[str, int, int], bytes], old: str, new: str
) -> Iterator[Observation]:
    """The observations of an archive as those of another scan, each after the one that led to it where both were seen
    at one instant. Their ids are derived from the old ones and the new scan, so that they are the scan's own."""

    def load(part: Part, block: Block) -> list[Observation]:
        return _rows.decode(zlib.decompress(read(part.key, block.start, block.size), 31))

    together: list[Observation] = []
    for row in stream(runs(parts), load, observation_order):
        moved = msgspec.structs.replace(
            row,
            id=derived_id(new, row.id),
            source_id=new if row.source_id in (old, "") else derived_id(new, row.source_id),
            consumed=(),
        )
        if together and together[-1].observed_at != moved.observed_at:
            yield from _sources_first(together)
            together = []
        together.append(moved)
    yield from _sources_first(together)


def _sources_first(rows: list[Observation]) -> Iterator[Observation]:
    by_id = {row.id: row for row in rows}
    done: set[str] = set()
    for row in rows:
        chain = []
        current: Observation | None = row
        while current is not None and current.id not in done:
            done.add(current.id)
            chain.append(current)
            current = by_id.get(current.source_id)
        yield from reversed(chain)


def _faulty(detail: str) -> Faulty:
    return Faulty([Fault(0, detail)])


def plain(manifest: ArchiveManifest) -> Any:
    """A manifest as JSON takes it."""
    return msgspec.to_builtins(manifest)
