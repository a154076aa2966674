"""One wave from its segments to what is stored, correlation included: what the reducer's door calls."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from contracts import facts
from functions.intelligence.model.correlation.engine import RuleSet
from functions.intelligence.model.parts import Manifest, Written, written
from functions.intelligence.model.reducer import Scan, Sink, Told, WaveReducer, nobody
from functions.intelligence.model.state import ReducerState


def reduce_wave(
    scan: Scan,
    wave: int,
    states: Iterable[bytes],
    segments: Iterable[bytes],
    rules: RuleSet,
    sink: Sink,
    made_of: Sequence[Written] = (),
    told: Told = nobody,
) -> Manifest:
    """Reduce wave `wave` and evaluate the rules that it can have changed; returns the manifest, written last.

    `states` are the deltas of the waves before, `segments` the batches of this one, each in order; `made_of` says
    what the segments are, when they have been read; `told` is called with each block of observations that is written.
    Doing it again writes the same objects.
    """
    objects: list[Written] = []

    def noting(key: str, body: bytes) -> None:
        objects.append(written(key, body))
        sink(key, body)

    state = ReducerState.load(states)
    first_row = len(state.ids)
    kept = scan.keep_attributes | rules.attributes
    reducer = WaveReducer(msgspec.structs.replace(scan, keep_attributes=kept), state, wave, noting, told)
    for segment in segments:
        reducer.add(facts.decode_observations(segment))
    touched = rules.absorb(state, first_row)
    manifest, changed_types = reducer.finish(), reducer.changed_types
    del reducer  # what a large wave leaves behind is not kept through the correlation
    results = rules.evaluate(state, touched, changed_types)
    if results:
        key = facts.detections_key(scan.tenant_id, scan.scan_id, wave)
        noting(key, facts.encode_rows(results))
        manifest = msgspec.structs.replace(manifest, detections=key)
    manifest = msgspec.structs.replace(manifest, objects=tuple(objects), segments=tuple(made_of))
    sink(facts.manifest_key(scan.tenant_id, scan.scan_id, wave), facts.encode_rows([manifest]))
    return manifest
