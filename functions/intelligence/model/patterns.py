"""Patterns over the graph: named nodes with conditions, edges between them, and edges that must not be there.

A pattern is matched by backtracking, from the node with the fewest candidates on along the edges, within a number of
steps: a pattern that would take longer is answered with what was found, and says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from functions.intelligence.errors import MalformedPattern
from functions.intelligence.model.outline import Outline

MAX_STEPS: Final = 300_000


class NodePattern(msgspec.Struct, frozen=True, kw_only=True):
    """What a node must be; what is empty asks nothing. Texts are compared in any case, `attributes` by equality of
    text, or of a member where the attribute is a list."""

    types: frozenset[str] = frozenset()
    value: str = ""
    prefix: str = ""
    contains: str = ""
    risks: frozenset[str] = frozenset()
    min_confidence: float = 0.0
    attributes: dict[str, str] = {}


class EdgePattern(msgspec.Struct, frozen=True):
    """An edge from one named node to another; any relation when `relation` is empty. `absent`: there is none."""

    source: str
    target: str
    relation: str = ""
    absent: bool = False


class Pattern(msgspec.Struct, frozen=True):
    """Nodes by name, and edges between them."""

    nodes: dict[str, NodePattern]
    edges: list[EdgePattern]


class Matches(msgspec.Struct, frozen=True):
    """Nodes by name for each match; whether there may be more than was looked for."""

    found: list[dict[str, int]]
    is_complete: bool


def check(pattern: Pattern) -> None:
    """Raises MalformedPattern for an edge of nodes that are not named, and for one whose nodes hang apart."""
    for edge in pattern.edges:
        for name in (edge.source, edge.target):
            if name not in pattern.nodes:
                raise MalformedPattern(f"An edge names the node {name!r}, which the pattern does not have.")
    reached = {next(iter(pattern.nodes))}
    present = [edge for edge in pattern.edges if not edge.absent]
    while (
        more := {end for edge in present for end in (edge.source, edge.target) if {edge.source, edge.target} & reached}
        - reached
    ):
        reached |= more
    if apart := sorted(set(pattern.nodes) - reached - _only_absent(pattern)):
        raise MalformedPattern(f"No edge leads to the node {apart[0]!r}: its matches would be every pair there is.")


def _only_absent(pattern: Pattern) -> set[str]:
    """Nodes that are named to say that there is none."""
    present = {end for edge in pattern.edges if not edge.absent for end in (edge.source, edge.target)}
    absent = {end for edge in pattern.edges if edge.absent for end in (edge.source, edge.target)}
    return absent - present if present else absent - {next(iter(pattern.nodes))}


class _Spent(Exception):
    """The steps are used up."""


class Matcher:
    """Finds a pattern's matches in an outline."""

    def __init__(self, outline: Outline, pattern: Pattern, now: int, max_steps: int = MAX_STEPS) -> None:
        check(pattern)
        self._outline, self._now, self._steps = outline, now, max_steps
        self._nodes = pattern.nodes
        self._without = _only_absent(pattern)
        self._present = [edge for edge in pattern.edges if not edge.absent]
        self._absent = [edge for edge in pattern.edges if edge.absent]
        self._relations = {name: code for code, name in enumerate(outline.columns.relation_names)}

    def matches(self, limit: int) -> Matches:
        """At most `limit` matches, in the order of the first node's candidates."""
        found: list[dict[str, int]] = []
        try:
            for match in self._extend({}):
                if len(found) == limit:
                    return Matches(found, is_complete=False)
                found.append(match)
        except _Spent:
            return Matches(found, is_complete=False)
        return Matches(found, is_complete=True)

    def _extend(self, known: dict[str, int]) -> Iterator[dict[str, int]]:
        open_ = [name for name in self._nodes if name not in known and name not in self._without]
        if not open_:
            if not any(self._is_there(edge, known) for edge in self._absent):
                yield dict(known)
            return
        name, candidates = self._next(open_, known)
        for node in candidates:
            self._step()
            if node in known.values() or not self._fits(name, node):
                continue
            bound = {**known, name: node}
            if all(self._is_there(edge, bound) for edge in self._present if {edge.source, edge.target} <= bound.keys()):
                yield from self._extend(bound)

    def _next(self, open_: list[str], known: dict[str, int]) -> tuple[str, Iterable[int]]:
        """The next node to bind, and where it can lie: beside a bound one, or at first anywhere of its type."""
        for edge in self._present:
            if edge.source in known and edge.target in open_:
                return edge.target, self._along(edge, known[edge.source], onward=True)
            if edge.target in known and edge.source in open_:
                return edge.source, self._along(edge, known[edge.target], onward=False)
        name = min(open_, key=self._width)
        return name, self._of_types(self._nodes[name].types)

    def _along(self, edge: EdgePattern, node: int, *, onward: bool) -> Iterator[int]:
        code = self._relations.get(edge.relation)
        for number, other in self._outline.out(node) if onward else self._outline.into(node):
            self._step()
            if not edge.relation or self._outline.edge_names[number] == code:
                yield other

    def _of_types(self, types: frozenset[str]) -> Iterator[int]:
        codes = {code for code, type_ in enumerate(self._outline.types) if not types or type_ in types}
        return (node for node, code in enumerate(self._outline.type_codes) if code in codes)

    def _width(self, name: str) -> int:
        """How many candidates a node has, about."""
        wanted = self._nodes[name]
        codes = self._outline.type_codes
        of_types = [codes.count(code) for code, type_ in enumerate(self._outline.types) if type_ in wanted.types]
        narrow = 10 if wanted.value or wanted.prefix or wanted.contains or wanted.attributes else 1
        return (sum(of_types) if wanted.types else len(self._outline)) // narrow

    def _is_there(self, edge: EdgePattern, known: dict[str, int]) -> bool:
        """Whether there is an edge, to any fitting node where its end is not bound."""
        if edge.source in known:
            ends, other, wanted = (
                self._along(edge, known[edge.source], onward=True),
                edge.target,
                known.get(edge.target),
            )
        else:
            ends, other, wanted = self._along(edge, known[edge.target], onward=False), edge.source, None
        return any(end == wanted if wanted is not None else self._fits(other, end) for end in ends)

    def _fits(self, name: str, node: int) -> bool:
        wanted, outline = self._nodes[name], self._outline
        if wanted.types and outline.type(node) not in wanted.types:
            return False
        if wanted.risks and outline.risk(node) not in wanted.risks:
            return False
        if wanted.value or wanted.prefix or wanted.contains:
            value = outline.values[node].casefold()
            if wanted.value and value != wanted.value.casefold():
                return False
            if not value.startswith(wanted.prefix.casefold()) or wanted.contains.casefold() not in value:
                return False
        if wanted.min_confidence and outline.confidence(node, self._now) < wanted.min_confidence:
            return False
        return not wanted.attributes or _has(outline.attributes(node), wanted.attributes)

    def _step(self) -> None:
        self._steps -= 1
        if self._steps < 0:
            raise _Spent


def _has(attributes: dict[str, Any], wanted: dict[str, str]) -> bool:
    return all(name in attributes and text.casefold() in _texts(attributes[name]) for name, text in wanted.items())


def _texts(value: Any) -> set[str]:
    each = value if isinstance(value, list | tuple) else [value]
    return {str(one).casefold() for one in each}
