"""HTTP door of collection: how far a scan is, and its log."""

from __future__ import annotations

from functools import cache
from typing import Annotated

from pydantic import BaseModel

from functions.collection import service
from functions.collection.estimate import Estimate
from functions.collection.model import Progress
from functions.collection.store import Store
from kernel import aws
from kernel.actor import Actor
from kernel.cursors import Cursors
from kernel.http import List, ListParameters, Query, Response, Room, lambda_handler, reply, require

app = Room("collection")
store = cache(Store)


class LogLine(BaseModel):
    """What happened while a module worked: `value` is the fact it worked on, `count` how often it happened."""

    module: str
    level: str
    message: str
    value: str
    count: int


@app.get("/scans/{scan_id}/progress", response_model=Progress)
async def get_progress(scan_id: str, actor: Actor = require("scans:read")) -> Response:
    """How far the present wave of a scan is."""
    return reply(service.get_progress(store(), actor, scan_id))


@app.get("/scans/{scan_id}/estimate", response_model=Estimate)
async def get_estimate(scan_id: str, actor: Actor = require("scans:read")) -> Response:
    """What a scan will come to: its first wave exactly, with what admits each target to the scope, and a range for the
    rest. A dry run: nothing is sent."""
    concurrency = int(aws.setting("MAP_CONCURRENCY"))
    return reply(service.get_estimate(store(), actor, scan_id, concurrency))


@app.get("/scans/{scan_id}/log", response_model=List[LogLine])
async def get_log(
    scan_id: str, paging: Annotated[ListParameters, Query()], actor: Actor = require("scans:read")
) -> List[LogLine]:
    """The log of a scan, some batches at a time: a page may hold more entries than `limit`."""
    cursors = Cursors(f"{actor.tenant_id}|log|{scan_id}")
    after = str(cursors.read(paging.cursor)["after"]) if paging.cursor else None
    entries, last = service.get_log(store(), actor, scan_id, after, paging.limit)
    lines = [LogLine(module=e.module, level=e.level, message=e.message, value=e.value, count=e.count) for e in entries]
    return List(items=lines, next_cursor=cursors.write({"after": last}) if last else None)


handler = lambda_handler(app)
