"""Reads what a module yields and turns it into observations, refusing what breaks the rules of a fact."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec

from contracts.modules import ModuleFace
from contracts.observations import Observation, ObservationType, canonical, observation_id
from contracts.scope import ScopeProof, host_of
from functions.collection.journal import Journal
from functions.collection.module import Found

_encoder = msgspec.msgpack.Encoder()
_KNOWN_TYPES = frozenset(item.value for item in ObservationType)
_ABOUT_A_HOST = frozenset(
    {
        ObservationType.DOMAIN, ObservationType.HOST, ObservationType.IP, ObservationType.PORT,
        ObservationType.SERVICE, ObservationType.BANNER, ObservationType.URL, ObservationType.HTTP_RESPONSE,
        ObservationType.WEB_FORM, ObservationType.WEB_PARAM, ObservationType.MAIL_SERVER, ObservationType.EMAIL,
        ObservationType.FILE,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """What one batch may take. Times are seconds; `grace_seconds` is how long after the deadline work in flight
    may still end; `seized_seconds` how long a module may compute without yielding to the event loop."""

    observation_seconds: float = 120.0
    grace_seconds: float = 2.0
    cleanup_seconds: float = 5.0
    seized_seconds: float = 10.0
    found_per_observation: int = 50_000
    found_per_batch: int = 200_000
    value_chars: int = 8_192
    attribute_bytes: int = 64 * 1024


def _said(observation: Observation) -> bytes:
    return msgspec.json.encode(observation.attributes, order="deterministic")


class Rejected(Exception):
    """A fact that breaks a rule."""


class Reader:
    """Collects the observations of a batch by id, so that the same fact from the same source counts once."""

    def __init__(
        self,
        face: ModuleFace,
        scan_id: str,
        prove: Callable[[str], ScopeProof | None],
        limits: BatchLimits,
        journal: Journal,
        now: Callable[[], str],
    ) -> None:
        self._face = face
        self._produces = frozenset(face.produces)
        self._scan_id = scan_id
        self._prove = prove
        self._limits = limits
        self._journal = journal
        self._now = now
        self._kept: dict[str, Observation] = {}
        self.rejected = 0

    def take(self, source: Observation, founds: Iterable[object]) -> None:
        """Keep what a module found in `source`, up to the limits."""
        seen_at = self._now()
        parents: dict[int, tuple[Found, Observation]] = {}
        for count, found in enumerate(founds):
            if count >= self._limits.found_per_observation or len(self._kept) >= self._limits.found_per_batch:
                self.rejected += 1
                self._journal.note("warning", f"more than {count} facts: the rest was dropped", source)
                return
            try:
                self._keep(source, found, seen_at, parents)
            except Rejected as error:
                self.rejected += 1
                self._journal.note("warning", f"a fact was dropped: {error}", source)

    def observations(self) -> list[Observation]:
        """Everything kept, sorted by type, value, what it says, and source. Ids differ from scan to scan: of several
        tellings of a fact the same one comes first in each, and two scans of an unchanged site know the same."""
        return sorted(self._kept.values(), key=lambda o: (o.type, o.value, _said(o), o.source_id))

    def _keep(
        self, source: Observation, found: object, seen_at: str, known: dict[int, tuple[Found, Observation]]
    ) -> Observation:
        """The observation of a found fact. `known` holds those of this task by identity, beside the fact itself so
        that its identity is not used again."""
        found = self._checked(found)
        if id(found) in known:
            return known[id(found)][1]
        if found.parent is not None:
            source = self._keep(source, found.parent, seen_at, known)
        observation = self._observation(source, found, seen_at)
        kept = self._kept.setdefault(observation.id, observation)
        if observation.confidence > kept.confidence:
            kept = self._kept[observation.id] = observation
        known[id(found)] = (found, kept)
        return kept

    def _checked(self, found: object) -> Found:
        if not isinstance(found, Found):
            raise Rejected(f"a {type(found).__name__} is not a fact")
        if found.type not in _KNOWN_TYPES or found.type not in self._produces:
            raise Rejected(f"the module does not declare the type {str(found.type)[:40]!r}")
        if not isinstance(found.value, str) or not found.value.strip():
            raise Rejected(f"the value of a {found.type} is no text")
        if len(found.value) > self._limits.value_chars:
            raise Rejected(f"a value of {len(found.value)} characters, at most {self._limits.value_chars}")
        if not (isinstance(found.confidence, int | float) and 0 <= found.confidence <= 1):
            raise Rejected("a confidence is a number from 0 to 1")
        self._check_attributes(found)
        return found

    def _check_attributes(self, found: Found) -> None:
        try:
            size = len(_encoder.encode((found.value, found.attributes)))
        except (TypeError, ValueError, RecursionError, OverflowError) as error:
            raise Rejected(f"it cannot be stored: {error}") from error
        if not isinstance(found.attributes, dict):
            raise Rejected("its attributes are no mapping")
        if size > self._limits.attribute_bytes:
            raise Rejected(f"attributes of {size} bytes, at most {self._limits.attribute_bytes}")

    def _observation(self, source: Observation, found: Found, seen_at: str) -> Observation:
        value = canonical(found.type, found.value)
        return Observation(
            id=observation_id(self._scan_id, found.type, value, source.id),
            type=str(found.type),
            value=value,
            source_id=source.id,
            module=self._face.name,
            module_version=self._face.version,
            observed_at=seen_at,
            attributes=found.attributes,
            scope_distance=self._distance(source, found, value),
            confidence=float(found.confidence),
            invasiveness=self._face.invasiveness.value,
            consumed=(self._face.name,) if found.consumed else (),
        )

    def _distance(self, source: Observation, found: Found, value: str) -> int:
        """0 for a fact about a host in scope, one more than its source for any other host. A fact that names no
        host (a technology, a secret) is as near as where it was found."""
        asset = found.attributes.get("asset")
        if found.type in _ABOUT_A_HOST:
            return 0 if self._prove(host_of(value)) else source.scope_distance + 1
        if isinstance(asset, str) and self._prove(host_of(asset)):
            return 0
        return source.scope_distance
