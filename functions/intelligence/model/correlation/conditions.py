"""A rule's conditions made ready: patterns compiled once, each condition keeping some of the rows it is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from functions.intelligence.model.correlation import patterns
from functions.intelligence.model.correlation.kinds import TypeTest, exact_types, regex_types
from functions.intelligence.model.correlation.rule import Match
from functions.intelligence.model.correlation.spiderfoot import MODULES, ORIGIN, Kind
from functions.intelligence.model.correlation.view import View

RELATED: Final = ("source.", "child.", "entity.")


class Condition(Protocol):
    """Something that a row must be."""

    def keep(self, view: View, rows: Sequence[int]) -> Sequence[int]:
        """Those of the rows that are."""


@dataclass(frozen=True, slots=True)
class KindTest:
    """A kind with its patterns compiled."""

    kind: Kind
    value: patterns.Test | None
    attribute: patterns.Test | None

    def is_plain(self, view: View) -> bool:
        """Whether every fact of the type is meant."""
        return self.kind.plain and not (self.kind.name and ORIGIN in view.state.attributes)

    def describes(self, view: View, row: int) -> bool:
        """Whether a row is of this kind."""
        kind = self.kind
        if view.type(row) != kind.type:
            return False
        if kind.name and (told := view.attributes(row, ORIGIN)):
            return kind.name in told
        if kind.outside is not None and kind.outside != (view.distance(row) > 0):
            return False
        if self.value is not None and not self.value(view.value(row)):
            return False
        if kind.attribute is None or self.attribute is None:
            return True
        return any(map(self.attribute, view.attributes(row, kind.attribute[0])))


@dataclass(frozen=True, slots=True)
class TypeCondition:
    """The row's own type is one of these kinds, or none of those."""

    wanted: tuple[KindTest, ...] | None
    unwanted: tuple[KindTest, ...]
    unknown: tuple[str, ...]

    @property
    def types(self) -> frozenset[str] | None:
        """The types that can pass, None when any can."""
        return None if self.wanted is None else frozenset(test.kind.type for test in self.wanted)

    def admits(self, view: View, row: int) -> bool:
        """Whether one row passes."""
        if any(test.describes(view, row) for test in self.unwanted):
            return False
        return self.wanted is None or any(test.describes(view, row) for test in self.wanted)

    def keep(self, view: View, rows: Sequence[int]) -> Sequence[int]:
        """The rows that pass."""
        return [row for some in view.portions(rows) for row in some if self.admits(view, row)]

    def pick(self, view: View) -> Sequence[int]:
        """The rows that pass, of all there are: only the columns of the types that can pass are touched."""
        if self.wanted is None:
            return self.keep(view, view.all_rows())
        chosen: list[int] = []
        for type_ in sorted(self.types or ()):
            rows = view.rows_of(type_)
            plain = not self.unwanted and any(test.is_plain(view) for test in self.wanted if test.kind.type == type_)
            chosen.extend(rows if plain else self.keep(view, rows))
        return chosen


@dataclass(frozen=True, slots=True)
class RelatedTypeCondition:
    """The type of the source, a child or the entity passes."""

    prefix: str
    condition: TypeCondition

    def keep(self, view: View, rows: Sequence[int]) -> Sequence[int]:
        """The rows that have such a relative."""
        related = {"source.": view.source, "child.": view.children, "entity.": view.entity}[self.prefix]
        admits = self.condition.admits
        return [
            row
            for some in view.portions(rows)
            for row in some
            if any(admits(view, other) for other in view.watched(related(row)))
        ]


@dataclass(frozen=True, slots=True)
class FieldCondition:
    """A value of the field passes the test."""

    field: str
    test: patterns.Test
    unknown: tuple[str, ...] = ()
    """The wanted names of SpiderFoot's modules that have no counterpart here."""

    @property
    def attribute(self) -> str | None:
        """The attribute of the row itself that it reads, if it does."""
        return self.field.removeprefix("attributes.") if self.field.startswith("attributes.") else None

    def keep(self, view: View, rows: Sequence[int]) -> Sequence[int]:
        """The rows that have such a value."""
        test = self.test
        if self.field in ("data", "value"):
            facts, values = view.state.row_facts, view.state.fact_values
            return [row for some in view.portions(rows) for row in some if test(values[facts[row]])]
        read = view.values(self.field)
        return [row for some in view.portions(rows) for row in some if any(test(value) for value in read(row))]


def compile_match(match: Match) -> Condition:
    """A condition made ready. Raises PatternError."""
    prefix = next((prefix for prefix in RELATED if match.field.startswith(prefix)), "")
    if match.field.removeprefix(prefix) == "type" and match.method in ("exact", "regex"):
        condition = type_condition(match)
        return RelatedTypeCondition(prefix, condition) if prefix else condition
    return FieldCondition(match.field, _test(match), _unknown_modules(match))


def _unknown_modules(match: Match) -> tuple[str, ...]:
    if match.field.rpartition(".")[2] != "module" or match.method != "exact":
        return ()
    return tuple(name for name in match.value if name.startswith("sfp_") and name not in MODULES)


def type_condition(match: Match) -> TypeCondition:
    """A condition on a type made ready. Raises PatternError."""
    test: TypeTest = (exact_types if match.method == "exact" else regex_types)(match.value)
    wanted = None if test.wanted is None else tuple(map(_kind_test, test.wanted))
    return TypeCondition(wanted, tuple(map(_kind_test, test.unwanted)), test.unknown)


def _kind_test(kind: Kind) -> KindTest:
    value = None if kind.value is None else patterns.found([kind.value])
    attribute = None if kind.attribute is None else patterns.found([kind.attribute[1]])
    return KindTest(kind, value, attribute)


def _test(match: Match) -> patterns.Test:
    if match.method == "regex":
        return patterns.regex(match.value)
    if match.method == "exact":
        is_module = match.field.rpartition(".")[2] == "module"
        return patterns.exact([_our_module(value) for value in match.value] if is_module else match.value)
    return _bound(match)


def _our_module(value: str) -> str:
    negated, name = patterns.split_negation(value)
    return f"not {MODULES.get(name, name)}" if negated else MODULES.get(name, name)


def _bound(match: Match) -> Callable[[str], bool]:
    try:
        bound = float(match.value[0])
    except ValueError:
        raise patterns.PatternError(f"{match.method} needs a number") from None
    least = match.method == "at_least"
    return lambda text: (number := _number(text)) is not None and (number >= bound if least else number <= bound)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
