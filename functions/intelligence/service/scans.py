"""What intelligence does: reduce a wave, and answer questions about what a scan came to know.

The reducer and the rules are imported by what reduces: a door that answers questions starts without them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from contracts import facts
from contracts.findings import Detection
from contracts.reports import Evidence, GraphEdge, GraphNode, IntelligencePart, ReportGraph
from functions.intelligence.model.confidence import explain
from functions.intelligence.model.correlation.own import PinnedRules
from functions.intelligence.model.graph import Entity, Relation
from functions.intelligence.model.parts import Index, Manifest, Slice, Written, merged, with_wave
from functions.intelligence.model.postings import Postings, chosen, extended
from functions.intelligence.model.query import Filter, Page, matching, page
from functions.intelligence.model.selection import Selection, select
from functions.intelligence.schemas import EntityView
from functions.intelligence.service import rules
from functions.intelligence.store import Store
from kernel.actor import Actor

if TYPE_CHECKING:
    from functions.intelligence.model.correlation.compiled import RuleResult

MAX_PICTURED = 60
"""Entities in a report's picture of the graph."""


def reduce(store: Store, actor: Actor, scan_id: str, wave: int) -> dict[str, Any]:
    """Reduce a wave: `{observations, entities, conclusions}`, the last a key or None when no weakness is known.

    Reducing a wave again writes the same objects.
    """
    from functions.intelligence.model.correlation.builtin import rules_of
    from functions.intelligence.model.reducer import Scan
    from functions.intelligence.model.wave import reduce_wave

    before = store.index(actor, scan_id, wave - 1)
    made_of: list[Written] = []
    postings = Postings()
    manifest = reduce_wave(
        Scan(tenant_id=actor.tenant_id, scan_id=scan_id),
        wave,
        (body for _, body in store.ahead(actor, [earlier.state for earlier in before.manifests])),
        store.segments(actor, scan_id, wave, made_of),
        rules_of(_settled_rules(store, actor, scan_id, wave)),
        lambda key, body: store.write(actor, key, body),
        made_of,
        postings.add,
    )
    index = with_wave(before, manifest, facts.manifest_key(actor.tenant_id, scan_id, wave))
    index = _with_values(store, actor, scan_id, index, postings)
    conclusions = _write_conclusions(store, actor, scan_id, index.manifests)
    store.write_index(actor, scan_id, index)
    return {"observations": manifest.stored, "entities": manifest.new_facts, "conclusions": conclusions}


def _with_values(store: Store, actor: Actor, scan_id: str, index: Index, postings: Postings) -> Index:
    """The index with that of the latest wave's values, so that they are found while the scan goes on."""
    key = facts.values_key(actor.tenant_id, scan_id, index.manifests[-1].wave)
    values, body = extended(index, postings, key, reader(store, actor))
    if body:
        store.write(actor, key, body)
    return msgspec.structs.replace(index, values=values)


def _settled_rules(store: Store, actor: Actor, scan_id: str, wave: int) -> PinnedRules:
    """The scan's rules: the organisation's as they were at its first wave, so that reducing again finds the same."""
    pinned = store.pinned_rules(actor, scan_id)
    if pinned is None:
        pinned = rules.current(store, actor) if wave == 0 else PinnedRules()
        store.pin_rules(actor, scan_id, pinned)
    return pinned


def observations(store: Store, actor: Actor, scan_id: str, wanted: Filter, limit: int, after: tuple[str, ...]) -> Page:
    """A page of a scan's observations, oldest first. Raises NotFound."""
    index = index_of(store, actor, scan_id)

    def fetch(slices: Sequence[Slice]) -> list[bytes]:
        return store.read_all(actor, slices)

    return page(index.observations, fetch, limit, wanted, after, chosen(index, wanted, fetch))


def entities(
    store: Store, actor: Actor, scan_id: str, types: frozenset[str], limit: int, after: tuple[str, ...]
) -> tuple[list[EntityView], tuple[str, ...] | None]:
    """A page of a scan's entities in order of type and value, and where the next one begins. Raises NotFound."""
    parts = [
        part
        for part in index_of(store, actor, scan_id).entities
        if not types or any(part.first[0] <= type_ <= part.last[0] for type_ in types)
    ]
    rows = merged(parts, Entity, reader(store, actor), after)
    wanted = (row for row in rows if not types or row.type in types)
    found = list(islice(wanted, limit + 1))
    next_after = found[limit - 1].order if len(found) > limit else None
    return [entity_view(row) for row in found[:limit]], next_after


def graph_rows(
    store: Store, actor: Actor, index: Index
) -> tuple[Callable[[], Iterator[Entity]], Callable[[], Iterator[Relation]]]:
    """Streams of a graph's entities and relations, each to be begun as often as needed."""
    read = reader(store, actor)
    return (
        lambda: merged(index.entities, Entity, read),
        lambda: merged(index.relations, Relation, read),
    )


def hand_in(store: Store, actor: Actor, scan_id: str, report_id: str) -> None:
    """Write intelligence's part of a report: the telling part of the graph, and the facts behind the findings."""
    index = index_of(store, actor, scan_id)
    entity_rows, relation_rows = graph_rows(store, actor, index)
    wanted = {each.observation_id for finding in store.reported_findings(actor, report_id) for each in finding.evidence}
    evidence = {
        row.id: Evidence(
            observation_id=row.id, type=row.type, value=row.value, module=row.module, observed_at=row.observed_at
        )
        for row in matching(index.observations, reader(store, actor))
        if row.id in wanted
    }
    by_type = sum((Counter(manifest.by_type) for manifest in index.manifests), Counter[str]())
    graph = _picture(select(entity_rows, relation_rows, MAX_PICTURED))
    part = IntelligencePart(graph=graph, evidence=evidence, observations_by_type=dict(sorted(by_type.items())))
    store.hand_in(actor, report_id, part)


def _picture(selection: Selection) -> ReportGraph:
    nodes = [GraphNode(id=row.key, label=row.value, type=row.type, risk=row.risk) for row in selection.entities]
    edges = [GraphEdge(row.source, row.target, row.name) for row in selection.relations]
    return ReportGraph(
        nodes=tuple(nodes),
        edges=tuple(edges),
        nodes_left_out=selection.entities_left_out,
        edges_left_out=selection.relations_left_out,
    )


def entity_view(row: Entity) -> EntityView:
    """An entity for people."""
    return EntityView(
        key=row.key,
        type=row.type,
        value=row.value,
        confidence=row.confidence,
        explanation=explain(row.sources),
        risk=row.risk,
        first_seen=row.first_seen,
        last_seen=row.last_seen,
        observations=row.count,
        evidence=row.observations,
        attributes=row.attributes,
        scope_distance=row.distance,
    )


def index_of(store: Store, actor: Actor, scan_id: str) -> Index:
    """Where the facts of all committed waves lie: two calls, one for the scan and one for the index."""
    brief = store.brief(actor, scan_id)
    return store.index(actor, scan_id, brief.wave - 1)


def reader(store: Store, actor: Actor) -> Callable[[str], bytes]:
    return lambda key: store.read(actor, key)


def _write_notes(store: Store, actor: Actor, scan_id: str, wave: int, results: Sequence[RuleResult]) -> None:
    """Say in the scan's log, beside its batches (which count from 1), which rules were cut short."""
    notes = [facts.LogEntry("warning", each.note, each.rule, module="correlation") for each in results if each.note]
    if notes:
        store.write(actor, facts.log_key(actor.tenant_id, scan_id, wave, 0), facts.encode_rows(sorted(notes)))


def _leave_out(store: Store, actor: Actor, scan_id: str, results: Sequence[RuleResult]) -> None:
    """The scan goes on without the rules that took too long, whatever is reduced again."""
    late = {each.rule for each in results if each.dropped}
    pinned = store.pinned_rules(actor, scan_id) if late else None
    if pinned is not None and not late.isdisjoint(pinned.texts):
        store.pin_rules(actor, scan_id, pinned.without(late))


def _write_conclusions(store: Store, actor: Actor, scan_id: str, manifests: list[Manifest]) -> str | None:
    """Everything that modules and rules say is wrong by now, as the findings context takes it."""
    from functions.intelligence.model.correlation.engine import current

    found: list[Detection] = []
    for manifest in manifests:
        if manifest.weaknesses:
            found += store.detections(actor, manifest.weaknesses)
    results = current(store.rule_results(actor, m.detections) for m in manifests if m.detections)
    found += [detection for result in results for detection in result.detections]
    _leave_out(store, actor, scan_id, results)
    _write_notes(store, actor, scan_id, manifests[-1].wave, results)
    if not found:
        return None
    key = facts.conclusions_key(actor.tenant_id, scan_id, manifests[-1].wave)
    store.write(actor, key, facts.encode_rows(found))
    return key
