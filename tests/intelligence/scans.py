"""Observations for tests, and scans that are reduced in memory."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import strategies as st

from contracts.facts import decode_observations, decode_rows, encode_rows
from contracts.observations import Observation, observation_id
from functions.intelligence.model.graph import Entity, Relation
from functions.intelligence.model.parts import Manifest, Part, Slice, merged
from functions.intelligence.model.reducer import Scan, WaveReducer
from functions.intelligence.model.state import ReducerState

TENANT, SCAN = "01TENANT", "scan_1"


def fact(type_: str, value: str, source: Observation | None = None, **fields: Any) -> Observation:
    """An observation with what a test does not care about filled in."""
    source_id = source.id if source else ""
    fields.setdefault("module", "resolve")
    fields.setdefault("module_version", "1.0.0")
    fields.setdefault("observed_at", "2026-01-01T00:00:00.000Z")
    id_ = observation_id(SCAN, type_, value, source_id)
    return Observation(id=id_, type=type_, value=value, source_id=source_id, **fields)


class MemoryScan:
    """A scan whose objects lie in a dict, reduced wave by wave, the state loaded afresh for each."""

    def __init__(self, **options: Any) -> None:
        self.scan = Scan(TENANT, SCAN, **options)
        self.objects: dict[str, bytes] = {}
        self.manifests: list[Manifest] = []

    def reduce(self, *batches: list[Observation]) -> Manifest:
        wave = len(self.manifests)
        state = ReducerState.load(self.objects[manifest.state] for manifest in self.manifests)
        reducer = WaveReducer(self.scan, state, wave, self.objects.__setitem__)
        for batch in batches:
            reducer.add(decode_observations(encode_rows(batch)))
        self.manifests.append(reducer.finish())
        return self.manifests[-1]

    def state(self) -> ReducerState:
        return ReducerState.load(self.objects[manifest.state] for manifest in self.manifests)

    def fetch(self, slices: Sequence[Slice]) -> list[bytes]:
        return [self.objects[each.key][each.start :][: each.size or None] for each in slices]

    def observation_parts(self) -> list[Part]:
        return [part for manifest in self.manifests for part in manifest.observations]

    def frontier(self, wave: int) -> list[Observation]:
        rows: list[Observation] = []
        for key in self.manifests[wave].frontier:
            rows += decode_rows(self.objects[key], Observation)
        return rows

    def entities(self) -> list[Entity]:
        parts = [part for manifest in self.manifests for part in manifest.entities]
        return list(merged(parts, Entity, self.objects.__getitem__))

    def relations(self) -> list[Relation]:
        parts = [part for manifest in self.manifests for part in manifest.relations]
        return list(merged(parts, Relation, self.objects.__getitem__))


TYPES = ("domain", "host", "ip", "port", "url", "misconfiguration", "banner")
MODULES = ("resolve", "subdomains", "crawler", "certificate")


@st.composite
def histories(draw: st.DrawFn, max_size: int = 40) -> list[Observation]:
    """Observations in the order a scan finds them: a source comes before what it led to; some come twice."""
    found: list[Observation] = []
    for number in range(draw(st.integers(1, max_size))):
        source = draw(st.sampled_from(found)) if found and draw(st.booleans()) else None
        again = draw(st.integers(0, 5)) == 0
        if found and again:
            known = draw(st.sampled_from(found))
            found.append(fact_like(known, draw(st.sampled_from(MODULES)), draw(st.floats(0, 1))))
            continue
        found.append(draw(_facts(source, number)))
    return found


def fact_like(known: Observation, module: str, confidence: float) -> Observation:
    """The same observation as another module reports it."""

    return msgspec.structs.replace(known, module=module, confidence=confidence)


@st.composite
def _facts(draw: st.DrawFn, source: Observation | None, number: int) -> Observation:
    attributes = {"check": draw(st.sampled_from(("a", "b"))), "severity": draw(st.sampled_from(("low", "high")))}
    return fact(
        draw(st.sampled_from(TYPES)),
        draw(st.sampled_from(("a.example", "b.example", "10.0.0.1", "192.0.2.7", "dev.example", "x:80"))),
        source,
        module=draw(st.sampled_from(MODULES)),
        observed_at=f"2026-01-01T00:00:{number % 60:02}.000Z",
        confidence=draw(st.sampled_from((0.2, 0.5, 1.0))),
        scope_distance=draw(st.integers(0, 3)),
        consumed=draw(st.sampled_from(((), ("crawler",), ("resolve",)))),
        attributes=attributes,
    )


def cut(history: list[Observation], cuts: list[int]) -> list[list[Observation]]:
    """A history as waves."""
    edges = [0, *sorted(min(cut, len(history)) for cut in cuts), len(history)]
    return [history[start:end] for start, end in pairwise(edges)]
