"""A scan's facts as rules read them: columns, indexed by type, with the ways up and down between rows."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain
from typing import Final, TypeVar

from contracts.scope import host_of
from functions.intelligence.model.correlation.allowance import Unbounded
from functions.intelligence.model.correlation.spiderfoot import ENTITY_TYPES
from functions.intelligence.model.state import NO_ROW, Names, ReducerState

ASSET_TYPES: Final = ENTITY_TYPES | {"url", "port", "service"}
MAX_ANCESTORS: Final = 64
STEP: Final = 1_024
"""What is looked at between two looks at the clock."""

T = TypeVar("T")
_PLAIN: Final = re.compile(r"[a-z0-9._:-]*", re.ASCII)
"""An authority that needs no second look."""

Values = Callable[[int], Sequence[str]]
"""The values of a field of one row: none, one, or (for `child.`) several."""


class View:
    """The state of a scan, read-only. Indexes are made when the first rule needs them.

    With `first_row`, only rows from there on are offered to conditions; their relatives are still found.
    """

    def __init__(self, state: ReducerState, first_row: int = 0) -> None:
        self.state = state
        self._first_row = first_row
        self._by_value: dict[str, dict[tuple[str, ...], array[int]]] = {}
        self.share = Unbounded()
        """What the rule has that reads."""

    def check(self) -> None:
        """A look at the clock. Raises OutOfShare when the rule that reads has had its share."""
        self.share.check()

    def portions(self, rows: Sequence[int]) -> Iterator[Sequence[int]]:
        """The rows, some at a time, with a look at the clock before each."""
        for start in range(0, len(rows), STEP):
            self.check()
            yield rows[start : start + STEP]

    def watched(self, things: Iterable[T]) -> Iterator[T]:
        """The things one by one, with a look at the clock now and then."""
        for number, thing in enumerate(things):
            if number % STEP == 0:
                self.check()
            yield thing

    @cached_property
    def _rows_by_type(self) -> dict[str, array[int]]:
        fact_types = self.state.fact_types
        rows: list[array[int]] = [array("I") for _ in self.state.types.all]
        for row, fact in enumerate(self.state.row_facts[self._first_row :], self._first_row):
            rows[fact_types[fact]].append(row)
        return dict(zip(self.state.types.all, rows, strict=True))

    @cached_property
    def _children(self) -> dict[int, list[int]]:
        children: dict[int, list[int]] = {}
        for row, source in enumerate(self.state.row_sources):
            if source != NO_ROW:
                children.setdefault(source, []).append(row)
        return children

    @cached_property
    def _other_parents(self) -> dict[int, list[int]]:
        """The sources of facts beyond the first, which the state knows by itself."""
        state = self.state
        others: dict[int, list[int]] = {}
        for fact, source in zip(state.row_facts, state.row_sources, strict=True):
            if source != NO_ROW and state.fact_parents[fact] != (parent := state.row_facts[source]):
                others.setdefault(fact, []).append(parent)
        return others

    def parents(self, fact: int) -> Sequence[int]:
        """The facts that a fact was found from, the first first."""
        first = self.state.fact_parents[fact]
        others = self._other_parents.get(fact, ())
        return others if first == NO_ROW else (first, *others)

    def rows_of(self, type_: str) -> Sequence[int]:
        """The rows of a type, in order."""
        return self._rows_by_type.get(type_, ())

    def all_rows(self) -> Sequence[int]:
        """Every row, in order."""
        return range(self._first_row, len(self.state.ids))

    def type(self, row: int) -> str:
        """A row's type."""
        return self.state.type_of(self.state.row_facts[row])

    def value(self, row: int) -> str:
        """A row's value."""
        return self.state.fact_values[self.state.row_facts[row]]

    def module(self, row: int) -> str:
        """The module that found a row first."""
        return self.state.modules.all[self.state.row_modules[row]]

    def distance(self, row: int) -> int:
        """How far outside the scope a row's fact lies; 0 is inside."""
        return self.state.distances[self.state.row_facts[row]]

    def attributes(self, row: int, name: str) -> Sequence[str]:
        """A remembered attribute's values as texts: none, one, or the items of a list."""
        column = self.state.attributes.get(name)
        return () if column is None else column.get(row)

    def source(self, row: int) -> Sequence[int]:
        """The row that a row was found from."""
        source = self.state.row_sources[row]
        return () if source == NO_ROW else (source,)

    def children(self, row: int) -> Sequence[int]:
        """The rows that were found from a row."""
        return self._children.get(row, ())

    def entity(self, row: int) -> Sequence[int]:
        """The nearest row above that is a thing of its own."""
        return self._above(row, ENTITY_TYPES)

    def _above(self, row: int, types: frozenset[str]) -> Sequence[int]:
        for _ in range(MAX_ANCESTORS):
            row = self.state.row_sources[row]
            if row == NO_ROW:
                break
            if self.type(row) in types:
                return (row,)
        return ()

    def asset(self, row: int) -> str:
        """What a row is about: the asset it names, itself if it is one, else the nearest one above it."""
        named = self.attributes(row, "asset")
        if named:
            return named[0]
        if self.type(row) in ASSET_TYPES:
            return self.value(row)
        above = self._above(row, ASSET_TYPES)
        return self.value(above[0]) if above else self.value(row)

    def host(self, row: int) -> str:
        """The host that a row's asset lies on; many rules ask, so it is worked out once."""
        number = self._host_numbers[row]
        if number == NO_ROW:
            number = self._host_numbers[row] = self._hosts.number(host_in(self.asset(row)))
        return self._hosts.all[number]

    @cached_property
    def _host_numbers(self) -> array[int]:
        return array("I", [NO_ROW]) * len(self.state.ids)

    @cached_property
    def _hosts(self) -> Names:
        return Names()

    def rows_where(self, name: str, test: Callable[[str], bool]) -> list[int]:
        """The rows, in order, of which a value of an attribute passes a test."""
        if name not in self._by_value:
            column = self.state.attributes.get(name)
            self._by_value[name] = {} if column is None else column.by_value(self._first_row)
        by_value = self.watched(self._by_value[name].items())
        chosen = [rows for texts, rows in by_value if any(map(test, texts))]
        return sorted(chain.from_iterable(chosen)) if len(chosen) > 1 else [*chosen[0]] if chosen else []

    def values(self, field: str) -> Values:
        """How to read a field (see `rule.FIELD`) of a row."""
        prefix, dot, rest = field.partition(".")
        if not dot or prefix == "attributes":
            return self._own_values(field)
        related = {"source": self.source, "child": self.children, "entity": self.entity}[prefix]
        own = self._own_values(rest)
        return lambda row: [value for other in related(row) for value in own(other)]

    def _own_values(self, field: str) -> Values:
        if field.startswith("attributes."):
            name = field.partition(".")[2]
            return lambda row: self.attributes(row, name)
        if field == "confidence":
            return lambda row: (repr(self.state.row_confidences[row]),)
        read: dict[str, Callable[[int], str]] = {
            "type": self.type,
            "module": self.module,
            "data": self.value,
            "value": self.value,
            "host": self.host,
            "asset": self.asset,
        }
        one = read[field]
        return lambda row: (one(row),)


def host_in(asset: str) -> str:
    """The host in a canonical value: what `contracts.scope.host_of` says, for a tenth of its cost on URLs."""
    scheme, separator, rest = asset.partition("://")
    if not separator or "@" in rest or not scheme.isalpha():
        return host_of(asset)
    authority = rest.partition("/")[0].partition("?")[0].lower()
    if not _PLAIN.fullmatch(authority):
        return host_of(asset)
    return authority.partition(":")[0].rstrip(".")
