"""What all scans of an organisation know together."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from contracts.findings import Severity
from contracts.observations import ObservationType
from functions.intelligence.api.app import (
    FILES,
    FileParameters,
    Strict,
    after_of,
    app,
    cursors_of,
    file_of,
    store,
    time_of,
)
from functions.intelligence.model.navigation import Search
from functions.intelligence.model.outline import millis
from functions.intelligence.schemas import (
    AskedPattern,
    CommunitiesView,
    EventView,
    Graph,
    GraphSummary,
    KnownDetail,
    KnownView,
    MatchesView,
    NeighbourhoodView,
    PathsView,
    RankingView,
)
from functions.intelligence.service import answers, exports
from functions.intelligence.service.answers import MEASURES
from kernel.actor import Actor
from kernel.http import List, ListParameters, Query, Response, require
from kernel.text import Instant

ALWAYS = 2**62
EntityKey = Annotated[str, Field(min_length=1, max_length=64, description="A thing's key.")]
Types = Annotated[list[ObservationType], Field(max_length=30, description="Of these types alone.")]
Limit = Annotated[int, Field(ge=1, le=100)]


class SearchParameters(ListParameters):
    """Which things are asked for; what is absent asks nothing."""

    type: Types = []
    risk: Annotated[list[Severity], Field(max_length=5)] = []
    prefix: Annotated[str, Field(max_length=200, description="The beginning of the value, in any case.")] = ""
    contains: Annotated[str, Field(max_length=200, description="A part of the value, in any case.")] = ""
    min_confidence: Annotated[float, Field(ge=0, le=1, description="What age has left of it, at least.")] = 0.0
    seen_since: Annotated[Instant | None, Field(description="Seen then or later; RFC 3339.")] = None
    is_gone: Annotated[bool | None, Field(description="Gone, or there still.")] = None

    def search(self) -> Search:
        """The question."""
        return Search(
            types=frozenset(self.type),
            risks=frozenset(self.risk),
            prefix=self.prefix,
            contains=self.contains,
            min_confidence=self.min_confidence,
            since=millis(time_of(self.seen_since)),
            is_gone=self.is_gone,
        )


class CommunityParameters(Strict):
    """How many communities are asked for."""

    limit: Limit = 20


class RankingParameters(Strict):
    """By what things are ranked, and how many are asked for."""

    measure: Annotated[str, Field(max_length=20, json_schema_extra={"enum": list(MEASURES)})] = "pagerank"
    limit: Limit = 20


class NeighbourhoodParameters(Strict):
    """How far to look around."""

    depth: Annotated[int, Field(ge=1, le=4, description="Hops.")] = 1
    type: Types = []
    limit: Annotated[int, Field(ge=1, le=500, description="Things at most, the nearest first.")] = 100


class PathParameters(Strict):
    """Between what to look for a way."""

    source: EntityKey
    target: EntityKey
    longest: Annotated[int, Field(ge=1, le=12, description="Hops at most.")] = 6


class TimelineParameters(ListParameters):
    """What of the timeline is asked for."""

    type: Types = []
    since: Instant | None = None
    until: Instant | None = None


@app.get("/graph", response_model=GraphSummary)
async def get_summary(actor: Actor = require("scans:read")) -> GraphSummary:
    """What the organisation's scans know together, in numbers."""
    return answers.summary(store(), actor)


@app.get("/graph/export", response_model=Graph, responses=FILES)
async def export_graph(
    parameters: Annotated[FileParameters, Query()], actor: Actor = require("scans:read")
) -> Response:
    """The whole graph, for this or another tool."""
    return file_of(exports.export_graph(store(), actor, parameters.format))


@app.get("/graph/entities", response_model=List[KnownView])
async def list_known(
    parameters: Annotated[SearchParameters, Query()], actor: Actor = require("scans:read")
) -> List[KnownView]:
    """The things that the organisation's scans know, by type and value."""
    cursors = cursors_of(actor, "graph", parameters)
    after = after_of(cursors, parameters)
    found, last = answers.entities(
        store(), actor, parameters.search(), parameters.limit, int(after[0]) if after else -1
    )
    return List(items=found, next_cursor=cursors.write({"after": [str(last)]}) if last is not None else None)


@app.get("/graph/entities/{entity_id}", response_model=KnownDetail)
async def get_known(entity_id: str, actor: Actor = require("scans:read")) -> KnownDetail:
    """All that is known of a thing: its attributes, who saw it when, what changed, whether it is gone, and what else
    is the same thing."""
    return answers.entity(store(), actor, entity_id)


@app.get("/graph/entities/{entity_id}/neighbourhood", response_model=NeighbourhoodView)
async def get_neighbourhood(
    entity_id: str, parameters: Annotated[NeighbourhoodParameters, Query()], actor: Actor = require("scans:read")
) -> NeighbourhoodView:
    """What lies around a thing, the nearest first."""
    types = frozenset(parameters.type)
    return answers.neighbourhood(store(), actor, entity_id, parameters.depth, types, parameters.limit)


@app.get("/graph/paths", response_model=PathsView)
async def get_paths(parameters: Annotated[PathParameters, Query()], actor: Actor = require("scans:read")) -> PathsView:
    """The shortest ways between two things."""
    return answers.paths(store(), actor, parameters.source, parameters.target, parameters.longest)


@app.get("/graph/communities", response_model=CommunitiesView)
async def get_communities(
    parameters: Annotated[CommunityParameters, Query()], actor: Actor = require("scans:read")
) -> CommunitiesView:
    """Groups of things that are linked more with each other than with the rest, the largest first."""
    return answers.communities(store(), actor, parameters.limit)


@app.get("/graph/ranking", response_model=RankingView)
async def get_ranking(
    parameters: Annotated[RankingParameters, Query()], actor: Actor = require("scans:read")
) -> RankingView:
    """The things that hold the graph together most."""
    return answers.ranking(store(), actor, parameters.measure, parameters.limit)


@app.post("/graph/patterns", response_model=MatchesView)
async def match_pattern(body: AskedPattern, actor: Actor = require("scans:read")) -> MatchesView:
    """Where a pattern of things and relations is found."""
    return answers.matches(store(), actor, body.pattern(), body.limit)


@app.get("/graph/timeline", response_model=List[EventView])
async def get_graph_timeline(
    parameters: Annotated[TimelineParameters, Query()], actor: Actor = require("scans:read")
) -> List[EventView]:
    """What appeared, changed or went, the latest first."""
    cursors = cursors_of(actor, "graph", parameters)
    after = after_of(cursors, parameters)
    until = millis(time_of(parameters.until)) if parameters.until else ALWAYS
    found, begin = answers.happenings(
        store(),
        actor,
        frozenset(parameters.type),
        millis(time_of(parameters.since)),
        until,
        parameters.limit,
        int(after[0]) if after else 0,
    )
    return List(items=found, next_cursor=cursors.write({"after": [str(begin)]}) if begin is not None else None)
