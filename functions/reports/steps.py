"""Task doors of reports."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import Any

from functions.reports import service
from functions.reports.store import Store
from kernel.actor import Actor
from kernel.errors import NotFound
from kernel.executions import BrokenOff, watches
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


@watches("REPORT_MACHINE_ARN")
def executions(actor: Actor, broken: BrokenOff) -> None:
    """A report whose execution broke off is not waited for."""
    with suppress(NotFound):  # it is gone, or none of ours
        service.fail(store(), actor, broken.name, f"{broken.words} Order it again.")
