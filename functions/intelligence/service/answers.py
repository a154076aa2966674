"""Answers about a tenant's graph, for people."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from functions.intelligence.errors import UnknownMeasure
from functions.intelligence.model import navigation
from functions.intelligence.model.confidence import explain_now
from functions.intelligence.model.enrichment import enriched
from functions.intelligence.model.history import timeline
from functions.intelligence.model.identity import RULES
from functions.intelligence.model.outline import RISKS, Outline, millis, moment
from functions.intelligence.model.patterns import Matcher, Pattern
from functions.intelligence.schemas import (
    ChangeView,
    CommunitiesView,
    CommunityView,
    EventView,
    GoneView,
    GraphSummary,
    KnownDetail,
    KnownView,
    LinkView,
    MatchesView,
    NeighbourhoodView,
    NeighbourView,
    PathsView,
    PathView,
    RankingView,
    RankView,
    SameView,
    SightingView,
)
from functions.intelligence.service.graph import entity_row, view
from functions.intelligence.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.errors import NotFound

if TYPE_CHECKING:
    from numpy.typing import NDArray

CENTRE: Final = 5
MEASURES: Final = {
    "degree": "The share of all others to which it is linked.",
    "pagerank": "How often a walk along the relations, which now and then begins anew, is here.",
    "betweenness": "The share of shortest ways that lead through it, estimated from 64 starting points.",
}


class Teller:
    """Shows nodes of one outline as of one instant."""

    def __init__(self, outline: Outline) -> None:
        self.outline = outline
        self.now = millis(clock.timestamp())

    def known(self, node: int) -> KnownView:
        """A node."""
        return KnownView(**self._fields(node))

    def neighbour(self, node: int, distance: int) -> NeighbourView:
        """A node at some distance."""
        return NeighbourView(**self._fields(node), distance=distance)

    def _fields(self, node: int) -> dict[str, object]:
        outline = self.outline
        return {
            "key": outline.key(node),
            "type": outline.type(node),
            "value": outline.values[node],
            "confidence": round(outline.confidence(node, self.now), 4),
            "risk": outline.risk(node),
            "first_seen": moment(outline.first_seen[node]),
            "last_seen": moment(outline.last_seen[node]),
            "observations": outline.observations[node],
            "scans": outline.scans[node],
            "is_gone": outline.gone(node) is not None,
        }

    def link(self, edge: int) -> LinkView:
        """An edge."""
        outline = self.outline
        return LinkView(
            source=outline.key(outline.edge_sources[edge]),
            target=outline.key(outline.edge_targets[edge]),
            relation=outline.columns.relation_names[outline.edge_names[edge]],
            confidence=round(outline.edge_confidences[edge], 4),
            last_seen=moment(outline.edge_times[edge]),
        )

    def between(self, one: int, other: int) -> LinkView:
        """The edge between two neighbours, in whichever direction it leads; or that they are next to the same thing."""
        for node in sorted(navigation.together(self.outline, one)):
            for edge, end in navigation.linked(self.outline, node):
                if end == other:
                    return self.link(edge)
        raise NotFound()

    def node(self, key: str) -> int:
        """The node of a key. Raises NotFound."""
        found = self.outline.node(key)
        if found is None:
            raise NotFound()
        return found


def summary(store: Store, actor: Actor) -> GraphSummary:
    """The graph in numbers."""
    heads = store.heads(actor)
    outline = view(store, actor, heads)
    codes = Counter(outline.type_codes)
    risks = Counter(outline.columns.risks)
    return GraphSummary(
        entities=len(outline),
        relations=outline.edges,
        merged=len(outline.columns.merges),
        by_type={outline.types[code]: number for code, number in codes.most_common()},
        by_risk={risk: number for code, number in sorted(risks.items()) if (risk := RISKS[code])},
        scans=sum(bool(scan.ended_at) for scan in outline.columns.seen),
        updated_at=max((head.updated_at for head in heads), default=None),
    )


def entities(
    store: Store, actor: Actor, wanted: navigation.Search, limit: int, after: int
) -> tuple[list[KnownView], int | None]:
    """A page of the nodes that are asked for, and where the next one begins."""
    teller = Teller(view(store, actor))
    found: list[int] = []
    for node in navigation.matching(teller.outline, wanted, teller.now, after):
        if len(found) == limit:
            return [teller.known(each) for each in found], found[-1]
        found.append(node)
    return [teller.known(each) for each in found], None


def entity(store: Store, actor: Actor, key: str) -> KnownDetail:
    """All that is known of a thing. Raises NotFound."""
    heads = store.heads(actor)
    teller = Teller(view(store, actor, heads))
    node = teller.node(key)
    row = entity_row(store, actor, heads, teller.outline, node)
    names = {scan.scan_id: scan.name for scan in teller.outline.columns.seen}
    return KnownDetail(
        **teller.known(node).model_dump(),
        explanation=explain_now(row.type, row.sources, clock.timestamp()),
        attributes=row.attributes,
        derived=enriched(row.type, row.value, row.attributes),
        same_as=_same(teller.outline, node),
        gone=_gone(teller.outline, node),
        sightings=[
            SightingView(scan_id=s.scan_id, name=names.get(s.scan_id, ""), first_seen=s.first, last_seen=s.last)
            for s in row.sightings
        ],
        changes=[
            ChangeView(at=c.at, scan_id=c.scan_id, attribute=c.name, before=c.before, after=c.after)
            for c in row.changes
        ],
    )


def neighbourhood(
    store: Store, actor: Actor, key: str, depth: int, types: frozenset[str], limit: int
) -> NeighbourhoodView:
    """What lies around a thing. Raises NotFound."""
    teller = Teller(view(store, actor))
    found = navigation.neighbourhood(teller.outline, teller.node(key), depth, types, limit)
    return NeighbourhoodView(
        nodes=[teller.neighbour(node, distance) for node, distance in found.distances.items()],
        edges=[teller.link(edge) for edge in found.edges],
        nodes_left_out=found.nodes_left_out,
        edges_left_out=found.edges_left_out,
    )


def paths(store: Store, actor: Actor, start: str, end: str, longest: int) -> PathsView:
    """The shortest ways between two things. Raises NotFound."""
    teller = Teller(view(store, actor))
    found = navigation.paths(teller.outline, teller.node(start), teller.node(end), longest)
    return PathsView(
        length=len(found[0]) - 1 if found else None,
        paths=[
            PathView(
                nodes=[teller.known(node) for node in way],
                edges=[teller.between(one, other) for one, other in pairwise(way)],
            )
            for way in found
        ],
    )


def communities(store: Store, actor: Actor, limit: int) -> CommunitiesView:
    """The largest communities."""
    import numpy

    from functions.intelligence.model import analysis

    teller = Teller(view(store, actor))
    graph = analysis.matrix(teller.outline)
    found = analysis.communities(graph)
    degrees = analysis.degrees(graph)
    sizes = numpy.bincount(found.of) if len(found.of) else numpy.zeros(0, dtype=int)
    items = []
    for number in range(min(limit, len(sizes))):
        members = numpy.flatnonzero(found.of == number)
        best = members[numpy.argsort(-degrees[members], kind="stable")[:CENTRE]]
        items.append(_community(teller, number, members.tolist(), best.tolist()))
    return CommunitiesView(modularity=round(found.modularity, 6), communities=len(sizes), items=items)


def ranking(store: Store, actor: Actor, measure: str, limit: int) -> RankingView:
    """The things that hold the graph together most. Raises UnknownMeasure."""
    if measure not in MEASURES:
        raise UnknownMeasure(f"There is no measure {measure!r}. Choose one of {', '.join(MEASURES)}.")
    import numpy

    teller = Teller(view(store, actor))
    scores = _scores(teller.outline, measure)
    best = numpy.argsort(-scores, kind="stable")[:limit].tolist()
    items = [RankView(score=round(float(scores[node]), 9), entity=teller.known(node)) for node in best]
    return RankingView(measure=measure, explanation=MEASURES[measure], items=items)


def matches(store: Store, actor: Actor, pattern: Pattern, limit: int) -> MatchesView:
    """Where a pattern is found. Raises MalformedPattern."""
    teller = Teller(view(store, actor))
    found = Matcher(teller.outline, pattern, teller.now).matches(limit)
    items = [{name: teller.known(node) for name, node in match.items()} for match in found.found]
    return MatchesView(items=items, is_complete=found.is_complete)


def happenings(
    store: Store, actor: Actor, types: frozenset[str], since: int, until: int, limit: int, begin: int
) -> tuple[list[EventView], int | None]:
    """A page of what happened, the latest first, and where the next one begins."""
    outline = view(store, actor)
    found = timeline(outline, types, since, until)
    items = [
        EventView(
            at=moment(each.at),
            event=each.event,
            key=outline.key(each.node),
            type=outline.type(each.node),
            value=outline.values[each.node],
            scan_id=each.scan_id,
            detail=each.detail,
        )
        for each in found[begin : begin + limit]
    ]
    return items, begin + limit if begin + limit < len(found) else None


def _scores(outline: Outline, measure: str) -> NDArray[Any]:
    from functions.intelligence.model import analysis

    if measure == "pagerank":
        return analysis.page_rank(outline)
    graph = analysis.matrix(outline)
    return analysis.degrees(graph) if measure == "degree" else analysis.betweenness(graph)


def _community(teller: Teller, number: int, members: list[int], best: list[int]) -> CommunityView:
    outline = teller.outline
    risks = Counter(risk for node in members if (risk := outline.risk(node)))
    return CommunityView(
        community=number,
        size=len(members),
        by_type=dict(Counter(outline.type(node) for node in members).most_common()),
        risks=dict(risks.most_common()),
        centre=[teller.known(node) for node in best],
    )


def _same(outline: Outline, node: int) -> list[SameView]:
    why = {rule.name: rule.why for rule in RULES}
    return [
        SameView(
            key=outline.key(merge.other),
            type=outline.type(merge.other),
            value=outline.values[merge.other],
            rule=merge.rule,
            explanation=why[merge.rule],
        )
        for merge in outline.same.get(node, ())
    ]


def _gone(outline: Outline, node: int) -> GoneView | None:
    scan = outline.gone(node)
    if scan is None:
        return None
    ran = ", ".join(sorted(scan.modules & outline.words(node).keys()))
    explanation = f"The scan covered the same targets, came to its own end and ran {ran}, which did not report it."
    return GoneView(scan_id=scan.scan_id, name=scan.name, since=scan.ended_at, explanation=explanation)
