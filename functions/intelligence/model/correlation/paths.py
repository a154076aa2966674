"""Graph paths: which facts lie at the end of a chain of relations, and one chain that shows it for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from functions.intelligence.model.correlation.conditions import Condition, TypeCondition
from functions.intelligence.model.correlation.view import STEP, View


@dataclass(frozen=True, slots=True)
class Stop:
    """One step of a path made ready; `within` edges at most lead to it from the step before."""

    types: TypeCondition
    where: tuple[Condition, ...]
    within: int

    def rows(self, view: View) -> Sequence[int]:
        """The rows that can stand at this step."""
        rows = self.types.pick(view)
        for condition in self.where:
            rows = condition.keep(view, rows)
        return rows


def ends(view: View, stops: Sequence[Stop]) -> list[tuple[int, tuple[int, ...]]]:
    """The rows at the ends of the paths through `stops`, one for each fact, with a path's rows from first to last.

    The search goes up from the last stop and remembers what it found of each fact, so its cost is that of the edges
    above the last stop's facts; of many paths to one fact the first found stands for all.
    """
    search = _Search(view, stops)
    found: list[tuple[int, tuple[int, ...]]] = []
    for fact, row in view.watched(search.last.items()):
        trail = search.trail(len(stops) - 1, fact)
        if trail is not None:
            found.append((row, trail))
    return found


class _Search:
    """One search for paths. `allowed` holds, for each stop, the facts that can stand there and a row of each."""

    def __init__(self, view: View, stops: Sequence[Stop]) -> None:
        self._view = view
        self._stops = stops
        self._allowed = [_first_rows(view, stop.rows(view)) for stop in stops]
        self._known: dict[tuple[int, int, int], tuple[int, ...] | None] = {}
        self.last = self._allowed[-1] if all(self._allowed) else {}

    def trail(self, step: int, fact: int) -> tuple[int, ...] | None:
        """A path from the first stop to `fact`, which stands at `step`, as rows; None when there is none."""
        row = self._allowed[step][fact]
        if step == 0:
            return (row,)
        before = self._above(step, fact, self._stops[step].within)
        return None if before is None else (*before, row)

    def _above(self, step: int, fact: int, edges: int) -> tuple[int, ...] | None:
        """A path to the stop before `step` that lies at most so many edges above `fact`, the nearest first."""
        name = (step, fact, edges)
        if name not in self._known:
            if len(self._known) % STEP == 0:
                self._view.check()
            parents = self._view.parents(fact)
            self._known[name] = self._at(step - 1, parents) or self._beyond(step, parents, edges)
        return self._known[name]

    def _at(self, step: int, facts: Sequence[int]) -> tuple[int, ...] | None:
        trails = (self.trail(step, fact) for fact in facts if fact in self._allowed[step])
        return next((trail for trail in trails if trail is not None), None)

    def _beyond(self, step: int, facts: Sequence[int], edges: int) -> tuple[int, ...] | None:
        if edges == 1:
            return None
        trails = (self._above(step, fact, edges - 1) for fact in facts)
        return next((trail for trail in trails if trail is not None), None)


def _first_rows(view: View, rows: Sequence[int]) -> dict[int, int]:
    facts: dict[int, int] = {}
    for row in rows:
        facts.setdefault(view.state.row_facts[row], row)
    return facts
