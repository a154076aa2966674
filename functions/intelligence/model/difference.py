"""The difference between two scans: two sorted streams of entities side by side. Pure, in constant memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from contracts.observations import INCIDENTAL
from functions.intelligence.model.graph import Entity
from functions.intelligence.model.parts import Order

Kind = Literal["added", "removed", "changed", "not_looked_for"]


class Difference(msgspec.Struct, frozen=True):
    """What is different about one thing. `changed` has each attribute that differs, as before and after; a thing that
    the later scan had no module to find is `not_looked_for`, and neither there nor gone for that."""

    kind: Kind
    entity: Entity
    changed: dict[str, tuple[Any, Any]] = {}

    @property
    def order(self) -> Order:
        """Where it stands in the list."""
        return self.entity.order


def differences(
    before: Iterable[Entity], after: Iterable[Entity], looked_with: frozenset[str], most: int
) -> Iterator[Difference | Order]:
    """Differences in order of type and value. After comparing `most` things without being asked for more, the order
    of the last one is given instead, and it ends: a page may then go on from there.

    `looked_with` are the sources (modules) that the later scan had.
    """
    old, new = iter(before), iter(after)
    left, right = next(old, None), next(new, None)
    for _ in range(most):
        if left is None and right is None:
            return
        if right is None or (left is not None and left.order < right.order):
            assert left is not None
            gone: Kind = "removed" if looked_with.intersection(left.sources) else "not_looked_for"
            yield Difference(gone, left)
            last, left = left.order, next(old, None)
        elif left is None or right.order < left.order:
            yield Difference("added", right)
            last, right = right.order, next(new, None)
        else:
            changed = _changed(left.attributes, right.attributes)
            if changed:
                yield Difference("changed", right, changed)
            last, left, right = left.order, next(old, None), next(new, None)
    if left is not None or right is not None:
        yield last


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    names = sorted((before.keys() | after.keys()) - INCIDENTAL)
    return {name: (before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)}
