"""What a whole graph shows, held against networkx."""

from __future__ import annotations

import networkx
import numpy
import pytest
from hypothesis import given, settings

from functions.intelligence.model import analysis
from functions.intelligence.model.outline import Outline
from tests.intelligence.graphs import key_of
from tests.intelligence.test_navigation import graphs, outline_of, plain


def directed(size: int, edges: list[tuple[int, int]]) -> networkx.DiGraph:
    graph = networkx.DiGraph()
    graph.add_nodes_from(range(size))
    graph.add_edges_from(edges)
    return graph


@settings(max_examples=60)
@given(graphs)
def test_scores_are_those_of_networkx(made: tuple[int, list[tuple[int, int]]]) -> None:
    size, edges = made
    edges = sorted(set(edges))
    outline = plain(size, edges)
    oracle = directed(size, edges)
    ranks = networkx.pagerank(oracle, tol=1e-12, max_iter=500)
    assert analysis.page_rank(outline) == pytest.approx([ranks[node] for node in range(size)], abs=1e-4)
    whole = networkx.Graph(oracle)
    whole.remove_edges_from(networkx.selfloop_edges(whole))
    graph = analysis.matrix(outline)
    degrees = networkx.degree_centrality(whole)
    if size > 1:
        assert analysis.degrees(graph) == pytest.approx([degrees[node] for node in range(size)])
    between = networkx.betweenness_centrality(whole)
    if size > 2:
        assert analysis.betweenness(graph) == pytest.approx([between[node] for node in range(size)], abs=1e-9)


def test_betweenness_is_estimated_from_some_nodes() -> None:
    size = 300
    edges = [(node, node + 1) for node in range(size - 1)]
    exact = analysis.betweenness(analysis.matrix(plain(size, edges)), pivots=size)
    estimate = analysis.betweenness(analysis.matrix(plain(size, edges)), pivots=60)
    assert numpy.corrcoef(exact, estimate)[0, 1] > 0.99
    assert abs(int(numpy.argmax(estimate)) - size // 2) < 10


def cliques(number: int, size: int) -> Outline:
    edges = [
        (clique * size + one, clique * size + other)
        for clique in range(number)
        for one in range(size)
        for other in range(one)
    ]
    bridges = [(clique * size, clique * size + size) for clique in range(number - 1)]
    return plain(number * size, edges + bridges)


def test_communities_are_found_and_numbered_by_size() -> None:
    found = analysis.communities(analysis.matrix(cliques(5, 8)))
    assert found.modularity > 0.7
    by_clique = found.of.reshape(5, 8)
    assert all(len(set(row)) == 1 for row in by_clique)
    assert sorted(row[0] for row in by_clique) == [0, 1, 2, 3, 4]
    again = analysis.communities(analysis.matrix(cliques(5, 8)))
    assert list(again.of) == list(found.of)


def test_a_node_without_edges_is_a_community_of_its_own() -> None:
    found = analysis.communities(analysis.matrix(plain(5, [(0, 1), (1, 2), (0, 2)])))
    assert sorted(numpy.bincount(found.of), reverse=True) == [3, 1, 1]
    assert found.of[0] == 0
    assert len(analysis.communities(analysis.matrix(plain(3, []))).of) == 3
    assert len(analysis.communities(analysis.matrix(Outline.empty())).of) == 0
    assert len(analysis.page_rank(Outline.empty())) == 0


def test_what_is_one_thing_is_linked() -> None:
    outline = outline_of([("domain", "a.example"), ("host", "a.example")], [])
    assert list(analysis.degrees(analysis.matrix(outline))) == [1.0, 1.0]
    assert outline.node(key_of("host", "a.example")) is not None
