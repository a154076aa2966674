"""The export: one JSON object a line, enough to verify every entry of a period without asking anybody.

`start`, then each `block` with its `entry` lines, then every `anchor` of the tree since, a `consistency` proof up to
the head, and the signed `manifest`, which covers every byte before it. docs/guides/audit.md describes each line.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import Any

from functions.audit.model import merkle
from functions.audit.model.canonical import canonical
from functions.audit.model.entries import FORMAT, AuditEntry
from functions.audit.model.log import Block, Head, Statement

GZIP = 31


class Lines:
    """Lines as they are written: compressed, counted and digested."""

    def __init__(self) -> None:
        self._gzip = zlib.compressobj(6, wbits=GZIP)
        self._digest = hashlib.sha256()
        self._parts: list[bytes] = []

    def write(self, kind: str, **fields: Any) -> None:
        """One line."""
        line = canonical({"type": kind, **fields}) + b"\n"
        self._digest.update(line)
        self._parts.append(self._gzip.compress(line))

    @property
    def digest(self) -> str:
        """The SHA-256 of the lines so far."""
        return self._digest.hexdigest()

    def finished(self) -> bytes:
        """The file."""
        return b"".join((*self._parts, self._gzip.flush()))


def start(lines: Lines, block: Block, nodes: list[bytes]) -> None:
    """Where the export begins: the whole nodes of the tree before it, the largest first, its chain, its last block."""
    lines.write(
        "start",
        size=block.first,
        nodes=[node.hex() for node in nodes],
        chain=block.before,
        block=block.previous,
        number=block.number - 1,
    )


def block_line(lines: Lines, block: Block) -> None:
    """A block."""
    lines.write("block", hash=block.hash, block=block.published())


def entry_line(lines: Lines, entry: AuditEntry) -> None:
    """An entry."""
    more = {"forgotten": entry.forgotten} if entry.forgotten else {}
    lines.write("entry", leaf=entry.leaf(), content=entry.vouched, **more)


def signed_line(lines: Lines, kind: str, statement: Statement) -> None:
    """An anchor or the manifest."""
    lines.write(kind, **statement.model_dump())


def manifest(
    lines: Lines, head: Head, asked: tuple[str, str], first: int, last: Block | None, entries: int, at: str
) -> dict[str, Any]:
    """What is signed of an export; `asked` are the ids between which it holds everything."""
    return {
        "v": FORMAT,
        "kind": "export",
        "tenant_id": head.tenant_id,
        "exported_at": at,
        "asked_first": asked[0],
        "asked_last": asked[1],
        "first": first,
        "size": last.size if last else first,
        "number": last.number if last else head.number,
        "entries": entries,
        "head_size": head.size,
        "head_root": head.root if head.size else merkle.EMPTY.hex(),
        "digest": lines.digest,
    }
