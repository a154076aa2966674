"""How a tenant's graph grows: what it was, merged with what more scans know, written as a new generation beside it.

Both are read as sorted streams, so memory is that of the outline. Everything that is written follows from what is
read, under keys of the generation: readers of the one before are not disturbed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Final, NamedTuple

import msgspec

from contracts.facts import decode_rows, encode_rows
from functions.intelligence.model.compaction import Packer, Sink
from functions.intelligence.model.coverage import MAX_SCANS, Seen
from functions.intelligence.model.graph import Entity, Relation
from functions.intelligence.model.knowledge import (
    KnownEntity,
    KnownRelation,
    known_entity,
    known_relation,
)
from functions.intelligence.model.outline import Builder, Outline
from functions.intelligence.model.parts import (
    Block,
    GraphRow,
    Part,
    Read,
    absorbed,
    graph_order,
    runs,
    stream,
)

OUTLINE: Final = "outline"


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """One generation of a tenant's graph for one audience: its parts, its outline, and the scans that are in it."""

    entities: tuple[Part, ...] = ()
    relations: tuple[Part, ...] = ()
    outline: str = ""
    scans: tuple[Seen, ...] = ()
    entity_count: int = 0
    relation_count: int = 0


class Lesson(NamedTuple):
    """What one scan knows."""

    scan: Seen
    entities: Sequence[Part]
    relations: Sequence[Part]


def learn(
    base: Snapshot, lessons: Sequence[Lesson], read: Read, sink: Sink, key: Callable[[str, int], str]
) -> Snapshot:
    """The graph with what more scans know; none of them may be in it already. `key` names an object by kind and
    number."""
    outline = Builder()
    entities = _packed(
        _known_entities(base, lessons, read), outline.add_entity, lambda number: key("entities", number), sink
    )
    relations = _packed(
        _known_relations(base, lessons, read), outline.add_relation, lambda number: key("relations", number), sink
    )
    scans = sorted((*base.scans, *(lesson.scan for lesson in lessons)), key=lambda scan: (scan.ended_at, scan.scan_id))
    outline_key = key(OUTLINE, 0)
    sink(outline_key, outline.finish(scans[-MAX_SCANS:]).dump())
    return Snapshot(
        entities=entities,
        relations=relations,
        outline=outline_key,
        scans=tuple(scans[-MAX_SCANS:]),
        entity_count=sum(part.rows for part in entities),
        relation_count=sum(part.rows for part in relations),
    )


def _known_entities(base: Snapshot, lessons: Sequence[Lesson], read: Read) -> Iterable[KnownEntity]:
    by_key = {part.key: lesson.scan.scan_id for lesson in lessons for part in lesson.entities}
    load = _kept(read)

    def rows(part: Part, block: Block) -> list[KnownEntity]:
        scan_id = by_key.get(part.key)
        body = load(part, block)
        if scan_id is None:
            return decode_rows(body, KnownEntity)
        return [known_entity(row, scan_id) for row in decode_rows(body, Entity)]

    parts = [*base.entities, *(part for lesson in lessons for part in lesson.entities)]
    return absorbed(stream(runs(parts), rows, graph_order))


def _known_relations(base: Snapshot, lessons: Sequence[Lesson], read: Read) -> Iterable[KnownRelation]:
    new = {part.key for lesson in lessons for part in lesson.relations}
    load = _kept(read)

    def rows(part: Part, block: Block) -> list[KnownRelation]:
        body = load(part, block)
        if part.key not in new:
            return decode_rows(body, KnownRelation)
        return [known_relation(row) for row in decode_rows(body, Relation)]

    parts = [*base.relations, *(part for lesson in lessons for part in lesson.relations)]
    return absorbed(stream(runs(parts), rows, graph_order))


def _kept(read: Read) -> Callable[[Part, Block], bytes]:
    """Blocks of objects that are fetched whole, and let go with their last block."""
    kept: dict[str, bytes] = {}

    def load(part: Part, block: Block) -> bytes:
        if part.key not in kept:
            kept[part.key] = read(part.key)
        body = kept[part.key]
        if block is part.blocks[-1]:
            del kept[part.key]
        return body[block.start : block.start + block.size]

    return load


def _packed(
    rows: Iterable[GraphRow], told: Callable[[GraphRow], None], key: Callable[[int], str], sink: Sink
) -> tuple[Part, ...]:
    packer: Packer[GraphRow] = Packer(key, graph_order, sink, count())
    for row in rows:
        packer.add(row)
        told(row)
    return tuple(packer.finish().values())


def encode(snapshot: Snapshot) -> bytes:
    """A snapshot as an object."""
    return encode_rows([snapshot])


def decode(body: bytes) -> Snapshot:
    """The snapshot that `encode` wrote."""
    return decode_rows(body, Snapshot)[0]


def known_entities(snapshots: Sequence[Snapshot], read: Read) -> Iterable[KnownEntity]:
    """The entities of several audiences' graphs as one, in order."""
    return _known_entities(_together(snapshots), (), read)


def known_relations(snapshots: Sequence[Snapshot], read: Read) -> Iterable[KnownRelation]:
    """The relations of several audiences' graphs as one, in order."""
    return _known_relations(_together(snapshots), (), read)


def joined(snapshots: Sequence[Snapshot], read: Read) -> Outline:
    """The outline of several audiences' graphs as one."""
    outline = Builder()
    for entity in known_entities(snapshots, read):
        outline.add_entity(entity)
    for relation in known_relations(snapshots, read):
        outline.add_relation(relation)
    return outline.finish([scan for each in snapshots for scan in each.scans])


def _together(snapshots: Sequence[Snapshot]) -> Snapshot:
    return Snapshot(
        entities=tuple(part for each in snapshots for part in each.entities),
        relations=tuple(part for each in snapshots for part in each.relations),
    )
