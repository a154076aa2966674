"""Task doors of privacy's state machines."""

from __future__ import annotations

from functools import cache
from typing import Any

from functions.privacy.service import erasures, exports, sweeping
from functions.privacy.store import Store
from kernel.actor import Actor
from kernel.observe import task

store = cache(Store)


@task
def finish_export(actor: Actor, event: dict[str, Any]) -> str:
    """Takes `{job_id}`: all rooms were asked; how the export ended."""
    return exports.finish(store(), actor, event["job_id"])


@task
def begin(actor: Actor, event: dict[str, Any]) -> bool:
    """Takes `{job_id}`: the days of grace are over; whether the rooms are to go to work."""
    return erasures.begin(store(), actor, event["job_id"])


@task
def sweep(actor: Actor, event: dict[str, Any]) -> dict[str, Any]:
    """Takes `{job_id, sweep?}`: the rooms have done theirs; `{resume, changed}`, to be handed in again as `sweep`."""
    return dict(sweeping.sweep(store(), actor, event["job_id"], event.get("sweep")))


@task
def finish_erasure(actor: Actor, event: dict[str, Any]) -> str:
    """Takes `{job_id}`: how the erasure ended."""
    return erasures.finish(store(), actor, event["job_id"])


@task
def erase_tenant(actor: Actor, event: dict[str, Any]) -> dict[str, Any]:
    """Takes `{people, resume, removed}`: `{done, resume, removed}`, to be handed in again."""
    given = event["people"], event.get("resume"), event.get("removed", 0)
    return dict(sweeping.erase_tenant(store(), actor, *given))
