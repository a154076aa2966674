"""What a whole graph shows: its communities, and which nodes hold it together.

Edges count without their direction, once for each pair of nodes, except for PageRank, which follows it. Everything
here is deterministic: chance is seeded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from functions.intelligence.model.outline import Outline

RESOLUTION: Final = 1.0
SEED: Final = 1
DAMPING: Final = 0.85
ROUNDS: Final = 60
CLOSE: Final = 1e-9
PIVOTS: Final = 64
"""Nodes from which betweenness is estimated."""


class Matrix(NamedTuple):
    """An undirected graph as compressed sparse rows: where each node's neighbours begin, and the neighbours."""

    begins: NDArray[Any]
    ends: NDArray[Any]

    @property
    def nodes(self) -> int:
        """How many there are."""
        return len(self.begins) - 1


class Communities(NamedTuple):
    """For each node the number of its community, the largest being 0; and the modularity of the partition."""

    of: NDArray[Any]
    modularity: float


def matrix(outline: Outline) -> Matrix:
    """The outline's edges without direction, each pair once, what is one thing joined."""
    import numpy

    count = len(outline)
    merges = [(node, other) for node, other, _ in outline.columns.merges]
    sources = numpy.concatenate((_sources(outline), numpy.array([node for node, _ in merges], dtype=numpy.int64)))
    targets = numpy.concatenate((_targets(outline), numpy.array([other for _, other in merges], dtype=numpy.int64)))
    apart = sources != targets
    sources, targets = sources[apart], targets[apart]
    pairs = numpy.unique(numpy.concatenate((sources * count + targets, targets * count + sources)))
    rows, ends = (pairs // count, pairs % count) if count else (pairs, pairs)
    begins = numpy.concatenate(([0], numpy.cumsum(numpy.bincount(rows, minlength=count)))).astype(numpy.int64)
    return Matrix(begins, ends)


def communities(graph: Matrix) -> Communities:
    """Communities by the Leiden algorithm (Traag, Waltman and van Eck, Scientific Reports 9, 5233, 2019)."""
    import numpy
    from graspologic_native import leiden_csr  # type: ignore[import-untyped]

    if not len(graph.ends):
        return Communities(numpy.arange(graph.nodes), 0.0)
    weights = numpy.ones(len(graph.ends))
    quality, found = leiden_csr(
        graph.begins, graph.ends.astype(numpy.int32), weights, graph.nodes, resolution=RESOLUTION, seed=SEED
    )
    of = numpy.full(graph.nodes, -1, dtype=numpy.int64)
    of[numpy.fromiter(found.keys(), numpy.int64, len(found))] = numpy.fromiter(found.values(), numpy.int64, len(found))
    alone = of < 0
    of[alone] = numpy.arange(len(found), len(found) + int(alone.sum())) + (of.max() + 1)
    _, numbered, sizes = numpy.unique(of, return_inverse=True, return_counts=True)
    rank = numpy.empty(len(sizes), dtype=numpy.int64)
    rank[numpy.argsort(-sizes, kind="stable")] = numpy.arange(len(sizes))
    return Communities(rank[numbered], float(quality))


def degrees(graph: Matrix) -> NDArray[Any]:
    """How many neighbours each node has, as a share of all others."""
    import numpy

    found: NDArray[Any] = numpy.diff(graph.begins) / max(1, graph.nodes - 1)
    return found


def page_rank(outline: Outline) -> NDArray[Any]:
    """How often a walk along the edges, which begins anew with chance 0.15, is at each node (Brin and Page, 1998)."""
    import numpy

    count = len(outline)
    if not count:
        return numpy.zeros(0)
    sources, targets = _sources(outline), _targets(outline)
    fans = numpy.bincount(sources, minlength=count)
    ranks = numpy.full(count, 1 / count)
    for _ in range(ROUNDS):
        passed = numpy.divide(ranks, fans, out=numpy.zeros(count), where=fans > 0)
        moved = numpy.bincount(targets, weights=passed[sources], minlength=count)
        stuck = ranks[fans == 0].sum()
        after = (1 - DAMPING) / count + DAMPING * (moved + stuck / count)
        moves = float(numpy.abs(after - ranks).sum())
        ranks = after
        if moves < CLOSE:
            break
    return ranks


def betweenness(graph: Matrix, pivots: int = PIVOTS) -> NDArray[Any]:
    """The share of shortest paths that lead through each node, estimated from `pivots` evenly spread nodes (Brandes and
    Pich, "Centrality estimation in large networks", 2007); exact when there are no more nodes than that."""
    import numpy

    count = graph.nodes
    chosen = range(count) if count <= pivots else [count * number // pivots for number in range(pivots)]
    found = numpy.zeros(count)
    for pivot in chosen:
        found += _dependencies(graph, pivot)
    scale = count / max(1, len(chosen)) / max(1, (count - 1) * (count - 2))
    return found * scale


def _dependencies(graph: Matrix, pivot: int) -> NDArray[Any]:
    """How much each node serves the shortest paths from one node (Brandes, 2001), level by level."""
    import numpy

    depth = numpy.full(graph.nodes, -1, dtype=numpy.int64)
    ways = numpy.zeros(graph.nodes)
    depth[pivot], ways[pivot] = 0, 1
    border = numpy.array([pivot])
    levels = []
    while len(border):
        rows, ends = _neighbours(graph, border)
        new = depth[ends] < 0
        depth[ends[new]] = depth[border[0]] + 1
        onward = depth[ends] == depth[border[0]] + 1
        rows, ends = rows[onward], ends[onward]
        numpy.add.at(ways, ends, ways[rows])
        levels.append((rows, ends))
        border = numpy.unique(ends)
    served = numpy.zeros(graph.nodes)
    for rows, ends in reversed(levels):
        numpy.add.at(served, rows, ways[rows] / ways[ends] * (1 + served[ends]))
    served[pivot] = 0
    return served


def _neighbours(graph: Matrix, nodes: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The edges at some nodes, as each edge's node and its other end."""
    import numpy

    fans = graph.begins[nodes + 1] - graph.begins[nodes]
    rows = numpy.repeat(nodes, fans)
    first = numpy.repeat(graph.begins[nodes] - numpy.concatenate(([0], numpy.cumsum(fans)[:-1])), fans)
    return rows, graph.ends[first + numpy.arange(len(rows))]


def _sources(outline: Outline) -> NDArray[Any]:
    import numpy

    begins: NDArray[Any] = numpy.frombuffer(outline.columns.edges_from, dtype="<u4").astype(numpy.int64)
    found: NDArray[Any] = numpy.repeat(numpy.arange(len(outline)), begins[1:] - begins[:-1])
    return found


def _targets(outline: Outline) -> NDArray[Any]:
    import numpy

    return numpy.frombuffer(outline.columns.edge_targets, dtype="<u4").astype(numpy.int64)
