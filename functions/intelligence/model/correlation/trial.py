"""A rule tried on the facts of a scan as they are stored, whatever rules the scan had."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from contracts.observations import Observation
from functions.intelligence.model.correlation.compiled import RuleResult
from functions.intelligence.model.correlation.engine import RuleSet
from functions.intelligence.model.state import NO_ROW, ReducerState

ABSENT: Final = object()


def try_rules(rules: RuleSet, observations: Iterable[Observation]) -> list[RuleResult]:
    """What rules find in observations, which come in any order."""
    state = ReducerState()
    names = sorted(rules.attributes)
    for observation in sources_first(slim(observation, names) for observation in observations):
        row = state.add_row(observation, state.rows.get(observation.source_id, NO_ROW))
        state.come_nearer(state.row_facts[row], observation.scope_distance)
        for name, value in observation.attributes.items():
            state.remember(row, name, value)
    absorbed = rules.absorb(state, 0)
    return rules.evaluate(state, absorbed, set(state.types.all))


def slim(observation: Observation, names: Iterable[str]) -> Observation:
    """An observation with the named attributes alone (`a.b` is `b` in the mapping `a`), by their names."""
    found = {name: value for name in names if (value := _at(observation.attributes, name)) is not ABSENT}
    return msgspec.structs.replace(observation, attributes=found, consumed=())


def sources_first(observations: Iterable[Observation]) -> Iterator[Observation]:
    """Each observation once, after the one that led to it; in a circle, somewhere."""
    waiting = {observation.id: observation for observation in observations}
    for id_ in list(waiting):
        trail: list[Observation] = []
        while (found := waiting.pop(id_, None)) is not None:
            trail.append(found)
            id_ = found.source_id
        yield from reversed(trail)


def _at(attributes: Mapping[str, Any], name: str) -> Any:
    if "." not in name:
        return attributes.get(name, ABSENT)
    value: Any = attributes
    for part in name.split("."):
        if not isinstance(value, Mapping):
            return ABSENT
        value = value.get(part)
    return ABSENT if value is None else value
