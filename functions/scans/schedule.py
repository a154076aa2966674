"""Clock door of the scans context: EventBridge Scheduler fires a recurring scan."""

from __future__ import annotations

from functools import cache
from typing import Any

from functions.scans.service import schedules
from functions.scans.store import Store
from kernel import observe
from kernel.actor import Actor
from kernel.errors import Problem
from kernel.observe import task
from kernel.table import AlreadySeen

store = cache(Store)


@task
def handler(actor: Actor, event: dict[str, Any]) -> None:
    """Takes `{schedule_id, occasion}`. A target that is no longer approved ends here, in the log, not in retries."""
    try:
        schedules.run_schedule(store(), actor, event["schedule_id"], event["occasion"])
    except AlreadySeen:
        observe.logger().info("occasion already started", extra={"schedule_id": event["schedule_id"]})
    except Problem as problem:
        observe.logger().warning("recurring scan refused", extra={"reason": problem.detail})
