"""How a scan's facts look on the wire."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from pydantic import BaseModel, ConfigDict, Field, create_model

from contracts.findings import Severity
from contracts.observations import ObservationType
from functions.intelligence.model.export.json import Edge, Node
from functions.intelligence.model.imports import FORMATS
from functions.intelligence.model.integrity import Damage, Wrong
from functions.intelligence.model.patterns import EdgePattern, NodePattern, Pattern
from kernel.text import Line


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


def _as_model(name: str, kind: type[msgspec.Struct]) -> type[BaseModel]:
    """What an export writes, as the API describes it: the same fields, so that neither says what the other does not."""
    fields: dict[str, Any] = {field.name: (field.type, ...) for field in msgspec.structs.fields(kind)}
    return create_model(name, __doc__=kind.__doc__, **fields)


GraphNode = _as_model("GraphNode", Node)
GraphEdge = _as_model("GraphEdge", Edge)
Graph = create_model(
    "Graph",
    __doc__="A knowledge graph.",
    exported_at=(str, ...),
    nodes=(list[GraphNode], ...),  # type: ignore[valid-type]
    edges=(list[GraphEdge], ...),  # type: ignore[valid-type]
)


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


class KnownView(BaseModel):
    """A thing that the organisation's scans know, as of now."""

    key: str
    type: str
    value: str
    confidence: float = Field(description="What age has left of what the sources said.")
    risk: str
    first_seen: str
    last_seen: str
    observations: int
    scans: int = Field(description="How many scans saw it.")
    is_gone: bool = Field(description="A later scan that could have seen it did not.")


class SameView(BaseModel):
    """Another entity that is the same thing, and by which rule."""

    key: str
    type: str
    value: str
    rule: str
    explanation: str


class SightingView(BaseModel):
    """A scan that saw it."""

    scan_id: str
    name: str
    first_seen: str
    last_seen: str


class ChangeView(BaseModel):
    """That an attribute was another one before."""

    at: str
    scan_id: str
    attribute: str
    before: str
    after: str


class GoneView(BaseModel):
    """The scan that could have seen it and did not."""

    scan_id: str
    name: str
    since: str
    explanation: str


class KnownDetail(KnownView):
    """All that is known of a thing, and how it came to be known and changed over time."""

    explanation: str = Field(description="How the confidence came about.")
    attributes: dict[str, Any]
    derived: dict[str, Any] = Field(description="What follows from the value itself.")
    same_as: list[SameView]
    gone: GoneView | None
    sightings: list[SightingView] = Field(description="The latest scans that saw it.")
    changes: list[ChangeView] = Field(description="The latest changes, oldest first.")


class LinkView(BaseModel):
    """A relation between two things."""

    source: str
    target: str
    relation: str
    confidence: float
    last_seen: str


class NeighbourView(KnownView):
    """A thing and how far it is from where one began."""

    distance: int


class NeighbourhoodView(BaseModel):
    """What lies around a thing, the nearest first."""

    nodes: list[NeighbourView]
    edges: list[LinkView]
    nodes_left_out: int
    edges_left_out: int


class PathView(BaseModel):
    """One way between two things: the things, and the relations between each and the next."""

    nodes: list[KnownView]
    edges: list[LinkView]


class PathsView(BaseModel):
    """The shortest ways between two things; none when they are too far apart."""

    length: int | None = Field(description="Hops; absent where there is no way.")
    paths: list[PathView]


class CommunityView(BaseModel):
    """Things that are linked more with each other than with the rest."""

    community: int
    size: int
    by_type: dict[str, int]
    risks: dict[str, int]
    centre: list[KnownView] = Field(description="Its best-linked members.")


class CommunitiesView(BaseModel):
    """The communities, the largest first."""

    modularity: float
    communities: int
    items: list[CommunityView]


class RankView(BaseModel):
    """How much a thing holds the graph together."""

    score: float
    entity: KnownView


class RankingView(BaseModel):
    """The things with the highest scores."""

    measure: str
    explanation: str
    items: list[RankView]


class GraphSummary(BaseModel):
    """What the organisation's scans know together, in numbers."""

    entities: int
    relations: int
    merged: int = Field(description="Entities that are the same thing as another one.")
    by_type: dict[str, int]
    by_risk: dict[str, int]
    scans: int
    updated_at: str | None


class EventView(BaseModel):
    """One line of the graph's timeline."""

    at: str
    event: str = Field(description="appeared, changed or gone.")
    key: str
    type: str
    value: str
    scan_id: str
    detail: str


class AskedNode(BaseModel):
    """What a node of a pattern must be; what is absent asks nothing. Texts are compared in any case."""

    model_config = ConfigDict(extra="forbid")

    types: Annotated[list[ObservationType], Field(max_length=30)] = []
    value: Annotated[str, Field(max_length=4096)] = ""
    prefix: Annotated[str, Field(max_length=200)] = ""
    contains: Annotated[str, Field(max_length=200)] = ""
    risks: Annotated[list[Severity], Field(max_length=5)] = []
    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.0
    attributes: Annotated[
        dict[Annotated[str, Field(max_length=100)], Annotated[str, Field(max_length=512)]],
        Field(max_length=10, description="Attributes and the text that each must have, or hold."),
    ] = {}

    def pattern(self) -> NodePattern:
        """The node as the matcher takes it."""
        return NodePattern(
            types=frozenset(self.types),
            value=self.value,
            prefix=self.prefix,
            contains=self.contains,
            risks=frozenset(self.risks),
            min_confidence=self.min_confidence,
            attributes=self.attributes,
        )


class AskedEdge(BaseModel):
    """An edge between two nodes of a pattern."""

    model_config = ConfigDict(extra="forbid")

    source: Annotated[str, Field(max_length=50)]
    target: Annotated[str, Field(max_length=50)]
    relation: Annotated[str, Field(max_length=50, description="Empty: any.")] = ""
    absent: Annotated[bool, Field(description="There must be no such edge.")] = False


class AskedPattern(BaseModel):
    """Nodes by name, and edges between them."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "nodes": {"host": {"types": ["host"]}, "address": {"types": ["ip"], "prefix": "10."}},
                    "edges": [{"source": "host", "target": "address", "relation": "resolves_to"}],
                }
            ]
        },
    )

    nodes: Annotated[
        dict[Annotated[str, Field(min_length=1, max_length=50)], AskedNode], Field(min_length=1, max_length=8)
    ]
    edges: Annotated[list[AskedEdge], Field(max_length=16)] = []
    limit: Annotated[int, Field(ge=1, le=200)] = 50

    def pattern(self) -> Pattern:
        """The pattern as the matcher takes it."""
        edges = [EdgePattern(edge.source, edge.target, edge.relation, edge.absent) for edge in self.edges]
        return Pattern({name: node.pattern() for name, node in self.nodes.items()}, edges)


class MatchesView(BaseModel):
    """Where a pattern is found: for each match, the things by the pattern's names."""

    items: list[dict[str, KnownView]]
    is_complete: bool = Field(description="False: there may be more than was looked for.")


class CreateImport(BaseModel):
    """A file of facts that is to become a scan."""

    model_config = ConfigDict(extra="forbid")

    name: Line
    format: Annotated[str, Field(max_length=20, json_schema_extra={"enum": list(FORMATS)})]
    team_id: Annotated[str | None, Field(max_length=64)] = None


class ArchiveMember(BaseModel):
    """One member of an archive."""

    name: str
    size: int
    sha256: str
    blocks: list[int]


class ArchiveContents(BaseModel):
    """What an archive's first member, `manifest.json`, says."""

    format: str
    version: int
    scan: dict[str, Any]
    parts: list[ArchiveMember]


class Archive(BaseModel):
    """What a scan's archive is put together of."""

    manifest: ArchiveContents
    links: dict[str, str] = Field(description="Where each member is found, for fifteen minutes.")


class SetRetention(BaseModel):
    """How long facts are to be kept."""

    model_config = ConfigDict(extra="forbid")

    days: Annotated[int | None, Field(ge=1, le=3650, description="Absent: as the plan says.")] = None
