"""Task doors of intelligence."""

from __future__ import annotations

from functools import cache
from typing import Any

from functions.intelligence import service
from functions.intelligence.store import Store
from kernel.actor import Actor
from kernel.observe import task

store = cache(Store)


@task
def reduce(actor: Actor, event: dict[str, Any]) -> dict[str, Any]:
    """Takes `{scan_id, wave}`; see `service.reduce`."""
    return service.reduce(store(), actor, event["scan_id"], event["wave"])
