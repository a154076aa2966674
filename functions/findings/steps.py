"""Task doors of findings."""

from __future__ import annotations

from functools import cache
from typing import Any

from functions.findings import service
from functions.findings.store import Store
from kernel.actor import Actor
from kernel.observe import task

store = cache(Store)


@task
def record(actor: Actor, event: dict[str, Any]) -> dict[str, Any]:
    """Takes `{scan_id, conclusions?}`; `{findings}`, how many the scan has."""
    return {"findings": service.record(store(), actor, event["scan_id"], event.get("conclusions"))}


@task
def hand_in(actor: Actor, event: dict[str, Any]) -> None:
    """Takes `{scan_id, report_id}`: write this context's part of a report."""
    service.hand_in(store(), actor, event["scan_id"], event["report_id"])
