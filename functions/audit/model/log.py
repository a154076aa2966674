"""The log of a tenant: entries in an order that was fixed once, block after block, under one Merkle tree.

Nothing but the head ever changes, and the head only grows: entry → leaf → chain and tree → block → head → anchor.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from pydantic import BaseModel

from functions.audit.model import merkle
from functions.audit.model.canonical import canonical
from functions.audit.model.entries import FORMAT, PREFIX, AuditEntry, born, day_of, first_id
from functions.audit.model.merkle import TILE_HEIGHT, WIDTH
from kernel import clock
from kernel.ids import is_tenant_id
from kernel.records import Record

CHAIN, BLOCK = b"\x02", b"\x03"
GENESIS = "palisade-audit/1"
MAX_BLOCK = 1000
"""Entries of a block: it, the head and its tiles are one transaction."""
MAX_LATE = 12
"""Late entries of a block: each has a receipt to write and a mark to remove in the same transaction."""
HASH_BYTES = 32
ID_LENGTH = 26
TILES_PER_PARTITION = 4096
CLOCKS_DIFFER = timedelta(minutes=10)
"""An organisation's first deeds may bear an earlier time than its own id, by so much."""
LOST = [bytes(HASH_BYTES)] * WIDTH
"""In place of a tile that is gone: what is proved with it proves nothing."""


class Statement(BaseModel):
    """What is signed: a tree head, or what an export holds."""

    statement: dict[str, Any]
    signature: str
    key: str


class Head(Record, pk="TENANT#{tenant_id}#AUDITLOG#HEAD", sk="HEAD"):
    """Where the log ends. Every entry with an id up to `through` that was kept on time is in it."""

    size: int = 0
    through: str = ""
    number: int = 0
    chain: str = ""
    root: str = merkle.EMPTY.hex()
    block: str = ""
    sealed_at: str = ""
    edge: list[str] = []
    anchor: Statement | None = None
    """What is signed of it; None before the first block."""

    def grown(self) -> merkle.Edge:
        """The tree's edge."""
        return [unpacked(level) for level in self.edge]


class Block(Record, pk="TENANT#{tenant_id}#AUDITLOG#BLOCKS#{day}", sk="BLOCK#{through}#{number:010}"):
    """The entries number `first` up to `size`, in their order: all with an id behind `after` and up to `through`, and
    some that came late. `hash` covers all of it and the block before."""

    day: str
    after: str
    through: str
    number: int
    first: int
    size: int
    ids: str
    leaves: str
    before: str
    chain: str
    root: str
    previous: str
    sealed_at: str
    expires_after: int
    hash: str = ""

    def entry_ids(self) -> list[str]:
        """Its entries."""
        return [PREFIX + self.ids[at : at + ID_LENGTH] for at in range(0, len(self.ids), ID_LENGTH)]

    def published(self) -> dict[str, Any]:
        """The block as its hash covers it and as it is exported."""
        return {
            "v": FORMAT,
            "tenant_id": self.tenant_id,
            "number": self.number,
            "after": self.after,
            "through": self.through,
            "first": self.first,
            "size": self.size,
            "ids": self.entry_ids(),
            "leaves": [leaf.hex() for leaf in unpacked(self.leaves)],
            "before": self.before,
            "chain": self.chain,
            "root": self.root,
            "previous": self.previous,
            "sealed_at": self.sealed_at,
            "expires_after": self.expires_after,
        }


class Tile(Record, pk="TENANT#{tenant_id}#AUDITLOG#TILES#{group}", sk="TILE#{level:02}#{index:010}"):
    """Sixteen neighbours of the tree."""

    group: str
    level: int
    index: int
    hashes: str


class Late(Record, pk="TENANT#{tenant_id}#AUDITLATE", sk="LATE#{entry_id}"):
    """The mark of an entry that was kept so late that the sealer may have passed it."""

    entry_id: str


class Receipt(Record, pk="TENANT#{tenant_id}#AUDITLOG#RECEIPTS#{day}", sk="RECEIPT#{entry_id}"):
    """Where a late entry stands."""

    day: str
    entry_id: str
    sequence: int


class Sealing(NamedTuple):
    """One step of the log: all of it is committed, or nothing."""

    head: Head
    block: Block
    tiles: list[Tile]
    receipts: list[Receipt]


def beginning(tenant_id: str) -> Head:
    """The head of a log without entries. Its chain begins with the tenant's name, so no two are alike."""
    assert is_tenant_id(tenant_id)
    chain = hashlib.sha256(f"{GENESIS}\n{tenant_id}".encode()).hexdigest()
    through = first_id(born(PREFIX + tenant_id.removeprefix("org_")) - CLOCKS_DIFFER)
    return Head(tenant_id=tenant_id, chain=chain, block=chain, through=through)


def sealed(
    head: Head, on_time: Sequence[AuditEntry], late: Sequence[AuditEntry], through: str, now: datetime
) -> Sealing:
    """The entries as the next block: those on time in the order of their ids, then the late ones."""
    entries = [*on_time, *late]
    edge, chain, tiles = head.grown(), bytes.fromhex(head.chain), []
    leaves = [entry.leaf_hash() for entry in entries]
    for number, leaf in enumerate(leaves, head.size):
        chain = hashlib.sha256(CHAIN + chain + leaf).digest()
        tiles += [_kept(head.tenant_id, tile) for tile in merkle.grow(edge, number, leaf)]
    block = Block(
        tenant_id=head.tenant_id,
        day=day_of(through),
        after=head.through,
        through=through,
        number=head.number + 1,
        first=head.size,
        size=head.size + len(entries),
        ids="".join(entry.entry_id.removeprefix(PREFIX) for entry in entries),
        leaves=packed(leaves),
        before=head.chain,
        chain=chain.hex(),
        root=merkle.edge_root(edge).hex(),
        previous=head.block,
        sealed_at=clock.timestamp(now),
        expires_after=min(entry.expires_at or 0 for entry in entries),
    )
    block.hash = block_hash(block)
    receipts = [
        Receipt(tenant_id=head.tenant_id, day=entry.day, entry_id=entry.entry_id, sequence=sequence)
        for sequence, entry in enumerate(late, head.size + len(on_time))
    ]
    return Sealing(_next(head, block, edge), block, tiles, receipts)


def _next(head: Head, block: Block, edge: merkle.Edge) -> Head:
    return head.model_copy(
        update={
            **block.model_dump(include={"size", "through", "number", "chain", "root", "sealed_at"}),
            "block": block.hash,
            "edge": [packed(level) for level in edge],
            "anchor": None,
        }
    )


def block_hash(block: Block) -> str:
    """What the next block names as the one before it."""
    return hashlib.sha256(BLOCK + canonical(block.published())).hexdigest()


def tree_head(head: Head) -> dict[str, Any]:
    """What an anchor states."""
    return {
        "v": FORMAT,
        "kind": "tree-head",
        "tenant_id": head.tenant_id,
        "size": head.size,
        "root": head.root,
        "chain": head.chain,
        "number": head.number,
        "through": head.through,
        "block": head.block,
        "at": head.sealed_at,
    }


def tile_of(height: int, index: int) -> tuple[int, int]:
    """The tile (level, index) in which a whole node's hash lies, or those that it is folded from."""
    level, within = divmod(height, TILE_HEIGHT)
    return level, (index << within) // WIDTH


def nodes(head: Head, tiles: dict[tuple[int, int], list[bytes]]) -> merkle.Whole:
    """The whole nodes of the tree, from its edge and the tiles that were read."""
    edge = head.grown()

    def whole(height: int, index: int) -> bytes:
        level, within = divmod(height, TILE_HEIGHT)
        place = tile_of(height, index)
        hashes = tiles.get(place, LOST) if place[1] < head.size >> TILE_HEIGHT * (level + 1) else edge[level]
        start = (index << within) % WIDTH
        return merkle.folded(hashes[start : start + (1 << within)])

    return whole


def needed(head: Head, *proofs: Any) -> set[tuple[int, int]]:
    """The full tiles that these proofs are made of; each is a function of the nodes."""
    wanted: set[tuple[int, int]] = set()

    def whole(height: int, index: int) -> bytes:
        wanted.add(tile_of(height, index))
        return merkle.EMPTY

    for proof in proofs:
        proof(whole)
    return {(level, index) for level, index in wanted if index < head.size >> TILE_HEIGHT * (level + 1)}


def tile_group(level: int, index: int) -> str:
    """The partition of a tile: none grows without end."""
    return f"{level}.{index // TILES_PER_PARTITION}"


def _kept(tenant_id: str, tile: merkle.Tile) -> Tile:
    return Tile(
        tenant_id=tenant_id,
        group=tile_group(tile.level, tile.place),
        level=tile.level,
        index=tile.place,
        hashes=packed(tile.hashes),
    )


def packed(hashes: Sequence[bytes]) -> str:
    """Hashes as one text."""
    return base64.b64encode(b"".join(hashes)).decode()


def unpacked(text: str) -> list[bytes]:
    """The hashes that `packed` wrote."""
    raw = base64.b64decode(text)
    return [raw[at : at + HASH_BYTES] for at in range(0, len(raw), HASH_BYTES)]
