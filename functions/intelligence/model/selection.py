"""The part of a graph that a person can look at: the targets, what is at risk, and what holds it together."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator

import msgspec

from contracts.findings import SEVERITY_ORDER
from functions.intelligence.model.graph import Entity, Relation


class Selection(msgspec.Struct, frozen=True):
    """Some of a graph, and how many entities and relations it leaves out."""

    entities: list[Entity]
    relations: list[Relation]
    entities_left_out: int
    relations_left_out: int


def select(
    entities: Callable[[], Iterator[Entity]], relations: Callable[[], Iterator[Relation]], limit: int
) -> Selection:
    """The `limit` (at least 1) most telling entities and the relations among them, in the graph's order.

    Targets (nothing leads to them) come first, then the riskiest, then the best connected. Both sides are read
    as streams, so memory is that of the degrees and of what is kept.
    """
    degrees, led_to, total_relations = _degrees(relations())
    total = 0

    def counted() -> Iterator[Entity]:
        nonlocal total
        for entity in entities():
            total += 1
            yield entity

    def rank(entity: Entity) -> tuple[bool, int, int, str]:
        target = entity.key not in led_to
        risk = -SEVERITY_ORDER.get(entity.risk, len(SEVERITY_ORDER))
        return (target, risk, degrees[entity.key], entity.key)

    kept = sorted(heapq.nlargest(limit, counted(), key=rank), key=lambda entity: entity.order)
    keys = {entity.key for entity in kept}
    among = [relation for relation in relations() if relation.source in keys and relation.target in keys]
    return Selection(kept, among, total - len(kept), total_relations - len(among))


def _degrees(relations: Iterator[Relation]) -> tuple[Counter[str], set[str], int]:
    degrees: Counter[str] = Counter()
    led_to: set[str] = set()
    total = 0
    for relation in relations:
        degrees[relation.source] += 1
        degrees[relation.target] += 1
        led_to.add(relation.target)
        total += 1
    return degrees, led_to, total
