"""What one wave adds to the graph, gathered in memory and given out as sorted rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from contracts.observations import WEAKNESS_TYPES, Observation
from functions.intelligence.model.graph import (
    MAX_OBSERVATION_IDS,
    Entity,
    Relation,
    merge_attributes,
    relation_name,
    worse,
)
from functions.intelligence.model.state import NO_ROW, ReducerState

MAX_FAN: Final = 2000
"""Edges kept on either side of an entity: an address that a million hosts share is one fact, not a million edges."""


class GraphDelta:
    """Entities and relations since the last time they were taken."""

    def __init__(self, state: ReducerState, groups: Mapping[str, str], max_fan: int = MAX_FAN) -> None:
        self._state = state
        self._groups = groups
        self._max_fan = max_fan
        self.entities: dict[int, Entity] = {}
        self.relations: dict[tuple[int, int], Relation] = {}
        self.edges_left_out = 0

    def add(self, observation: Observation, row: int) -> None:
        """Take in a distinct observation that the state holds in `row`."""
        fact = self._state.row_facts[row]
        self._see(self._entity(fact, observation.value), observation)
        source_row = self._state.row_sources[row]
        if source_row == NO_ROW:
            return
        source = self._state.row_facts[source_row]
        if source != fact:
            self._relate(source, fact, observation)
        if observation.type in WEAKNESS_TYPES:
            self._endanger(source, fact, str(observation.attributes.get("severity", "")))

    def corroborate(self, observation: Observation, row: int) -> None:
        """A module repeats what another has said: an independent source of the same observation."""
        fact = self._state.row_facts[row]
        entity = self._entity(fact, observation.value)
        entity.distance = min(entity.distance, observation.scope_distance)
        self._credit(entity.sources, observation)
        source_row = self._state.row_sources[row]
        if source_row == NO_ROW:
            return
        source = self._state.row_facts[source_row]
        if source != fact and (relation := self._known_relation(source, fact)):
            self._credit(relation.sources, observation)

    def take_entities(self) -> list[Entity]:
        """The entities in order; the delta forgets them."""
        rows = sorted(self.entities.values(), key=lambda entity: entity.order)
        self.entities = {}
        return rows

    def take_relations(self) -> list[Relation]:
        """The relations in order; the delta forgets them."""
        rows = sorted(self.relations.values(), key=lambda relation: relation.order)
        self.relations = {}
        return rows

    def _entity(self, fact: int, value: str | None = None) -> Entity:
        entity = self.entities.get(fact)
        if entity is None:
            state = self._state
            whole = state.fact_values[fact] if value is None else value
            key = state.digests[fact].hex()
            entity = Entity(key, state.type_of(fact), whole, distance=state.distances[fact])
            self.entities[fact] = entity
        return entity

    def _see(self, entity: Entity, observation: Observation) -> None:
        _touch(entity, observation)
        self._credit(entity.sources, observation)
        if observation.attributes:
            merge_attributes(entity.attributes, observation.attributes)
        entity.distance = min(entity.distance, observation.scope_distance)

    def _relate(self, source: int, target: int, observation: Observation) -> None:
        relation = self.relations.get((source, target))
        if relation is None:
            if not self._state.fan(source, target, self._max_fan):
                self._leave_out(source)
                return
            relation = self.relations[source, target] = self._new_relation(source, target)
        _touch(relation, observation)
        self._credit(relation.sources, observation)

    def _known_relation(self, source: int, target: int) -> Relation | None:
        """A relation that was kept before; None at the cap, where it may have been left out."""
        relation = self.relations.get((source, target))
        if relation is None and self._state.has_room(source, target, self._max_fan):
            relation = self.relations[source, target] = self._new_relation(source, target)
        return relation

    def _new_relation(self, source: int, target: int) -> Relation:
        state = self._state
        name = relation_name(state.type_of(source), state.type_of(target))
        return Relation(state.digests[source].hex(), state.digests[target].hex(), name)

    def _leave_out(self, source: int) -> None:
        self._entity(source).edges_left_out += 1
        self.edges_left_out += 1

    def _endanger(self, source: int, weakness: int, severity: str) -> None:
        for fact in (source, weakness):
            entity = self._entity(fact)
            entity.risk = worse(entity.risk, severity)

    def _credit(self, sources: dict[str, float], observation: Observation) -> None:
        group = self._groups.get(observation.module, observation.module)
        if observation.confidence > sources.get(group, -1.0):
            sources[group] = observation.confidence


def _touch(row: Entity | Relation, observation: Observation) -> None:
    at = observation.observed_at
    if not row.first_seen or at < row.first_seen:
        row.first_seen = at
    if at > row.last_seen:
        row.last_seen = at
    row.count += 1
    if row.count <= MAX_OBSERVATION_IDS:
        row.observations.append(observation.id)
