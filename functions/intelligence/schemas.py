"""How a scan's facts look on the wire."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from functions.intelligence.model.integrity import Damage, Wrong


class ObservationView(BaseModel):
    """One fact with its provenance."""

    id: str
    type: str
    value: str
    attributes: dict[str, Any]
    source_id: str = Field(description="The observation that led to this one; the scan itself for a target.")
    module: str
    module_version: str
    scope_distance: int
    confidence: float
    invasiveness: str
    observed_at: str


class EntityView(BaseModel):
    """One thing of the knowledge graph: all observations of the same type and value together."""

    key: str
    type: str
    value: str
    confidence: float
    explanation: str = Field(description="How the confidence came about.")
    risk: str
    first_seen: str
    last_seen: str
    observations: int
    evidence: list[str]
    attributes: dict[str, Any]
    scope_distance: int


class Moment(BaseModel):
    """One line of a scan's timeline."""

    at: str
    observation_id: str
    type: str
    value: str
    module: str


class GraphNode(BaseModel):
    """An entity of the graph."""

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


class GraphEdge(BaseModel):
    """A relation of the graph."""

    source: str
    target: str
    relation: str
    confidence: float
    first_seen: str
    last_seen: str
    observations: int
    evidence: list[str]


class Graph(BaseModel):
    """The knowledge graph of a scan."""

    exported_at: str
    nodes: list[GraphNode]
    edges: list[GraphEdge]


class DamageView(BaseModel):
    """An object that is not what was written."""

    object: str = Field(description="The object's name within the scan.")
    problem: Wrong
    expected_bytes: int
    found_bytes: int | None = Field(description="Absent where there is nothing.")


class IntegrityReport(BaseModel):
    """What is wrong with some of the objects that a scan's facts lie in."""

    objects: int = Field(description="How many objects there are in all.")
    checked: int = Field(description="How many of them this page looked at.")
    bytes: int = Field(description="How much they should be.")
    damages: list[DamageView] = Field(description="Empty: these objects are what was written.")
    next_cursor: str | None = Field(default=None, description="Pass it as `cursor` to look at the next ones.")

    @classmethod
    def of(cls, objects: int, checked: int, size: int, damages: list[Damage]) -> IntegrityReport:
        """The report of one page."""
        shown = [
            DamageView(
                object=each.key.split("/", 4)[-1],
                problem=each.problem,
                expected_bytes=each.expected_size,
                found_bytes=each.found_size,
            )
            for each in damages
        ]
        return cls(objects=objects, checked=checked, bytes=size, damages=shown)
