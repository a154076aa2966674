"""Finding one's way in a tenant's graph: what lies around a thing, how two are connected, and what is asked for by
name. What identity rules call one thing is walked through as one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from functions.intelligence.model.outline import Outline

MAX_EDGES: Final = 2_000
"""Edges that a neighbourhood shows."""
MAX_PATHS: Final = 10


class Neighbourhood(msgspec.Struct, frozen=True):
    """Nodes by their distance from where it began (hops), the edges among them, and how much is left out."""

    distances: dict[int, int]
    edges: list[int]
    nodes_left_out: int
    edges_left_out: int


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """Which nodes are asked for; what is empty asks nothing. `prefix` and `contains` are in any case, times are
    milliseconds since 1970."""

    types: frozenset[str] = frozenset()
    risks: frozenset[str] = frozenset()
    prefix: str = ""
    contains: str = ""
    min_confidence: float = 0.0
    since: int = 0
    is_gone: bool | None = None


def linked(outline: Outline, node: int) -> Iterator[tuple[int, int]]:
    """The edges at a node in either direction, as (edge, other end)."""
    yield from outline.out(node)
    yield from outline.into(node)


def together(outline: Outline, node: int) -> set[int]:
    """A node and all that are the same thing."""
    found, waiting = {node}, [node]
    while waiting:
        for merge in outline.same.get(waiting.pop(), ()):
            if merge.other not in found:
                found.add(merge.other)
                waiting.append(merge.other)
    return found


def neighbourhood(outline: Outline, start: int, depth: int, types: frozenset[str], limit: int) -> Neighbourhood:
    """What lies within `depth` hops of a node, of some types (empty: all), the nearest `limit` nodes first."""
    distances = dict.fromkeys(sorted(together(outline, start)), 0)
    left_out: set[int] = set()
    border = list(distances)
    for hops in range(1, depth + 1):
        found: dict[int, None] = {}
        for node in border:
            for _, other in linked(outline, node):
                if other not in distances and (not types or outline.type(other) in types):
                    found.update(
                        dict.fromkeys(sorted(together(outline, other))) if other in outline.same else {other: None}
                    )
        new = [node for node in found if node not in distances]
        room = max(0, limit - len(distances))
        left_out.update(new[room:])
        border = new[:room]
        distances.update(dict.fromkeys(border, hops))
    edges = [edge for node in distances for edge, target in outline.out(node) if target in distances]
    return Neighbourhood(distances, edges[:MAX_EDGES], len(left_out), max(0, len(edges) - MAX_EDGES))


def paths(outline: Outline, start: int, end: int, longest: int) -> list[list[int]]:
    """The shortest ways between two nodes, edges taken in either direction, `MAX_PATHS` of them at most: each as its
    nodes. None when they are farther apart than `longest` hops."""
    hops = _distances(outline, end, start, longest)
    goal = together(outline, end)
    found: list[list[int]] = []

    def walk(way: list[int]) -> None:
        if len(found) == MAX_PATHS:
            return
        if way[-1] in goal:
            found.append(way)
            return
        left = hops[way[-1]]
        steps = {other for node in together(outline, way[-1]) for _, other in linked(outline, node)}
        for other in sorted(steps):
            if hops.get(other, longest + 1) == left - 1:
                walk([*way, other])

    if start in hops:
        walk([start])
    return found


def _distances(outline: Outline, start: int, until: int, longest: int) -> dict[int, int]:
    """Hops from a node to those that lie no farther than `until`, or than `longest`."""
    hops = dict.fromkeys(together(outline, start), 0)
    border, depth = list(hops), 0
    while border and until not in hops and depth < longest:
        depth += 1
        found: list[int] = []
        for node in border:
            for _, other in linked(outline, node):
                if other not in hops:
                    for each in together(outline, other) if other in outline.same else (other,):
                        hops[each] = depth
                        found.append(each)
        border = found
    return hops


def matching(outline: Outline, wanted: Search, now: int, after: int = -1) -> Iterator[int]:
    """The nodes past `after` that are asked for, in their order."""
    prefix, contains = wanted.prefix.casefold(), wanted.contains.casefold()
    types = frozenset(code for code, type_ in enumerate(outline.types) if type_ in wanted.types)
    for node in range(after + 1, len(outline)):
        if wanted.types and outline.type_codes[node] not in types:
            continue
        if prefix or contains:
            value = outline.values[node].casefold()
            if not value.startswith(prefix) or contains not in value:
                continue
        if (
            (wanted.risks and outline.risk(node) not in wanted.risks)
            or outline.last_seen[node] < wanted.since
            or (wanted.min_confidence and outline.confidence(node, now) < wanted.min_confidence)
            or (wanted.is_gone is not None and (outline.gone(node) is not None) != wanted.is_gone)
        ):
            continue
        yield node
