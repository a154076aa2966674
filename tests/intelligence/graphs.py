"""Scans of one tenant, taken into its graph in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from contracts.observations import Observation
from functions.intelligence.model.coverage import Seen
from functions.intelligence.model.graph import entity_key
from functions.intelligence.model.learning import Lesson, Snapshot, learn
from functions.intelligence.model.outline import Outline
from tests.intelligence.scans import MemoryScan

TARGETS = frozenset({"a.example"})
MODULES = frozenset({"resolve", "subdomains", "crawler", "certificate"})


class MemoryGraph:
    """A graph whose objects lie in a dict."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.snapshot = Snapshot()
        self._generation = 0

    def lesson(self, number: int, *waves: list[Observation], **told: Any) -> Lesson:
        """A scan, the number-th day's, that found these waves."""
        scan = MemoryScan()
        for wave in waves:
            scan.reduce(wave)
        prefix = f"scan{number}/"
        self.objects.update({prefix + key: body for key, body in scan.objects.items()})

        def moved(parts: Any) -> list[Any]:
            return [type(part)(prefix + part.key, *_rest(part)) for part in parts]

        entities = [part for manifest in scan.manifests for part in manifest.entities]
        relations = [part for manifest in scan.manifests for part in manifest.relations]
        return Lesson(seen_scan(number, **told), moved(entities), moved(relations))

    def learn(self, *lessons: Lesson, base: Snapshot | None = None) -> Outline:
        """The graph with these."""
        self._generation += 1
        generation = self._generation

        def key(kind: str, number: int) -> str:
            return f"graph/{generation}/{kind}-{number}"

        base = self.snapshot if base is None else base
        self.snapshot = learn(base, lessons, self.objects.__getitem__, self.objects.__setitem__, key)
        return self.outline

    @property
    def outline(self) -> Outline:
        return Outline.load(self.objects[self.snapshot.outline])


def seen_scan(number: int, **told: Any) -> Seen:
    ended = told.pop("ended_at", f"2026-01-{number:02}T12:00:00.000Z")
    known: dict[str, Any] = {"targets": TARGETS, "modules": MODULES, "is_whole": True, **told}
    return Seen(f"scan_{number}", f"Scan {number}", ended, **known)


def key_of(type_: str, value: str) -> str:
    return entity_key(type_, value)


def named(outline: Outline, nodes: Sequence[int]) -> list[str]:
    return [outline.values[node] for node in nodes]


def _rest(part: Any) -> tuple[Any, ...]:
    return tuple(getattr(part, name) for name in part.__struct_fields__[1:])
