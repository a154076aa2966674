"""HTTP door of audit."""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from typing import Annotated

from pydantic import BeforeValidator, Field

from functions.audit import service
from functions.audit.model import AuditEntry
from functions.audit.store import Store
from kernel.actor import Actor
from kernel.http import List, ListParameters, Query, Response, Room, lambda_handler, page, reply, require

app = Room("audit")
store = cache(Store)


def _iso_date(text: object) -> object:
    """pydantic takes a number for a date, as the seconds since 1970; here it is a mistake."""
    if isinstance(text, str) and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        raise ValueError("a day is written as 2026-01-31")
    return text


class LogParameters(ListParameters):
    """Which part of the trail."""

    day: Annotated[date | None, BeforeValidator(_iso_date), Field(description="The day in UTC; today by default.")] = (
        None
    )


@app.get("/audit/logs", response_model=List[AuditEntry])
async def list_audit_entries(
    parameters: Annotated[LogParameters, Query()], actor: Actor = require("audit:read")
) -> Response:
    """Who did what on a day, newest first."""
    found = service.list_entries(store(), actor, parameters.day, parameters.limit, parameters.cursor)
    return page(found.items, found.next_cursor)


@app.get("/audit/logs/{entry_id}", response_model=AuditEntry)
async def get_audit_entry(entry_id: str, actor: Actor = require("audit:read")) -> Response:
    """One deed."""
    return reply(service.get_entry(store(), actor, entry_id))


handler = lambda_handler(app)
