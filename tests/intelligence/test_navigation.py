"""Finding one's way in a graph: around a thing, between two, by name, by pattern, and over time."""

from __future__ import annotations

import networkx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.intelligence.errors import MalformedPattern
from functions.intelligence.model.history import timeline
from functions.intelligence.model.knowledge import KnownEntity, KnownRelation, Sighting
from functions.intelligence.model.navigation import Search, matching, neighbourhood, paths, together
from functions.intelligence.model.outline import Builder, Outline, millis
from functions.intelligence.model.patterns import EdgePattern, Matcher, NodePattern, Pattern
from tests.intelligence.graphs import key_of, named

AT = "2026-01-01T00:00:00.000Z"
NOW = millis(AT)


def outline_of(nodes: list[tuple[str, str]], edges: list[tuple[int, int]], **more: dict[int, object]) -> Outline:
    """A graph of (type, value) and edges between their places; `more` gives fields by place."""
    builder = Builder()
    rows = {}
    for place, (type_, value) in enumerate(nodes):
        told = {name: by_place[place] for name, by_place in more.items() if place in by_place}
        sightings = [Sighting(AT, AT, "scan_1")]
        fields: dict[str, object] = {"first_seen": AT, "last_seen": AT, "sources": {"m": (0.9, AT)}}
        fields |= {"sightings": sightings, "scans": 1, **told}
        rows[place] = KnownEntity(key_of(type_, value), type_, value, **fields)  # type: ignore[arg-type]
    for row in sorted(rows.values(), key=lambda row: row.order):
        builder.add_entity(row)
    for source, target in edges:
        builder.add_relation(KnownRelation(rows[source].key, rows[target].key, "leads_to", AT, AT, {"m": (0.9, AT)}))
    return Outline.load(builder.finish([]).dump())


def plain(number: int, edges: list[tuple[int, int]]) -> Outline:
    return outline_of([("banner", f"n{place:03}") for place in range(number)], edges)


graphs = st.integers(2, 12).flatmap(
    lambda size: st.tuples(
        st.just(size), st.lists(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)), max_size=30)
    )
)


@settings(max_examples=80)
@given(graphs, st.integers(1, 4))
def test_a_neighbourhood_is_what_networkx_says(graph: tuple[int, list[tuple[int, int]]], depth: int) -> None:
    size, edges = graph
    outline = plain(size, edges)
    oracle = networkx.Graph()
    oracle.add_nodes_from(range(size))
    oracle.add_edges_from(edges)
    found = neighbourhood(outline, 0, depth, frozenset(), 500)
    assert found.distances == dict(networkx.single_source_shortest_path_length(oracle, 0, cutoff=depth))
    assert found.nodes_left_out == found.edges_left_out == 0
    assert len(found.edges) == sum(a in found.distances and b in found.distances for a, b in edges)


@settings(max_examples=80)
@given(graphs, st.integers(0, 11))
def test_paths_are_what_networkx_says(graph: tuple[int, list[tuple[int, int]]], end: int) -> None:
    size, edges = graph
    end %= size
    outline = plain(size, edges)
    oracle = networkx.Graph()
    oracle.add_nodes_from(range(size))
    oracle.add_edges_from(edges)
    found = paths(outline, 0, end, 12)
    if not networkx.has_path(oracle, 0, end):
        assert found == []
        return
    expected = sorted(networkx.all_shortest_paths(oracle, 0, end))
    assert found == expected[:10]


def test_a_path_has_an_end() -> None:
    outline = plain(9, [(node, node + 1) for node in range(8)])
    assert paths(outline, 0, 8, 7) == []
    assert paths(outline, 0, 8, 8) == [list(range(9))]


def test_the_nearest_come_first_and_the_rest_is_counted() -> None:
    outline = plain(30, [*((0, node) for node in range(1, 20)), (1, 25), (1, 26)])
    found = neighbourhood(outline, 0, 2, frozenset(), 10)
    assert list(found.distances) == list(range(10))
    assert found.nodes_left_out == 12
    whole = neighbourhood(outline, 0, 2, frozenset(), 30)
    assert (len(whole.distances), whole.distances[25]) == (22, 2)


def test_only_nodes_of_these_types_are_walked_over() -> None:
    nodes = [("host", "a"), ("ip", "1"), ("port", "1:80"), ("url", "u")]
    outline = outline_of(nodes, [(0, 1), (1, 2), (2, 3)])
    start = outline.node(key_of("host", "a")) or 0
    near = neighbourhood(outline, start, 4, frozenset({"ip", "port"}), 50)
    assert sorted(named(outline, list(near.distances))) == ["1", "1:80", "a"]


def test_what_is_one_thing_is_walked_through_as_one() -> None:
    nodes = [("domain", "a.example"), ("host", "a.example"), ("ip", "192.0.2.1"), ("url", "http://a.example/")]
    outline = outline_of(nodes, [(0, 2), (1, 3)])
    domain, url = (outline.node(key_of(*nodes[place])) or 0 for place in (0, 3))
    assert len(together(outline, domain)) == 2
    assert neighbourhood(outline, domain, 1, frozenset(), 50).distances[url] == 1
    (way,) = paths(outline, outline.node(key_of("ip", "192.0.2.1")) or 0, url, 4)
    assert len(way) == 3


def test_nodes_are_searched_by_all_that_is_known_of_them() -> None:
    nodes = [("host", "A.example"), ("host", "b.example"), ("ip", "192.0.2.1")]
    outline = outline_of(
        nodes, [], risk={0: "high"}, sources={1: {"m": (0.1, AT)}}, last_seen={2: "2026-02-01T00:00:00Z"}
    )

    def found(**wanted: object) -> list[str]:
        return named(outline, list(matching(outline, Search(**wanted), NOW)))  # type: ignore[arg-type]

    assert found() == ["A.example", "b.example", "192.0.2.1"]
    assert found(types=frozenset({"host"})) == ["A.example", "b.example"]
    assert found(prefix="a.EX") == ["A.example"]
    assert found(contains="EXAMPLE") == ["A.example", "b.example"]
    assert found(risks=frozenset({"high"})) == ["A.example"]
    assert found(min_confidence=0.5) == ["A.example", "192.0.2.1"]
    assert found(since=NOW + 1) == ["192.0.2.1"]
    assert found(is_gone=True) == []
    assert len(found(is_gone=False)) == 3
    assert list(matching(outline, Search(), NOW, after=1)) == [2]


NODES = [("host", "a"), ("host", "b"), ("ip", "10.0.0.1"), ("ip", "192.0.2.1"), ("port", "p"), ("exposure", "x")]
EDGES = [(0, 2), (1, 2), (1, 3), (2, 4), (4, 5)]


def pattern(nodes: dict[str, NodePattern], *edges: EdgePattern) -> Pattern:
    return Pattern(nodes, list(edges))


def matches(asked: Pattern, limit: int = 50, max_steps: int = 10_000) -> tuple[list[tuple[str, ...]], bool]:
    outline = outline_of(NODES, EDGES, attributes={0: {"tags": ["Red", "blue"]}, 1: {"tags": "red"}}, risk={5: "high"})
    found = Matcher(outline, asked, NOW, max_steps).matches(limit)
    return sorted(tuple(outline.values[node] for node in match.values()) for match in found.found), found.is_complete


def test_a_pattern_is_found_wherever_it_is() -> None:
    host, address = NodePattern(types=frozenset({"host"})), NodePattern(types=frozenset({"ip"}))
    two = pattern({"h": host, "i": address}, EdgePattern("h", "i"))
    assert matches(two) == ([("a", "10.0.0.1"), ("b", "10.0.0.1"), ("b", "192.0.2.1")], True)
    assert matches(pattern({"h": host, "i": address}, EdgePattern("i", "h"))) == ([], True)
    assert matches(pattern({"h": host, "i": address}, EdgePattern("h", "i", "resolves_to"))) == ([], True)
    assert matches(pattern({"h": host, "i": address}, EdgePattern("h", "i", "leads_to")))[0] == matches(two)[0]
    shared = pattern({"i": address, "one": host, "two": host}, EdgePattern("one", "i"), EdgePattern("two", "i"))
    assert len(matches(shared)[0]) == 2
    assert matches(shared, limit=1)[1] is False
    assert matches(two, max_steps=2)[1] is False


def test_a_pattern_says_what_nodes_must_be() -> None:
    assert matches(pattern({"n": NodePattern(value="A")})) == ([("a",)], True)
    assert matches(pattern({"n": NodePattern(prefix="10.", contains="0.1")}))[0] == [("10.0.0.1",)]
    assert matches(pattern({"n": NodePattern(risks=frozenset({"high"}))}))[0] == [("x",)]
    assert matches(pattern({"n": NodePattern(attributes={"tags": "RED"})}))[0] == [("a",), ("b",)]
    assert matches(pattern({"n": NodePattern(attributes={"tags": "blue"})}))[0] == [("a",)]
    assert matches(pattern({"n": NodePattern(attributes={"none": "x"})}))[0] == []
    assert matches(pattern({"n": NodePattern(min_confidence=0.95)}))[0] == []


def test_a_pattern_says_what_must_not_be_there() -> None:
    host, address = NodePattern(types=frozenset({"host"})), NodePattern(types=frozenset({"ip"}))
    public = NodePattern(prefix="192.")
    without = pattern({"h": host, "p": public}, EdgePattern("h", "p", absent=True))
    assert matches(without)[0] == [("a",)]
    silent = pattern(
        {"h": host, "i": address, "port": NodePattern(types=frozenset({"port"}))},
        EdgePattern("h", "i"),
        EdgePattern("i", "port", absent=True),
    )
    assert matches(silent)[0] == [("b", "192.0.2.1")]


@pytest.mark.parametrize(
    "asked",
    [
        pattern({"a": NodePattern()}, EdgePattern("a", "b")),
        pattern({"a": NodePattern(), "b": NodePattern()}),
        pattern({"a": NodePattern(), "b": NodePattern(), "c": NodePattern()}, EdgePattern("b", "c")),
    ],
)
def test_a_pattern_that_hangs_apart_is_refused(asked: Pattern) -> None:
    with pytest.raises(MalformedPattern):
        matches(asked)


def test_what_happened_is_told_the_latest_first() -> None:
    nodes = [("host", "a"), ("ip", "192.0.2.1")]
    outline = outline_of(nodes, [], first_seen={1: "2026-01-02T00:00:00.000Z"})
    found = timeline(outline, frozenset(), 0, 2**62)
    assert [(outline.values[each.node], each.event) for each in found] == [("192.0.2.1", "appeared"), ("a", "appeared")]
    assert [outline.values[each.node] for each in timeline(outline, frozenset({"host"}), 0, 2**62)] == ["a"]
    assert timeline(outline, frozenset(), 0, NOW - 1) == []


def test_an_outline_of_nothing_answers_too() -> None:
    for outline in (Outline.empty(), Builder().finish([])):
        assert len(outline) == outline.edges == 0
        assert outline.node("00") is None
        assert outline.node("no key") is None
        assert list(matching(outline, Search(), NOW)) == []
        assert Matcher(outline, pattern({"n": NodePattern()}), NOW).matches(5).found == []
