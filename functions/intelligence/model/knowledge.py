"""What a tenant's scans know together: entities and relations with each source's latest word, who saw them when, and
what about them changed.

Two rows of one order become one by `absorb`, in whichever order scans are taken in: a source's later word counts,
an attribute has the value of the later sighting, and a value that was another one before is a change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from contracts.observations import INCIDENTAL
from functions.intelligence.model.confidence import decayed, noisy_or
from functions.intelligence.model.graph import (
    MAX_ATTRIBUTES,
    SORT_CHARACTERS,
    Entity,
    Relation,
    worse,
)

MAX_SIGHTINGS: Final = 20
"""Scans that an entity names, the latest ones; it counts all."""
MAX_CHANGES: Final = 20
MAX_CHANGE_CHARACTERS: Final = 200
VOLATILE: Final = frozenset({"elapsed", "elapsed_ms", "seconds", "duration", "observed_at", "length"}) | INCIDENTAL
"""Attributes that differ from one look to the next and say nothing by it."""

Word = tuple[float, str]
"""How sure a source was, and when."""


class Sighting(msgspec.Struct, array_like=True, frozen=True, order=True):
    """That a scan saw something: from when to when, RFC 3339."""

    last: str
    first: str
    scan_id: str


class Change(msgspec.Struct, array_like=True, frozen=True, order=True):
    """That an attribute was another one before: when the new one was seen, by which scan, and both values as text."""

    at: str
    scan_id: str
    name: str
    before: str
    after: str


class KnownEntity(msgspec.Struct, array_like=True, gc=False):
    """A thing that a tenant's scans know: all that they say of one (type, value)."""

    key: str
    type: str
    value: str
    first_seen: str = ""
    last_seen: str = ""
    sources: dict[str, Word] = {}
    attributes: dict[str, Any] = {}
    sightings: list[Sighting] = []
    scans: int = 0
    observations: int = 0
    changes: list[Change] = []
    risk: str = ""
    distance: int = 0

    @property
    def order(self) -> tuple[str, str, str]:
        """Where it stands in a sorted part."""
        return (self.type, self.value[:SORT_CHARACTERS], self.key)

    def confidence(self, now: str) -> float:
        """How sure it is at an instant: the noisy-or of what is left of each source's word."""
        return current(self.type, self.sources, now)

    def absorb(self, other: KnownEntity) -> None:
        """Take in what other scans say of the same."""
        mine, theirs = (self.last_seen, self.sightings), (other.last_seen, other.sightings)
        older, newer = (other, self) if mine > theirs else (self, other)
        self.changes = sorted({*self.changes, *other.changes, *_changes(older, newer)})[-MAX_CHANGES:]
        self.attributes = _newest(older.attributes, newer.attributes)
        self.risk = newer.risk if newer.distance <= older.distance and newer.risk else worse(self.risk, other.risk)
        self.first_seen = min(self.first_seen, other.first_seen)
        self.last_seen = max(self.last_seen, other.last_seen)
        merge_words(self.sources, other.sources)
        self.sightings = sorted({*self.sightings, *other.sightings})[-MAX_SIGHTINGS:]
        self.scans += other.scans
        self.observations += other.observations
        self.distance = min(self.distance, other.distance)


class KnownRelation(msgspec.Struct, array_like=True, gc=False):
    """An edge that a tenant's scans know, between two entities' keys."""

    source: str
    target: str
    name: str
    first_seen: str = ""
    last_seen: str = ""
    sources: dict[str, Word] = {}
    scans: int = 0
    observations: int = 0

    @property
    def order(self) -> tuple[str, str, str]:
        """Where it stands in a sorted part."""
        return (self.source, self.target, self.name)

    def absorb(self, other: KnownRelation) -> None:
        """Take in what other scans say of the same."""
        self.first_seen = min(self.first_seen, other.first_seen)
        self.last_seen = max(self.last_seen, other.last_seen)
        merge_words(self.sources, other.sources)
        self.scans += other.scans
        self.observations += other.observations


def known_entity(row: Entity, scan_id: str) -> KnownEntity:
    """What one scan says of an entity."""
    return KnownEntity(
        row.key,
        row.type,
        row.value,
        row.first_seen,
        row.last_seen,
        {source: (confidence, row.last_seen) for source, confidence in row.sources.items()},
        row.attributes,
        [Sighting(row.last_seen, row.first_seen, scan_id)],
        1,
        row.count,
        risk=row.risk,
        distance=row.distance,
    )


def known_relation(row: Relation) -> KnownRelation:
    """What one scan says of a relation."""
    words = {source: (confidence, row.last_seen) for source, confidence in row.sources.items()}
    return KnownRelation(row.source, row.target, row.name, row.first_seen, row.last_seen, words, 1, row.count)


def as_entity(row: KnownEntity, now: str) -> Entity:
    """An entity as a scan's graph has it, each source as sure as it is by now."""
    left = {source: decayed(confidence, row.type, at, now) for source, (confidence, at) in row.sources.items()}
    return Entity(
        *(row.key, row.type, row.value, row.first_seen, row.last_seen, left, row.attributes),
        count=row.observations,
        distance=row.distance,
        risk=row.risk,
    )


def as_relation(row: KnownRelation) -> Relation:
    """A relation as a scan's graph has it."""
    words = {source: confidence for source, (confidence, _) in row.sources.items()}
    return Relation(row.source, row.target, row.name, row.first_seen, row.last_seen, words, count=row.observations)


def current(type_: str, sources: Mapping[str, Word], now: str) -> float:
    """The noisy-or of what is left at `now` of each source's word about something of a type."""
    return noisy_or(decayed(confidence, type_, at, now) for confidence, at in sources.values())


def merge_words(into: dict[str, Word], more: Mapping[str, Word]) -> None:
    """A source's later word counts; of two at once, the surer one."""
    for name, (confidence, at) in more.items():
        known = into.get(name)
        if known is None or (at, confidence) > (known[1], known[0]):
            into[name] = (confidence, at)


def _changes(older: KnownEntity, newer: KnownEntity) -> list[Change]:
    scan_id = newer.sightings[-1].scan_id if newer.sightings else ""
    return [
        Change(newer.last_seen, scan_id, name, _text(older.attributes[name]), _text(value))
        for name, value in newer.attributes.items()
        if name not in VOLATILE and name in older.attributes and _plain(older.attributes[name]) != _plain(value)
    ]


def _plain(value: Any) -> Any:
    """A value without what storing it may change: a tuple is a list."""
    return list(value) if isinstance(value, tuple) else value


def _newest(older: Mapping[str, Any], newer: Mapping[str, Any]) -> dict[str, Any]:
    both = {**newer, **{name: value for name, value in older.items() if name not in newer}}
    return {name: both[name] for name in list(both)[:MAX_ATTRIBUTES]}


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text[:MAX_CHANGE_CHARACTERS]
