"""Sorted parts: how a wave's bulk is cut into objects, found again without reading all of them, and merged."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, Self, TypeVar

import msgspec

from contracts.facts import decode_rows
from contracts.observations import Observation


class Part(msgspec.Struct, frozen=True):
    """One object of sorted rows: its key, and what a reader must know to leave it unread.

    `first` and `last` are the orders of its first and last row; `types` and `modules` count its rows by each.
    """

    key: str
    rows: int
    first: tuple[str, ...]
    last: tuple[str, ...]
    types: dict[str, int] = {}
    modules: dict[str, int] = {}
    max_confidence: float = 1.0


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What the reducer wrote for one wave."""

    wave: int
    observations: tuple[Part, ...] = ()
    entities: tuple[Part, ...] = ()
    relations: tuple[Part, ...] = ()
    frontier: tuple[str, ...] = ()
    weaknesses: str | None = None
    detections: str | None = None
    state: str = ""
    read: int = 0
    stored: int = 0
    new_facts: int = 0
    frontier_facts: int = 0
    by_type: dict[str, int] = {}
    by_module: dict[str, int] = {}
    edges_left_out: int = 0


class Mergeable(Protocol):
    """A row of the graph: it has an order, and absorbs a later row of the same order."""

    @property
    def order(self) -> tuple[str, ...]:
        """Where the row stands in a sorted part."""

    def absorb(self, later: Self) -> None:
        """Take in a later row of the same order."""


Read = Callable[[str], bytes]
"""Reads one object by its key."""

Order = tuple[str, ...]
Row = TypeVar("Row")
GraphRow = TypeVar("GraphRow", bound=Mergeable)


def stream(
    parts: Iterable[Part], load: Callable[[Part], list[Row]], order: Callable[[Row], Order], after: Order = ()
) -> Iterator[Row]:
    """The rows of sorted parts as one sorted stream, from just past `after`.

    Rows of one order come in the order of their parts. A part is loaded when the stream reaches its first row,
    and not at all when it ends before `after`.
    """
    waiting = sorted(((part.first, age, part) for age, part in enumerate(parts) if part.last > after), reverse=True)
    open_: list[tuple[Order, int, Row, Iterator[Row]]] = []
    while waiting or open_:
        while waiting and (not open_ or waiting[-1][0] <= open_[0][0]):
            _, age, part = waiting.pop()
            rows = iter([row for row in load(part) if order(row) > after])
            _advance(open_, rows, age, order)
        if open_:
            _, age, row, rows = heapq.heappop(open_)
            yield row
            _advance(open_, rows, age, order)


def _advance(
    open_: list[tuple[Order, int, Row, Iterator[Row]]],
    rows: Iterator[Row],
    age: int,
    order: Callable[[Row], Order],
) -> None:
    for row in rows:
        heapq.heappush(open_, (order(row), age, row, rows))
        return


def merged(parts: Iterable[Part], row_type: type[GraphRow], read: Read, after: Order = ()) -> Iterator[GraphRow]:
    """The graph's rows from just past `after`, what several parts say of one order merged into one row."""

    def load(part: Part) -> list[GraphRow]:
        return decode_rows(read(part.key), row_type)

    current: GraphRow | None = None
    for row in stream(parts, load, lambda row: row.order, after):
        if current is not None and current.order == row.order:
            current.absorb(row)
            continue
        if current is not None:
            yield current
        current = row
    if current is not None:
        yield current


def observation_order(observation: Observation) -> tuple[str, str]:
    """Observations are kept in order of time, ties by id."""
    return (observation.observed_at, observation.id)
