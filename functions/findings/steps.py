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
