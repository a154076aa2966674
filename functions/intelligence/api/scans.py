"""What a scan came to know."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from contracts.observations import ObservationType
from functions.intelligence.api.app import (
    FILES,
    FileParameters,
    after_of,
    app,
    cursors_of,
    file_of,
    page_of,
    store,
    time_of,
)
from functions.intelligence.model.query import Filter
from functions.intelligence.schemas import EntityView, Graph, IntegrityReport, Moment, ObservationView
from functions.intelligence.service import exports, keeping, scans
from kernel.actor import Actor
from kernel.http import List, ListParameters, Query, Response, require
from kernel.text import Instant


class ObservationParameters(ListParameters):
    """Which observations are asked for; what is absent asks nothing. A page may be short and not be the last."""

    type: Annotated[list[ObservationType], Field(max_length=30)] = []
    module: Annotated[list[str], Field(max_length=50)] = []
    value: Annotated[str, Field(max_length=4096, description="The whole value, as it is shown.")] = ""
    prefix: Annotated[str, Field(max_length=200, description="The beginning of the value, in any case.")] = ""
    contains: Annotated[str, Field(max_length=200, description="A part of the value, in any case.")] = ""
    source: Annotated[str, Field(max_length=64, description="The id of the observation that led to it.")] = ""
    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.0
    since: Annotated[Instant | None, Field(description="Observed then or later; RFC 3339 with its offset.")] = None
    until: Annotated[Instant | None, Field(description="Observed then or earlier.")] = None

    def filter(self) -> Filter:
        """The question."""
        return Filter(
            types=frozenset(self.type),
            modules=frozenset(self.module),
            value=self.value,
            prefix=self.prefix,
            contains=self.contains,
            source=self.source,
            min_confidence=self.min_confidence,
            since=time_of(self.since),
            until=time_of(self.until),
        )


class EntityParameters(ListParameters):
    """Which entities are asked for."""

    type: Annotated[list[ObservationType], Field(max_length=30)] = []


@app.get("/scans/{scan_id}/observations", response_model=List[ObservationView])
async def list_observations(
    scan_id: str, parameters: Annotated[ObservationParameters, Query()], actor: Actor = require("scans:read")
) -> Response:
    """The facts that a scan gathered, oldest first."""
    cursors = cursors_of(actor, scan_id, parameters)
    found = scans.observations(
        store(), actor, scan_id, parameters.filter(), parameters.limit, after_of(cursors, parameters)
    )
    return page_of(found.items, found.after, cursors)


@app.get("/scans/{scan_id}/timeline", response_model=List[Moment])
async def get_timeline(
    scan_id: str, parameters: Annotated[ObservationParameters, Query()], actor: Actor = require("scans:read")
) -> Response:
    """When a scan learnt what, oldest first."""
    cursors = cursors_of(actor, scan_id, parameters)
    found = scans.observations(
        store(), actor, scan_id, parameters.filter(), parameters.limit, after_of(cursors, parameters)
    )
    moments = [
        {"at": o.observed_at, "observation_id": o.id, "type": o.type, "value": o.value, "module": o.module}
        for o in found.items
    ]
    return page_of(moments, found.after, cursors)


@app.get("/scans/{scan_id}/entities", response_model=List[EntityView])
async def list_entities(
    scan_id: str, parameters: Annotated[EntityParameters, Query()], actor: Actor = require("scans:read")
) -> List[EntityView]:
    """The things of a scan's knowledge graph, by type and value."""
    cursors = cursors_of(actor, scan_id, parameters)
    items, after = scans.entities(
        store(), actor, scan_id, frozenset(parameters.type), parameters.limit, after_of(cursors, parameters)
    )
    return List(items=items, next_cursor=cursors.write({"after": list(after)}) if after else None)


@app.get("/scans/{scan_id}/graph", response_model=Graph, responses=FILES)
async def get_graph(
    scan_id: str, parameters: Annotated[FileParameters, Query()], actor: Actor = require("scans:read")
) -> Response:
    """A scan's knowledge graph, for this or another tool."""
    return file_of(exports.export_scan(store(), actor, scan_id, parameters.format))


@app.get("/scans/{scan_id}/integrity", response_model=IntegrityReport)
async def check_integrity(
    scan_id: str, parameters: Annotated[ListParameters, Query()], actor: Actor = require("scans:read")
) -> IntegrityReport:
    """Whether the objects that a scan's facts lie in are there and are what was written, page after page."""
    cursors = cursors_of(actor, scan_id, parameters)
    begin = int(after_of(cursors, parameters)[0]) if parameters.cursor else 0
    report, end = keeping.integrity(store(), actor, scan_id, begin, parameters.limit)
    report.next_cursor = cursors.write({"after": [str(end)]}) if end is not None else None
    return report
