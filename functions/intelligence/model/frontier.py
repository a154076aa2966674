"""The frontier: the facts of a wave that are new or nearer than before, which the next wave expands."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from contracts.facts import decode_observations, encode_rows
from contracts.observations import Observation

PART_ROWS: Final = 5_000


class Frontier:
    """Gathers the frontier in order of appearance. Full parts are kept compressed: a wave may find very much."""

    def __init__(self, first_new_fact: int, part_rows: int = PART_ROWS) -> None:
        self._first_new_fact = first_new_fact
        self._part_rows = part_rows
        self._open: dict[int, Observation] = {}
        self._parts: list[tuple[array[int], bytes]] = []
        self._again: set[int] = set()
        self._amended: dict[int, tuple[int, frozenset[str]]] = {}
        self.size = 0

    def add(self, fact: int, observation: Observation) -> None:
        """A fact that is new, or that an earlier wave knew from farther away."""
        self.size += 1
        if fact < self._first_new_fact:
            self._again.add(fact)
        self._open[fact] = observation
        if len(self._open) == self._part_rows:
            self._close()

    def holds(self, fact: int) -> bool:
        """Whether a fact, new ones having been added, is in the frontier."""
        return fact >= self._first_new_fact or fact in self._again

    def amend(self, fact: int, distance: int, consumed: Iterable[str]) -> None:
        """A fact of the frontier is nearer than thought, or processed by more modules than thought."""
        known = self._amended.get(fact, (distance, frozenset[str]()))[1]
        self._amended[fact] = (distance, known.union(consumed))

    def parts(self) -> Iterator[bytes]:
        """The frontier as segments, amended."""
        if self._open:
            self._close()
        for facts, segment in self._parts:
            if self._amended.keys().isdisjoint(facts):
                yield segment
            else:
                rows = zip(facts, decode_observations(segment), strict=True)
                yield encode_rows([self._true(fact, row) for fact, row in rows])

    def _close(self) -> None:
        self._parts.append((array("I", self._open), encode_rows(self._open.values())))
        self._open = {}

    def _true(self, fact: int, observation: Observation) -> Observation:
        amendment = self._amended.get(fact)
        if amendment is None:
            return observation
        distance, consumed = amendment
        merged = tuple(sorted(consumed.union(observation.consumed)))
        return msgspec.structs.replace(observation, scope_distance=distance, consumed=merged)
