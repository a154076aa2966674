"""A synthetic organisation's graph: sites of hosts, addresses, ports and pages, linked to a few others."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import Any

from functions.intelligence.model import analysis
from functions.intelligence.model.compaction import Packer, Sink
from functions.intelligence.model.graph import entity_key
from functions.intelligence.model.knowledge import KnownEntity, KnownRelation, Sighting
from functions.intelligence.model.learning import Snapshot
from functions.intelligence.model.navigation import Search, matching, neighbourhood, paths
from functions.intelligence.model.outline import Builder, Outline
from functions.intelligence.model.parts import Part, graph_order
from functions.intelligence.model.patterns import EdgePattern, Matcher, NodePattern, Pattern

AT = "2026-01-01T00:00:00.000Z"
NOW = 1_767_225_600_000
SITE = 500
TYPES = ("host", "ip", "port", "service", "url")
LIMIT = 200


def entities(number: int) -> Iterator[KnownEntity]:
    """Entities in their order."""
    rows = []
    for place in range(number):
        type_ = TYPES[place % len(TYPES)]
        value = f"{type_}-{place}.site{place // SITE}.example.com"
        rows.append(_entity(type_, value, place, "scan_1"))
    yield from sorted(rows, key=lambda row: row.order)


def build(number: int, edges: int) -> Outline:
    """The outline of a graph of so many entities and relations, four of five of them within a site."""
    chance = random.Random(1)
    builder = Builder()
    keys: dict[int, str] = {}
    for row in entities(number):
        keys[int(row.value.partition("-")[2].partition(".")[0])] = row.key
        builder.add_entity(row)
    for _ in range(edges):
        source = chance.randrange(number)
        inside = (source // SITE) * SITE + chance.randrange(SITE)
        target = min(inside, number - 1) if chance.random() < 0.8 else chance.randrange(number)
        words = {"crawler": (0.9, AT)}
        builder.add_relation(KnownRelation(keys[source], keys[target], "leads_to", AT, AT, words, 1, 1))
    return builder.finish([])


def generation(number: int, audience: int, prefix: str, sink: Sink) -> Snapshot:
    """Write such a graph as a generation of an audience's: its first fifth is the same for all of them."""
    chance = random.Random(audience)
    rows = []
    for place in range(number):
        type_, owner = TYPES[place % len(TYPES)], "all" if place < number // 5 else f"team{audience}"
        value = f"{type_}-{place}.site{place // SITE}.{owner}.example.com"
        rows.append(_entity(type_, value, place, f"scan_{audience}"))
    keys = [row.key for row in rows]
    links: dict[tuple[str, str], KnownRelation] = {}
    for _ in range(5 * number):
        source = chance.randrange(number)
        inside = min((source // SITE) * SITE + chance.randrange(SITE), number - 1)
        ends = keys[source], keys[inside if chance.random() < 0.8 else chance.randrange(number)]
        links[ends] = KnownRelation(*ends, "leads_to", AT, AT, {"crawler": (0.9, AT)}, 1, 1)
    return Snapshot(
        entities=_written(sorted(rows, key=lambda row: row.order), f"{prefix}/entities", sink),
        relations=_written([links[ends] for ends in sorted(links)], f"{prefix}/relations", sink),
    )


def _written(rows: Iterable[Any], key: str, sink: Sink) -> tuple[Part, ...]:
    packer: Packer[Any] = Packer(lambda number: f"{key}-{number}", graph_order, sink, count())
    for row in rows:
        packer.add(row)
    return tuple(packer.finish().values())


def _entity(type_: str, value: str, place: int, scan_id: str) -> KnownEntity:
    words = {"crawler": (0.9, AT), "resolve": (0.8, AT)}
    row = KnownEntity(entity_key(type_, value), type_, value, AT, AT, words, {"port": place % 1000})
    row.sightings, row.scans, row.observations = [Sighting(AT, AT, scan_id)], 1, 2
    return row


def questions(outline: Outline) -> dict[str, float]:
    """Milliseconds of each kind of question; those that are not about the whole graph as medians of twenty."""
    chance = random.Random(2)
    places = [chance.randrange(len(outline)) for _ in range(20)]
    node = NodePattern(types=frozenset({"host"}), attributes={"port": "500"})
    asked = Pattern({"h": node, "u": NodePattern(types=frozenset({"url"}))}, [EdgePattern("h", "u")])

    def each(ask: Callable[[int], object]) -> float:
        return statistics.median(_milliseconds(lambda place=place: ask(place)) for place in places)  # type: ignore[misc]

    neighbourhood(outline, 0, 1, frozenset(), 10)  # what is made by the first question is there now
    graph = analysis.matrix(outline)
    return {
        "neighbourhood, 1 hop": each(lambda place: neighbourhood(outline, place, 1, frozenset(), LIMIT)),
        "neighbourhood, 3 hops": each(lambda place: neighbourhood(outline, place, 3, frozenset(), LIMIT)),
        "paths": each(lambda place: paths(outline, place, places[0], 6)),
        "search": _milliseconds(
            lambda: list(matching(outline, Search(contains="99.site99.", min_confidence=0.1), NOW))
        ),
        "pattern": _milliseconds(lambda: Matcher(outline, asked, NOW).matches(LIMIT)),
        "communities": _milliseconds(lambda: analysis.communities(analysis.matrix(outline))),
        "pagerank": _milliseconds(lambda: analysis.page_rank(outline)),
        "betweenness": _milliseconds(lambda: analysis.betweenness(graph)),
    }


def _milliseconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return (time.perf_counter() - begin) * 1000
