"""How long facts are kept."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from functions.intelligence.api.app import Strict, app, store
from functions.intelligence.model.retention import Retention, RetentionPlan
from functions.intelligence.schemas import SetRetention
from functions.intelligence.service import retaining
from kernel.actor import Actor
from kernel.http import IfMatch, Query, Response, reply, require


class DryRunParameters(Strict):
    """With how many days it is tried."""

    days: Annotated[int | None, Field(ge=1, le=3650, description="Instead of what holds.")] = None


@app.get("/facts/retention", response_model=Retention)
async def get_retention(actor: Actor = require("scans:read")) -> Response:
    """How long the organisation keeps the facts of its scans, counted from their end."""
    return reply(retaining.get_retention(store(), actor))


@app.put("/facts/retention", response_model=Retention)
async def set_retention(
    body: SetRetention, if_match: IfMatch, actor: Actor = require("organizations:update")
) -> Response:
    """Keep facts for so many days, or as the plan says. Within a day, those that are older go: ask for the dry run
    first."""
    return reply(retaining.set_retention(store(), actor, body.days, if_match))


@app.get("/facts/retention/dry-run", response_model=RetentionPlan)
async def dry_run_retention(
    parameters: Annotated[DryRunParameters, Query()], actor: Actor = require("scans:read")
) -> Response:
    """What would go now: the facts of which scans, and how many. Nothing goes."""
    return reply(retaining.dry_run(store(), actor, parameters.days))
