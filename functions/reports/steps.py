"""Task doors of reports."""

from __future__ import annotations

from functools import cache
from typing import Any

from functions.reports import service
from functions.reports.store import Store
from kernel.actor import Actor
from kernel.observe import task

store = cache(Store)


@task
def render(actor: Actor, event: dict[str, Any]) -> None:
    """Takes `{report_id}`: all parts are there."""
    service.render(store(), actor, event["report_id"])


@task
def fail(actor: Actor, event: dict[str, Any]) -> None:
    """Takes `{report_id, cause}`: the report could not be made in spite of retries."""
    service.fail(store(), actor, event["report_id"], event.get("cause") or "The report could not be made.")
