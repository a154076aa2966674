"""The application, and what its routes have in common."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache

import msgspec

from functions.intelligence.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.cursors import Cursors
from kernel.errors import BadRequest
from kernel.http import ListParameters, Response, Room

app = Room("intelligence")
store = cache(Store)


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
