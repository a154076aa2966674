"""Graphs for other tools: of a scan, and of the whole organisation."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from contracts import facts
from contracts.scans import ENDED
from functions.intelligence.errors import NotEnded, UnknownFormat
from functions.intelligence.model.archive import manifest_of, plain
from functions.intelligence.model.export import EXPORTERS, SUFFIXES
from functions.intelligence.model.graph import Entity, Relation
from functions.intelligence.model.knowledge import as_entity, as_relation
from functions.intelligence.model.learning import known_entities, known_relations
from functions.intelligence.model.records import GraphHead
from functions.intelligence.schemas import Archive, ArchiveContents
from functions.intelligence.service.scans import graph_rows, index_of, reader
from functions.intelligence.store import Store
from kernel import clock
from kernel.actor import Actor

MAX_INLINE = 4_000_000
"""Bytes of an answer; Lambda carries 6 MB, which is less of what is no text. A larger file is answered with a link."""


class Export(NamedTuple):
    """A file: what it holds, or a link to it; its media type."""

    body: bytes
    media_type: str
    link: str = ""


def export_scan(store: Store, actor: Actor, scan_id: str, form: str) -> Export:
    """A scan's graph. Raises UnknownFormat, NotFound, TooMuchForFormat."""
    _demand_known(form)
    index = index_of(store, actor, scan_id)
    entities, relations = graph_rows(store, actor, index)
    key = facts.export_key(actor.tenant_id, scan_id, len(index.manifests), SUFFIXES.get(form, form))
    return _export(store, actor, form, entities(), relations(), key, scan_id)


def export_graph(store: Store, actor: Actor, form: str) -> Export:
    """The organisation's graph as the actor sees it, with its confidence as of now. Raises UnknownFormat,
    TooMuchForFormat."""
    _demand_known(form)
    heads = store.heads(actor)
    snapshots = [store.snapshot(actor, head) for head in heads]
    read, now = reader(store, actor), clock.timestamp()
    entities = (as_entity(row, now) for row in known_entities(snapshots, read))
    relations = (as_relation(row) for row in known_relations(snapshots, read))
    key = facts.graph_export_key(actor.tenant_id, _audiences(heads), SUFFIXES.get(form, form))
    return _export(store, actor, form, entities, relations, key, "graph")


def _export(
    store: Store,
    actor: Actor,
    form: str,
    entities: Iterator[Entity],
    relations: Iterator[Relation],
    key: str,
    name: str,
) -> Export:
    exporter, media_type = EXPORTERS[form]
    body = b"".join(exporter(entities, relations, clock.timestamp()))
    if len(body) <= MAX_INLINE:
        return Export(body, media_type)
    store.write(actor, key, body, media_type)
    return Export(b"", media_type, store.link(actor, key, f"{name}.{SUFFIXES.get(form, form)}"))


def _demand_known(form: str) -> None:
    if form not in EXPORTERS:
        raise UnknownFormat(f"There is no format {form!r}. Choose one of {', '.join(EXPORTERS)}.")


def _audiences(heads: list[GraphHead]) -> str:
    """A name for these audiences together."""
    return hashlib.sha256("|".join(sorted(head.audience for head in heads)).encode()).hexdigest()[:16]


def archive(store: Store, actor: Actor, scan_id: str) -> Archive:
    """A whole scan, as far as it can be taken elsewhere, with a link to each of its members. Raises NotFound,
    NotEnded."""
    brief = store.brief(actor, scan_id)
    index = store.index(actor, scan_id, brief.wave - 1)
    if brief.status not in ENDED:
        raise NotEnded()
    manifest, keys = manifest_of(brief, index)
    links = {name: store.link(actor, key, name.rpartition("/")[2]) for name, key in keys.items()}
    return Archive(manifest=ArchiveContents.model_validate(plain(manifest)), links=links)
