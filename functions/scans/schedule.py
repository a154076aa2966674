"""Clock door of the scans context: EventBridge Scheduler fires a recurring scan, or the end of a scan's rest."""

from __future__ import annotations

from functools import cache
from typing import Any

from functions.scans.service import scans, schedules
from functions.scans.store import Store
from kernel import observe
from kernel.actor import Actor
from kernel.errors import Problem
from kernel.observe import task
from kernel.table import AlreadySeen

store = cache(Store)


@task
def handler(actor: Actor, event: dict[str, Any]) -> None:
    """Takes `{schedule_id, occasion}` or `{scan_id, resumes_at}`. A target that is no longer approved ends here, in the
    log, not in retries."""
    if "scan_id" in event:
        scans.wake_up(store(), actor, event["scan_id"], event["resumes_at"])
        return
    try:
        schedules.run_schedule(store(), actor, event["schedule_id"], event["occasion"])
    except AlreadySeen:
        observe.logger().info("occasion already started", extra={"schedule_id": event["schedule_id"]})
    except Problem as problem:
        observe.logger().warning("recurring scan refused", extra={"reason": problem.detail})
