"""The graph as one JSON object: `{"exported_at", "nodes": […], "edges": […]}`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from functions.intelligence.model.graph import Entity, Relation


class Node(msgspec.Struct, frozen=True):
    """A node as the JSON graph shows it; `observations` is how many show it, of which `evidence` lists some."""

    id: str
    type: str
    value: str
    confidence: float
    risk: str
    first_seen: str
    last_seen: str
    observations: int
    evidence: list[str]
    sources: dict[str, float]
    distance: int
    edges_left_out: int
    attributes: dict[str, Any]


class Edge(msgspec.Struct, frozen=True):
    """An edge as the JSON graph shows it."""

    source: str
    target: str
    relation: str
    confidence: float
    first_seen: str
    last_seen: str
    observations: int
    evidence: list[str]
    sources: dict[str, float]


def node(entity: Entity) -> Node:
    """An entity as a node."""
    return Node(
        id=entity.key,
        type=entity.type,
        value=entity.value,
        confidence=entity.confidence,
        risk=entity.risk,
        first_seen=entity.first_seen,
        last_seen=entity.last_seen,
        observations=entity.count,
        evidence=entity.observations,
        sources=entity.sources,
        distance=entity.distance,
        edges_left_out=entity.edges_left_out,
        attributes=entity.attributes,
    )


def edge(relation: Relation) -> Edge:
    """A relation as an edge."""
    return Edge(
        source=relation.source,
        target=relation.target,
        relation=relation.name,
        confidence=relation.confidence,
        first_seen=relation.first_seen,
        last_seen=relation.last_seen,
        observations=relation.count,
        evidence=relation.observations,
        sources=relation.sources,
    )


def graph_json(entities: Iterable[Entity], relations: Iterable[Relation], exported_at: str) -> Iterator[str]:
    """The graph as chunks of one JSON text."""
    yield f'{{"exported_at":{_text(exported_at)},"nodes":['
    yield from _separated(_text(node(entity)) for entity in entities)
    yield '],"edges":['
    yield from _separated(_text(edge(relation)) for relation in relations)
    yield "]}"


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _separated(chunks: Iterable[str]) -> Iterator[str]:
    for number, chunk in enumerate(chunks):
        yield f",{chunk}" if number else chunk
