"""Task doors of intelligence."""

from __future__ import annotations

from functools import cache
from typing import Any

from functions.intelligence import service
from functions.intelligence.model import wave as _wave  # noqa: F401 - in Lambda's snapshot before a wave needs it
from functions.intelligence.model.correlation import builtin as _builtin  # noqa: F401 - likewise
from functions.intelligence.store import Store
from kernel.actor import Actor
from kernel.observe import task

store = cache(Store)


@task
def reduce(actor: Actor, event: dict[str, Any]) -> dict[str, Any]:
    """Takes `{scan_id, wave}`; see `service.reduce`."""
    return service.reduce(store(), actor, event["scan_id"], event["wave"])


@task
def hand_in(actor: Actor, event: dict[str, Any]) -> None:
    """Takes `{scan_id, report_id}`: write this context's part of a report."""
    service.hand_in(store(), actor, event["scan_id"], event["report_id"])


@task
def compact(actor: Actor, event: dict[str, Any]) -> dict[str, int]:
    """Takes `{scan_id}`; see `service.compact`."""
    return service.compact(store(), actor, event["scan_id"])


@task
def sweep(actor: Actor, event: dict[str, Any]) -> dict[str, int]:
    """Takes `{scan_id}`; removes what compaction has replaced."""
    return {"removed": service.sweep(store(), actor, event["scan_id"])}
