"""HTTP door of collection: how far a scan is, and its log."""

from __future__ import annotations

from functools import cache
from typing import Annotated

from pydantic import BaseModel

from contracts.collection import OwnModule
from functions.collection.estimate import Estimate
from functions.collection.model import Progress
from functions.collection.schemas import OwnModuleView, RegisterTemplate, RollBack
from functions.collection.service import own_modules, views
from functions.collection.store import Store
from kernel import aws
from kernel.actor import Actor
from kernel.cursors import Cursors
from kernel.http import IfMatch, List, ListParameters, Query, Response, Room, lambda_handler, page, reply, require

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
    return reply(views.get_progress(store(), actor, scan_id))


@app.get("/scans/{scan_id}/estimate", response_model=Estimate)
async def get_estimate(scan_id: str, actor: Actor = require("scans:read")) -> Response:
    """What a scan will come to: its first wave exactly, with what admits each target to the scope, and a range for the
    rest. A dry run: nothing is sent."""
    concurrency = int(aws.setting("MAP_CONCURRENCY"))
    return reply(views.get_estimate(store(), actor, scan_id, concurrency))


@app.get("/scans/{scan_id}/log", response_model=List[LogLine])
async def get_log(
    scan_id: str, paging: Annotated[ListParameters, Query()], actor: Actor = require("scans:read")
) -> List[LogLine]:
    """The log of a scan, some batches at a time: a page may hold more entries than `limit`."""
    cursors = Cursors(f"{actor.tenant_id}|log|{scan_id}")
    after = str(cursors.read(paging.cursor)["after"]) if paging.cursor else None
    entries, last = views.get_log(store(), actor, scan_id, after, paging.limit)
    lines = [LogLine(module=e.module, level=e.level, message=e.message, value=e.value, count=e.count) for e in entries]
    return List(items=lines, next_cursor=cursors.write({"after": last}) if last else None)


@app.post("/templates", status_code=201, response_model=OwnModule)
async def register_template(
    body: RegisterTemplate, if_match: IfMatch, actor: Actor = require("modules:update")
) -> Response:
    """Make a template a module of the organisation's own, or another version of the one with the same id."""
    return reply(own_modules.register(store(), actor, body.template, if_match), 201)


@app.get("/templates", response_model=List[OwnModule])
async def list_templates(actor: Actor = require("modules:read")) -> Response:
    """The modules that the organisation has written as templates."""
    return page(own_modules.list_modules(store(), actor), None)


@app.get("/templates/{name}", response_model=OwnModuleView)
async def get_template(
    name: str,
    version: Annotated[str | None, Query(description="Absent: the active one.")] = None,
    actor: Actor = require("modules:read"),
) -> Response:
    """One of them, with the text of a version."""
    return reply(own_modules.get_module(store(), actor, name, version))


@app.post("/templates/{name}/rollback", response_model=OwnModule)
async def roll_back_template(name: str, body: RollBack, actor: Actor = require("modules:update")) -> Response:
    """Make another version the one that new scans run. Scans that are defined keep what they pinned."""
    return reply(own_modules.roll_back(store(), actor, name, body.version))


@app.delete("/templates/{name}", status_code=204)
async def delete_template(name: str, actor: Actor = require("modules:update")) -> Response:
    """Remove a module of the organisation's own with all its versions."""
    own_modules.delete_module(store(), actor, name)
    return Response(status_code=204)


handler = lambda_handler(app)
