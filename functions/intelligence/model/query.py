"""Questions to a scan's observations: filters, pages and the timeline, over sorted parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import msgspec

from contracts.facts import decode_observations
from contracts.observations import Observation
from functions.intelligence.model.parts import (
    Block,
    Order,
    Part,
    Read,
    Run,
    Slice,
    observation_order,
    runs,
    stream,
    whole,
)

END_OF_TIME: Final = "\U0010ffff"
MAX_BLOCKS: Final = 36
"""Blocks that one page reads: what is rarer than that is found on a later page, and no page takes long."""
AHEAD: Final = (4, 12, 20)
"""Blocks that are fetched at once: few at first, because a page is often full with them."""
BEYOND: Final = 16
"""Blocks that a page reads at least beyond those in the middle of which the one before ended: it gets further, however
many parts overlap in time."""
NEAR: Final = 32 * 1024
"""Bytes between two slices of an object that are fetched with them, rather than asked for twice."""

Fetch = Callable[[Sequence[Slice]], list[bytes]]
"""Reads slices of objects, at once where it can."""


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which observations are asked for; what is empty asks nothing.

    `value` is the whole value as it is stored; `prefix` its beginning and `contains` a part of it, both in any case.
    `source` is the id of the observation that led to it. `since` and `until` are RFC 3339 UTC and inclusive.
    """

    types: frozenset[str] = frozenset()
    modules: frozenset[str] = frozenset()
    value: str = ""
    prefix: str = ""
    contains: str = ""
    source: str = ""
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
            and (not self.source or observation.source_id == self.source)
            and self._admits_value(observation.value)
        )

    def _admits_value(self, value: str) -> bool:
        if self.value and value != self.value:
            return False
        if not (self.prefix or self.contains):
            return True
        folded = value.casefold()
        return folded.startswith(self.prefix.casefold()) and self.contains.casefold() in folded

    def admitted(self, part: Part) -> Sequence[Block]:
        """The blocks of a part that can hold an observation which is asked for, by what is said of them."""
        if (
            (self.types and self.types.isdisjoint(part.types))
            or (self.modules and self.modules.isdisjoint(part.modules))
            or part.max_confidence < self.min_confidence
            or part.last[0] < self.since
            or part.first[0] > (self.until or END_OF_TIME)
        ):
            return ()
        if not (self.types or self.modules or self.min_confidence or self.until):
            return part.blocks
        wanted = self._mask(part)
        return [
            block
            for block in part.blocks
            if block.max_confidence >= self.min_confidence
            and block.first[0] <= (self.until or END_OF_TIME)
            and (
                int.from_bytes(block.kinds, "little") & wanted
                if block.kinds
                else not (self.modules and self.modules.isdisjoint(block.modules))
            )
        ]

    def _mask(self, part: Part) -> int:
        """The kinds of a part that are asked for."""
        return sum(
            1 << number
            for number, (type_, module) in enumerate(part.kinds)
            if (not self.types or type_ in self.types) and (not self.modules or module in self.modules)
        )


EVERYTHING: Final = Filter()


class Page(msgspec.Struct, frozen=True):
    """Some observations in order of time; `after` is the order to go on from, None at the end. A page may be short,
    or empty, and not be the last."""

    items: list[Observation]
    after: tuple[str, str] | None


class _EnoughRead(Exception):
    """A page has read as many blocks as it may; the rows from `first` on are for the next one."""

    def __init__(self, first: Order) -> None:
        self.first = first


class _Ahead:
    """Loads the blocks of a page: each time one is missing it is fetched with those that come next, at once."""

    def __init__(self, wanted: Sequence[Run], fetch: Fetch, chosen: Filter, after: Order) -> None:
        blocks = [(block.first, age, run.part.key, block) for age, run in enumerate(wanted) for block in run.blocks]
        self._waiting = sorted(blocks, key=lambda each: each[:2], reverse=True)
        self._fetch = fetch
        self._chosen = chosen
        self._steps = _steps(sum(first <= after for first, _, _, _ in blocks))
        self._kept: dict[tuple[str, int], bytes] = {}

    def __call__(self, part: Part, block: Block) -> list[Observation]:
        if (part.key, block.start) not in self._kept:
            self._more(block.first)
        segment = self._kept.pop((part.key, block.start))
        return [row for row in decode_observations(segment) if self._chosen.admits(row)]

    def _more(self, first: Order) -> None:
        step = next(self._steps, 0)
        if not step:
            raise _EnoughRead(first)
        some = [self._waiting.pop()[2:] for _ in range(min(step, len(self._waiting)))]
        slices = [Slice(key, block.start, block.size) for key, block in some]
        found = together(slices, self._fetch)
        self._kept |= {(each.key, each.start): body for each, body in zip(slices, found, strict=True)}


def _steps(begun: int) -> Iterator[int]:
    """How many blocks are fetched each time. All `begun` ones, which hold rows on both sides of where the page before
    ended, are needed before the first row is known."""
    left = max(MAX_BLOCKS, begun + BEYOND)
    for step in (AHEAD[0] + begun, *AHEAD[1:]):
        yield min(step, left)
        left -= min(step, left)


def together(slices: Sequence[Slice], fetch: Fetch) -> list[bytes]:
    """The slices, in their order; those that lie close to each other are fetched as one."""
    order = sorted(range(len(slices)), key=lambda number: slices[number])
    spans: list[Slice] = []
    places: dict[int, tuple[int, int]] = {}
    for number in order:
        key, start, size = slices[number]
        last = spans[-1] if spans else None
        if last and last.key == key and start <= last.start + last.size + NEAR:
            spans[-1] = Slice(key, last.start, max(last.size, start + size - last.start))
        else:
            spans.append(slices[number])
        places[number] = (len(spans) - 1, start - spans[-1].start)
    bodies = fetch(spans)
    return [
        bodies[span][begin : begin + slices[number].size]
        for number, (span, begin) in ((number, places[number]) for number in range(len(slices)))
    ]


def page(
    parts: Iterable[Part],
    fetch: Fetch,
    limit: int,
    wanted: Filter = EVERYTHING,
    after: Order = (),
    chosen: frozenset[tuple[str, int]] | None = None,
) -> Page:
    """At most `limit` (> 0) observations that pass the filter, oldest first, from a bounded number of blocks.

    `chosen` are the only blocks (key, start) that an index of all the parts has named; None asks no index.
    """

    def admitted(part: Part) -> Sequence[Block]:
        blocks = wanted.admitted(part)
        return blocks if chosen is None else [block for block in blocks if (part.key, block.start) in chosen]

    begin = _not_before(wanted, after)
    read = runs(parts, begin, admitted)
    found: list[Observation] = []
    try:
        for observation in stream(read, _Ahead(read, fetch, wanted, begin), observation_order, begin):
            if len(found) == limit:
                return Page(found, observation_order(found[-1]))
            found.append(observation)
    except _EnoughRead as enough:
        return Page(found, _just_before(enough.first))
    return Page(found, None)


def _not_before(wanted: Filter, after: Order) -> Order:
    """Where to begin: what was observed earlier than is asked for is left unread."""
    return max(after, (wanted.since,)) if wanted.since else after


def matching(
    parts: Iterable[Part], read: Read, wanted: Filter = EVERYTHING, after: Order = ()
) -> Iterator[Observation]:
    """All observations that pass the filter, in order of (observed_at, id), from just past `after`."""
    load = whole(read, Observation)
    begin = _not_before(wanted, after)
    rows = stream(runs(parts, begin, wanted.admitted), load, observation_order, begin)
    return (row for row in rows if wanted.admits(row))


def _just_before(order: Order) -> tuple[str, str]:
    """The order after which this one comes next: its id with the last character one less, and then the greatest."""
    at, id_ = order
    return (at, f"{id_[:-1]}{chr(ord(id_[-1]) - 1)}{END_OF_TIME}" if id_ else "")
