"""Questions to a scan's observations: filters, pages and the timeline, over sorted parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from contracts.facts import decode_observations
from contracts.observations import Observation
from functions.intelligence.model.parts import Part, Read, observation_order, stream

END_OF_TIME: Final = "\U0010ffff"


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which observations are asked for; what is empty asks nothing.

    `contains` is a part of the value in any case, `since` and `until` are RFC 3339 UTC and inclusive.
    """

    types: frozenset[str] = frozenset()
    modules: frozenset[str] = frozenset()
    contains: str = ""
    min_confidence: float = 0.0
    since: str = ""
    until: str = ""

    def admits(self, observation: Observation) -> bool:
        """Whether one observation is asked for."""
        return (
            (not self.types or observation.type in self.types)
            and (not self.modules or observation.module in self.modules)
            and observation.confidence >= self.min_confidence
            and self.since <= observation.observed_at <= (self.until or END_OF_TIME)
            and self.contains.casefold() in observation.value.casefold()
        )

    def may_hold(self, part: Part) -> bool:
        """Whether a part can hold an observation that is asked for, by what its index says."""
        return (
            (not self.types or not self.types.isdisjoint(part.types))
            and (not self.modules or not self.modules.isdisjoint(part.modules))
            and part.max_confidence >= self.min_confidence
            and part.last[0] >= self.since
            and part.first[0] <= (self.until or END_OF_TIME)
        )


EVERYTHING: Final = Filter()


class Page(msgspec.Struct, frozen=True):
    """Some observations in order of time; `after` is the order to go on from, None at the end."""

    items: list[Observation]
    after: tuple[str, str] | None


def matching(
    parts: Iterable[Part], read: Read, wanted: Filter = EVERYTHING, after: tuple[str, ...] = ()
) -> Iterator[Observation]:
    """The observations that pass the filter, in order of (observed_at, id), from just past `after`."""

    def load(part: Part) -> list[Observation]:
        return [row for row in decode_observations(read(part.key)) if wanted.admits(row)]

    return stream([part for part in parts if wanted.may_hold(part)], load, observation_order, after)


def page(
    parts: Iterable[Part], read: Read, limit: int, wanted: Filter = EVERYTHING, after: tuple[str, ...] = ()
) -> Page:
    """At most `limit` (> 0) observations that pass the filter, oldest first."""
    found: list[Observation] = []
    for observation in matching(parts, read, wanted, after):
        if len(found) == limit:
            return Page(found, observation_order(found[-1]))
        found.append(observation)
    return Page(found, None)
