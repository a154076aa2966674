"""The reducer: turns the segments of one wave into what is stored, and into the frontier of the next wave.

It reads the wave's own segments once and the compact deltas of the waves before it, never their observations;
it writes objects whose keys and bytes follow from its input alone, so running it again changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from contracts import facts
from contracts.observations import WEAKNESS_TYPES, Observation
from functions.intelligence.model.frontier import Frontier
from functions.intelligence.model.graph import Entity, Relation
from functions.intelligence.model.graph_delta import MAX_FAN, GraphDelta
from functions.intelligence.model.parts import Manifest, Noted, Part, graph_order, observation_order, pack
from functions.intelligence.model.state import NO_ROW, ReducerState
from functions.intelligence.model.weaknesses import module_detection

Sink = Callable[[str, bytes], object]
"""Writes one object: key, body."""
Told = Callable[[int, int, Sequence[Noted]], None]

PART_ROWS: Final = 5_000
SORTED_PARTS: Final = 8
"""Parts that are in order of time among themselves: the batches of a wave run at the same time, and who wants the
next rows must look into each part that is about it."""
GRAPH_ROWS: Final = 12_000

_encoder = msgspec.msgpack.Encoder()


def nobody(_part: int, _block: int, _rows: Sequence[Noted]) -> None:
    """Nobody is told."""


class Scan(msgspec.Struct, frozen=True):
    """Which scan is reduced, and how. `groups` names the independent source that a module speaks for, where that
    is not the module itself; `keep_attributes` are those that the rules read (`a.b` is `b` in the mapping `a`)."""

    tenant_id: str
    scan_id: str
    groups: dict[str, str] = {}
    keep_attributes: frozenset[str] = frozenset()
    max_fan: int = MAX_FAN


class WaveReducer:
    """Reduces one wave. Feed it observations with `add`, then take the manifest from `finish`. `told` is called with
    the numbers of part and block, and the rows, of each block of observations that is written."""

    def __init__(self, scan: Scan, state: ReducerState, wave: int, sink: Sink, told: Told = nobody) -> None:
        self._scan = scan
        self._state = state
        self._wave = wave
        self._sink = sink
        self._told = told
        self._plain = frozenset(name for name in scan.keep_attributes if "." not in name)
        self._nested = {name: name.split(".") for name in sorted(scan.keep_attributes - self._plain)}
        self._graph = GraphDelta(state, scan.groups, scan.max_fan)
        self._first_new_fact = len(state.digests)
        self._rows: list[Noted] = []
        self._frontier = Frontier(self._first_new_fact)
        self._weaknesses: list[msgspec.Raw] = []
        self._parts: list[Part] = []
        self._entity_parts: list[Part] = []
        self._relation_parts: list[Part] = []
        self._read = 0
        self.changed_types: set[str] = set()
        """Types of which facts are new or nearer; rules about others need not be evaluated again."""

    def add(self, observations: Iterable[Observation]) -> None:
        """Take in observations of the wave, in the order of its batches."""
        rows = self._state.rows
        for observation in observations:
            self._read += 1
            row = rows.get(observation.id)
            if row is None:
                self._store(observation)
            else:
                self._graph.corroborate(observation, row)
                self._meet_again(observation, self._state.row_facts[row])
        if len(self._graph.entities) >= GRAPH_ROWS or len(self._graph.relations) >= GRAPH_ROWS:
            self._write_graph()

    def _store(self, observation: Observation) -> None:
        state = self._state
        known_facts = len(state.digests)
        row = state.add_row(observation, state.rows.get(observation.source_id, NO_ROW))
        self._remember_attributes(observation.attributes, row)
        self.changed_types.add(observation.type)
        self._graph.add(observation, row)
        if observation.type in WEAKNESS_TYPES:
            self._weaknesses.append(msgspec.Raw(_encoder.encode(module_detection(observation, state))))
        self._rows.append(self._noted(observation, row))
        if len(self._rows) >= SORTED_PARTS * PART_ROWS:
            self._write_rows()
        fact = state.row_facts[row]
        if fact == known_facts:
            self._frontier.add(fact, observation)
        else:
            self._meet_again(observation, fact)

    def _noted(self, observation: Observation, row: int) -> Noted:
        """What is kept of a row until it is written: what many rows share is kept once."""
        state = self._state
        source = state.row_sources[row]
        return Noted(
            observation.observed_at,
            observation.id,
            state.type_of(state.row_facts[row]),
            state.modules.all[state.row_modules[row]],
            observation.confidence,
            observation.value,
            observation.source_id if source == NO_ROW else state.ids[source],
            _encoder.encode(observation),
        )

    def _remember_attributes(self, attributes: Mapping[str, Any], row: int) -> None:
        if not attributes:
            return
        for name in self._plain & attributes.keys():
            self._state.remember(row, name, attributes[name])
        for name, path in self._nested.items():
            value = _at(attributes, path)
            if value is not None:
                self._state.remember(row, name, value)

    def _meet_again(self, observation: Observation, fact: int) -> None:
        """A fact that is known: it may be nearer than thought, or processed by more modules than thought."""
        nearer = self._state.come_nearer(fact, observation.scope_distance)
        if nearer:
            self.changed_types.add(observation.type)
        if self._frontier.holds(fact):
            if nearer or observation.consumed:
                self._frontier.amend(fact, self._state.distances[fact], observation.consumed)
        elif nearer:
            self._frontier.add(fact, observation)

    def finish(self) -> Manifest:
        """Write what is left and the state's delta; returns the manifest, which the caller writes last."""
        self._write_rows()
        self._write_graph()
        frontier = self._write_frontier()
        weaknesses = self._write_weaknesses()
        new_facts = len(self._state.digests) - self._first_new_fact
        state_key = facts.state_key(self._scan.tenant_id, self._scan.scan_id, self._wave)
        self._sink(state_key, self._state.dump(self._wave))
        by_type, by_module = self._counts()
        return Manifest(
            wave=self._wave,
            observations=tuple(self._parts),
            entities=tuple(self._entity_parts),
            relations=tuple(self._relation_parts),
            frontier=frontier,
            weaknesses=weaknesses,
            state=state_key,
            read=self._read,
            stored=sum(part.rows for part in self._parts),
            new_facts=new_facts,
            frontier_facts=self._frontier.size,
            by_type=by_type,
            by_module=by_module,
            edges_left_out=self._graph.edges_left_out,
        )

    def _counts(self) -> tuple[dict[str, int], dict[str, int]]:
        types: Counter[str] = Counter()
        modules: Counter[str] = Counter()
        for part in self._parts:
            types.update(part.types)
            modules.update(part.modules)
        return dict(sorted(types.items())), dict(sorted(modules.items()))

    def _key(self, of: Callable[[str, str, int, int], str], part: int) -> str:
        return of(self._scan.tenant_id, self._scan.scan_id, self._wave, part)

    def _write_rows(self) -> None:
        self._rows.sort(key=observation_order)
        for start in range(0, len(self._rows), PART_ROWS):
            self._write_part(self._rows[start : start + PART_ROWS])
        self._rows = []

    def _write_part(self, rows: Sequence[Noted]) -> None:
        number = len(self._parts)
        key = self._key(facts.observations_key, number)
        part, body = pack(key, rows, observation_order, lambda block, some: self._told(number, block, some))
        self._sink(key, body)
        self._parts.append(part)

    def _write_graph(self) -> None:
        entities = self._graph.take_entities()
        if entities:
            key = self._key(facts.entities_key, len(self._entity_parts))
            self._entity_parts.append(self._write_sorted(key, entities))
        relations = self._graph.take_relations()
        if relations:
            key = self._key(facts.relations_key, len(self._relation_parts))
            self._relation_parts.append(self._write_sorted(key, relations))

    def _write_sorted(self, key: str, rows: Sequence[Entity | Relation]) -> Part:
        part, body = pack(key, rows, graph_order)
        self._sink(key, body)
        return part

    def _write_frontier(self) -> tuple[str, ...]:
        keys: list[str] = []
        for segment in self._frontier.parts():
            keys.append(self._key(facts.frontier_key, len(keys)))
            self._sink(keys[-1], segment)
        return tuple(keys)

    def _write_weaknesses(self) -> str | None:
        if not self._weaknesses:
            return None
        key = facts.weaknesses_key(self._scan.tenant_id, self._scan.scan_id, self._wave)
        self._sink(key, facts.encode_rows(self._weaknesses))
        self._weaknesses = []
        return key


def _at(attributes: Mapping[str, Any], path: list[str]) -> Any:
    value: Any = attributes
    for name in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value
