"""The application, and what its routes have in common."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from functions.intelligence.model.export import EXPORTERS
from functions.intelligence.service.exports import Export
from functions.intelligence.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.cursors import Cursors
from kernel.errors import BadRequest
from kernel.http import ListParameters, Response, Room

app = Room("intelligence")
store = cache(Store)
FILES: dict[int | str, dict[str, Any]] = {
    200: {"content": {media_type: {} for name, (_, media_type) in EXPORTERS.items() if name != "json"}},
    303: {"description": "The graph is large: it is found at `Location`, for fifteen minutes."},
}
"""What is answered with a graph in some format."""


class Strict(BaseModel):
    """Parameters of a question: those that are not known are refused."""

    model_config = ConfigDict(extra="forbid")


class FileParameters(Strict):
    """In which format a graph is asked for."""

    format: Annotated[str, Field(max_length=20, json_schema_extra={"enum": list(EXPORTERS)})] = "json"


def time_of(at: datetime | None) -> str:
    """A time as facts bear it; one without an offset is UTC."""
    if at is None:
        return ""
    try:
        return clock.timestamp(at if at.tzinfo else at.replace(tzinfo=UTC))
    except OverflowError:
        raise BadRequest("A time lies between the years 1 and 9999 in UTC.") from None


def cursors_of(actor: Actor, about: str, parameters: ListParameters) -> Cursors:
    """Cursors that are good for this question of this actor's alone."""
    question = parameters.model_dump_json(exclude={"cursor", "limit"})
    return Cursors(f"{actor.tenant_id}|{about}|{type(parameters).__name__}|{question}")


def after_of(cursors: Cursors, parameters: ListParameters) -> tuple[str, ...]:
    """Where the page begins. Raises BadRequest for a cursor that is not ours."""
    if parameters.cursor is None:
        return ()
    position = cursors.read(parameters.cursor)["after"]
    return tuple(str(part) for part in position) if isinstance(position, list) else ()


def page_of(items: Sequence[object], after: tuple[str, ...] | None, cursors: Cursors) -> Response:
    """A page of rows that are no models."""
    cursor = cursors.write({"after": list(after)}) if after else None
    return Response(msgspec.json.encode({"items": items, "next_cursor": cursor}), media_type="application/json")


def file_of(export: Export) -> Response:
    """A file, or the way to it."""
    if export.link:
        return Response(status_code=303, headers={"Location": export.link})
    return Response(export.body, media_type=export.media_type)
