"""HTTP door of reports."""

from __future__ import annotations

from functools import cache
from typing import Annotated

from functions.reports import service
from functions.reports.model import Report
from functions.reports.schemas import CreateReport
from functions.reports.store import Store
from kernel.actor import Actor
from kernel.http import List, ListParameters, Query, Response, Room, lambda_handler, page, reply, require

app = Room("reports")
store = cache(Store)


@app.post("/reports", status_code=202, response_model=Report)
async def create_report(body: CreateReport, actor: Actor = require("reports:create")) -> Response:
    """Order a report of a scan; follow it at `Location` until it is ready."""
    return reply(service.create_report(store(), actor, body), 202)


@app.get("/reports", response_model=List[Report])
async def list_reports(paging: Annotated[ListParameters, Query()], actor: Actor = require("reports:read")) -> Response:
    """The organisation's reports, newest first."""
    found = service.list_reports(store(), actor, paging.limit, paging.cursor)
    return page(found.items, found.next_cursor)


@app.get("/reports/{report_id}", response_model=Report)
async def get_report(report_id: str, actor: Actor = require("reports:read")) -> Response:
    """One report, with a download link when it is ready."""
    return reply(service.get_report(store(), actor, report_id))


handler = lambda_handler(app)
