"""A rule's collections made ready: which rows they hold, and what can change that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from functions.intelligence.model.correlation.conditions import (
    Condition,
    FieldCondition,
    KindTest,
    RelatedTypeCondition,
    TypeCondition,
)
from functions.intelligence.model.correlation.events import Event
from functions.intelligence.model.correlation.paths import Stop, ends
from functions.intelligence.model.correlation.view import View


class Compiled(Protocol):
    """A collection made ready."""

    @property
    def conditions(self) -> Sequence[Condition]:
        """All its conditions, those on steps of a path included."""

    @property
    def types(self) -> frozenset[str] | None:
        """The types whose new facts can change what it holds; None when any can."""

    @property
    def stable(self) -> bool:
        """Whether a row that it holds, or does not, stays so whatever is found later."""

    def events(self, view: View, number: int) -> list[Event]:
        """What it holds of the view's rows, as events of collection `number`."""


@dataclass(frozen=True)
class Collected:
    """Rows that meet all conditions."""

    conditions: tuple[Condition, ...]

    @cached_property
    def types(self) -> frozenset[str] | None:
        """Those of its conditions on types."""
        return _types(self.conditions)

    @cached_property
    def stable(self) -> bool:
        """Children come later, and a fact may come nearer: what depends on either is not settled."""
        return not any(map(_unsettled, self.conditions))

    def rows(self, view: View) -> list[int]:
        """The view's rows that meet all conditions, in order."""
        # The order of conditions changes nothing but the cost: what an index answers goes first, the shortest ahead.
        answered = [(rows, part) for part in self.conditions if (rows := _indexed(part, view)) is not None]
        answered.sort(key=lambda each: len(each[0]))
        rows = answered[0][0] if answered else view.all_rows()
        for other, part in answered[1:]:
            by_type = isinstance(part, TypeCondition)
            rows = part.keep(view, rows) if by_type else sorted(set(rows).intersection(other))
        done = [part for _, part in answered]
        for condition in self.conditions:
            if condition not in done:
                rows = condition.keep(view, rows)
        return sorted(rows)

    def events(self, view: View, number: int) -> list[Event]:
        """The rows, as events."""
        return [Event(row, number) for row in self.rows(view)]


@dataclass(frozen=True)
class Path:
    """Rows at the end of a path through the graph."""

    stops: tuple[Stop, ...]
    stable: bool = False

    @cached_property
    def conditions(self) -> Sequence[Condition]:
        """The conditions of all its stops."""
        return [part for stop in self.stops for part in (stop.types, *stop.where)]

    @cached_property
    def types(self) -> frozenset[str] | None:
        """Those of its stops; any, when there may be others in between."""
        return None if any(stop.within > 1 for stop in self.stops) else _types(self.conditions)

    def events(self, view: View, number: int) -> list[Event]:
        """The rows at the ends, each with its path."""
        return [Event(row, number, trail) for row, trail in ends(view, self.stops)]


def kind_tests(condition: Condition) -> tuple[KindTest, ...]:
    """The kinds that a condition on a type, or on a relative's type, names."""
    if isinstance(condition, RelatedTypeCondition):
        condition = condition.condition
    return (*(condition.wanted or ()), *condition.unwanted) if isinstance(condition, TypeCondition) else ()


def unknown_types(condition: Condition) -> tuple[str, ...]:
    """The type names of a condition that mean nothing here."""
    if isinstance(condition, RelatedTypeCondition):
        condition = condition.condition
    return condition.unknown if isinstance(condition, TypeCondition) else ()


def unknown_modules(condition: Condition) -> tuple[str, ...]:
    """The module names of a condition that mean nothing here."""
    return condition.unknown if isinstance(condition, FieldCondition) else ()


def _types(conditions: Sequence[Condition]) -> frozenset[str] | None:
    own = [part.types for part in conditions if isinstance(part, TypeCondition) and part.types is not None]
    related = [part.condition.types for part in conditions if isinstance(part, RelatedTypeCondition)]
    child_values = any(isinstance(part, FieldCondition) and part.field.startswith("child.") for part in conditions)
    if not own or child_values or None in related:
        return None
    return frozenset().union(*own, *(types for types in related if types is not None))


def _unsettled(condition: Condition) -> bool:
    if isinstance(condition, FieldCondition):
        return condition.field.startswith("child.")
    if isinstance(condition, RelatedTypeCondition) and condition.prefix == "child.":
        return True
    return any(test.kind.outside is not None for test in kind_tests(condition))


def _indexed(condition: Condition, view: View) -> Sequence[int] | None:
    """The rows that meet a condition, where an index tells without looking at every row."""
    if isinstance(condition, TypeCondition):
        return condition.pick(view) if condition.wanted is not None else None
    if isinstance(condition, FieldCondition) and condition.attribute is not None:
        return view.rows_where(condition.attribute, condition.test)
    return None
