"""Graph paths: which facts lie at the end of a chain of relations, and one chain that shows it for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from functions.intelligence.model.correlation.conditions import Condition, TypeCondition
from functions.intelligence.model.correlation.view import View


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

    The search goes up from the last stop, step by step and each fact once, so its cost is that of the edges above
    the last stop's facts; of many paths to one fact the first found stands for all.
    """
    allowed = [_first_rows(view, stop.rows(view)) for stop in stops]
    last = len(stops) - 1
    found: list[tuple[int, tuple[int, ...]]] = []
    memory: list[dict[int, tuple[int, ...] | None]] = [{} for _ in stops]
    for fact, row in allowed[last].items():
        trail = _trail(view, stops, allowed, memory, last, fact)
        if trail is not None:
            found.append((row, trail))
    return found


def _first_rows(view: View, rows: Sequence[int]) -> dict[int, int]:
    facts: dict[int, int] = {}
    for row in rows:
        facts.setdefault(view.state.row_facts[row], row)
    return facts


def _trail(
    view: View,
    stops: Sequence[Stop],
    allowed: list[dict[int, int]],
    memory: list[dict[int, tuple[int, ...] | None]],
    step: int,
    fact: int,
) -> tuple[int, ...] | None:
    """A path from the first stop to `fact` at `step`, as rows; None when there is none."""
    if step == 0:
        return (allowed[0][fact],)
    known = memory[step]
    if fact not in known:
        known[fact] = None
        for above in _facts_above(view, fact, stops[step].within):
            if above not in allowed[step - 1]:
                continue
            before = _trail(view, stops, allowed, memory, step - 1, above)
            if before is not None:
                known[fact] = (*before, allowed[step][fact])
                break
    return known[fact]


def _facts_above(view: View, fact: int, within: int) -> list[int]:
    """The facts at most `within` edges above a fact, nearest first."""
    reached: dict[int, None] = {}
    level = [fact]
    for _ in range(within):
        level = [source for below in level for _, source in view.sources_of_fact(below) if source not in reached]
        reached.update(dict.fromkeys(level))
        level = list(dict.fromkeys(level))
    return list(reached)
