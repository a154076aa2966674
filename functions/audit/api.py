"""HTTP door of audit."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from functools import cache
from typing import Annotated

from pydantic import BeforeValidator, Field

from functions.audit.model.entries import AuditLogEntry
from functions.audit.model.reports import AuditFilters, AuditReport
from functions.audit.schemas import CreateAuditReport, LogAuditEntry, Name, ProvenAuditEntry
from functions.audit.service import reports, trail
from functions.audit.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.events import Category
from kernel.http import List, ListParameters, Query, Response, Room, lambda_handler, page, reply, require
from kernel.text import Instant

app = Room("audit")
store = cache(Store)


def _iso_date(text: object) -> object:
    """pydantic takes a number for a date, as the seconds since 1970; here it is a mistake."""
    if isinstance(text, str) and not re.fullmatch(r"2[01]\d{2}-\d{2}-\d{2}", text):
        raise ValueError("a day is written as 2026-01-31")
    return text


class EventParameters(ListParameters):
    """Which part of the trail; all that is given must hold. A page may hold fewer entries than `limit`, or none, and
    still have a next one: what a page looks through is bounded."""

    since: Annotated[Instant | None, Field(description="From then on; by default thirty days before `until`.")] = None
    until: Annotated[Instant | None, Field(description="Up to then; by default now.")] = None
    actor: Annotated[Name | None, Field(description="By this user, as `user_id`.")] = None
    action: Annotated[Name | None, Field(description="Of this kind, such as `ScanQueued`.")] = None
    resource: Annotated[Name | None, Field(description="About this resource, by its id.")] = None


class LogParameters(EventParameters):
    """Which part of the trail."""

    category: Annotated[Category | None, Field(description="Of interest to whom.")] = None
    day: Annotated[
        date | None,
        BeforeValidator(_iso_date),
        Field(
            description="This day in UTC, in place of `since` and `until`.",
            json_schema_extra={"pattern": r"^2[01]\d{2}-\d{2}-\d{2}$"},
        ),
    ] = None


@app.get("/audit/logs", response_model=List[AuditLogEntry])
async def list_audit_entries(
    parameters: Annotated[LogParameters, Query()], actor: Actor = require("audit:read")
) -> Response:
    """Who did what, newest first: by actor, action, resource, category and time."""
    return _found(actor, parameters, parameters.category, parameters.day)


@app.get("/audit/logs/{entry_id}", response_model=ProvenAuditEntry)
async def get_audit_entry(entry_id: str, actor: Actor = require("audit:read")) -> Response:
    """One deed, with the proof that it stands in the log."""
    return reply(trail.get_entry(store(), actor, entry_id))


@app.post("/audit/log", status_code=201, response_model=AuditLogEntry)
async def log_audit_entry(body: LogAuditEntry, actor: Actor = require("audit:write")) -> Response:
    """Append a deed outside the platform. It is kept under the caller's name and marked as external."""
    return reply(trail.log_entry(store(), actor, body), 201)


@app.get("/audit/security-events", response_model=List[AuditLogEntry])
async def list_security_events(
    parameters: Annotated[EventParameters, Query()], actor: Actor = require("audit:read")
) -> Response:
    """What concerns security, refused attempts included, newest first."""
    return _found(actor, parameters, Category.SECURITY)


@app.get("/audit/compliance-events", response_model=List[AuditLogEntry])
async def list_compliance_events(
    parameters: Annotated[EventParameters, Query()], actor: Actor = require("audit:read")
) -> Response:
    """What auditors ask for, newest first."""
    return _found(actor, parameters, Category.COMPLIANCE)


@app.post("/audit/reports", status_code=202, response_model=AuditReport)
async def create_audit_report(body: CreateAuditReport, actor: Actor = require("audit:export")) -> Response:
    """Order a part of the trail as CSV, JSON, PDF, or as an export that `palisade audit verify` checks; follow it at
    `Location` until it is ready."""
    return reply(reports.create_report(store(), actor, body), 202)


@app.get("/audit/reports", response_model=List[AuditReport])
async def list_audit_reports(
    paging: Annotated[ListParameters, Query()], actor: Actor = require("audit:read")
) -> Response:
    """The trail's reports and exports, newest first."""
    found = reports.list_reports(store(), actor, paging.limit, paging.cursor)
    return page(found.items, found.next_cursor)


@app.get("/audit/reports/{report_id}", response_model=AuditReport)
async def get_audit_report(report_id: str, actor: Actor = require("audit:export")) -> Response:
    """One report, with a download link when it is ready."""
    return reply(reports.get_report(store(), actor, report_id))


def _found(actor: Actor, asked: EventParameters, category: Category | None, day: date | None = None) -> Response:
    wanted = AuditFilters(actor=asked.actor, action=asked.action, resource=asked.resource, category=category)
    since, until = _day(day) if day else (asked.since, asked.until)
    within = trail.period(since, until, clock.now())
    query = trail.fingerprint(wanted, since, until)
    found, cursor = trail.search(store(), actor, wanted, within, asked.limit, asked.cursor, query)
    return page(found, cursor)


def _day(day: date) -> tuple[datetime, datetime]:
    return datetime.combine(day, time.min, UTC), datetime.combine(day, time(23, 59, 59, 999_000), UTC)


handler = lambda_handler(app)
