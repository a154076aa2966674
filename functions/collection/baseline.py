"""What an earlier scan of the same targets did, so that a rescan does only what has changed. Pure.

A task is left out, and what it found taken over, when the earlier scan gave the same module (same version, same
settings) the same fact, and the module either works on that fact's content alone, or did so recently enough.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from contracts.modules import ModuleFace
from contracts.observations import BODY, INCIDENTAL, Invasiveness, Observation, ObservationType, observation_id
from contracts.scans import ScanBrief
from functions.collection.model import BatchInput
from kernel import clock

CONTENT_TYPES = frozenset(
    {
        ObservationType.HTTP_RESPONSE,
        ObservationType.BANNER,
        ObservationType.CERTIFICATE,
        ObservationType.DNS_RECORD,
        ObservationType.FILE,
        ObservationType.METADATA,
        ObservationType.SOFTWARE,
        ObservationType.TECHNOLOGY,
        ObservationType.TLS_CONFIG,
    }
)
"""Facts that say all there is to know for a passive module: the same value with the same attributes is unchanged."""

Pair = tuple[str, str, str]
"""Module, type and value."""


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Where the earlier scan handled a pair: module, type and value; wave and batch, and its own observation."""

    module: str
    type: str
    value: str
    wave: int
    batch: int
    observation_id: str
    fingerprint: bytes
    observed_at: str


class Baseline:
    """What an earlier scan handled, by module and fact."""

    def __init__(self, brief: ScanBrief, places: Iterable[Place]) -> None:
        self._brief = brief
        self._places: dict[Pair, Place] = {(each.module, each.type, each.value): each for each in places}

    def reusable(self, face: ModuleFace, fact: Observation) -> Place | None:
        """Where the task was done before, if what came of it still holds."""
        place = self._places.get((face.name, fact.type, fact.value))
        if place is None:
            return None
        is_same = place.fingerprint == fingerprint(fact)
        if is_same and works_on_content(face):
            return place
        return place if self._is_fresh(place.observed_at) else None

    def _is_fresh(self, observed_at: str) -> bool:
        minutes = self._brief.fresh_minutes
        return minutes > 0 and clock.parse(observed_at) >= self._began() - timedelta(minutes=minutes)

    def _began(self) -> datetime:
        return clock.parse(self._brief.started_at or self._brief.created_at)


def places(
    brief: ScanBrief, faces: Mapping[str, ModuleFace], wave: int, number: int, batch: BatchInput, left: set[str]
) -> Iterator[Place]:
    """What a batch of the earlier scan handled, as far as the rescan `brief` may take it over; `left` are the ids of
    the observations that the batch handed on."""
    face = faces.get(batch.module)
    if face is None or not (works_on_content(face) or brief.fresh_minutes):
        return
    if (batch.version, _digest(batch.config)) != (brief.modules.get(face.name), _digest(_settings(brief, face.name))):
        return
    for fact in batch.observations:
        if fact.id not in left:
            yield Place(face.name, fact.type, fact.value, wave, number, fact.id, fingerprint(fact), fact.observed_at)


def works_on_content(face: ModuleFace) -> bool:
    """Whether what a module finds follows from the fact that it is given, and from nothing else."""
    return face.invasiveness is Invasiveness.PASSIVE and CONTENT_TYPES.issuperset(face.consumes)


def fingerprint(fact: Observation) -> bytes:
    """What a fact says, without when and where it was stored, and how it is asked for again."""
    said = {name: value for name, value in fact.attributes.items() if name not in INCIDENTAL}
    return hashlib.blake2b(msgspec.json.encode([fact.type, fact.value, said], order="deterministic")).digest()[:16]


def _settings(brief: ScanBrief, module: str) -> Mapping[str, Any]:
    return brief.module_configs.get(module, {})


def _digest(settings: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def taken_over(scan_id: str, fact: Observation, place: Place, rows: Sequence[Observation]) -> list[Observation] | None:
    """What the earlier task found among `rows`, as facts of this scan: each follows from `fact`, directly or through
    another one. None when one points at a stored body, which this scan does not have: the task must be done again."""
    names = {place.observation_id: fact.id}
    children: dict[str, list[Observation]] = {}
    for row in rows:
        children.setdefault(row.source_id, []).append(row)
    found: list[Observation] = []
    waiting = [place.observation_id]
    while waiting:
        source = waiting.pop()
        for row in children.pop(source, ()):
            if BODY in row.attributes:
                return None
            names[row.id] = observation_id(scan_id, row.type, row.value, names[source])
            waiting.append(row.id)
            found.append(msgspec.structs.replace(row, id=names[row.id], source_id=names[source]))
    return found
