"""Task doors of intelligence."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import Any

from functions.intelligence.model import wave as _wave  # noqa: F401 - in Lambda's snapshot before a wave needs it
from functions.intelligence.model.correlation import builtin as _builtin  # noqa: F401 - likewise
from functions.intelligence.model.imports.items import Fault
from functions.intelligence.service import graph, imports, joint, keeping, privacy, scans
from functions.intelligence.store import Store
from kernel.actor import Actor
from kernel.errors import NotFound
from kernel.executions import BrokenOff, watches
from kernel.facts import Facts
from kernel.observe import task
from kernel.table import Table

store = cache(Store)


@task
def reduce(actor: Actor, event: dict[str, Any]) -> dict[str, Any]:
    """Takes `{scan_id, wave}`; see `scans.reduce`."""
    return scans.reduce(store(), actor, event["scan_id"], event["wave"])


@task
def hand_in(actor: Actor, event: dict[str, Any]) -> None:
    """Takes `{scan_id, report_id}`: write this context's part of a report."""
    scans.hand_in(store(), actor, event["scan_id"], event["report_id"])


@task
def compact(actor: Actor, event: dict[str, Any]) -> dict[str, int]:
    """Takes `{scan_id}`; see `keeping.compact`."""
    return keeping.compact(store(), actor, event["scan_id"])


@task
def sweep(actor: Actor, event: dict[str, Any]) -> dict[str, int]:
    """Takes `{scan_id}`; removes what compaction and a new generation of the graph have replaced."""
    return {"removed": keeping.sweep(store(), actor, event["scan_id"]) + graph.sweep(store(), actor)}


@task
def learn(actor: Actor, event: dict[str, Any]) -> dict[str, int]:
    """Takes `{scan_id}`; see `graph.learn_scan`."""
    return graph.learn_scan(store(), actor, event["scan_id"])


@task
def join(actor: Actor, _event: dict[str, Any]) -> dict[str, int]:
    """Joins the graphs that people see together; see `joint.renew`."""
    return {"graphs": joint.renew(store(), actor)}


@task
def forget(actor: Actor, event: dict[str, Any]) -> dict[str, int]:
    """Takes `{scan_id}`; see `graph.forget_scan`."""
    return {"graphs": graph.forget_scan(store(), actor, event["scan_id"])}


@task
def person(actor: Actor, event: dict[str, Any]) -> dict[str, int]:
    """Takes `{job_id, wish: export}`: hand in what is known of a person."""
    return privacy.hand_in_person(Table(), Facts(), actor, event["job_id"])


@task
def take_in(actor: Actor, event: dict[str, Any]) -> dict[str, Any]:
    """Takes `{import_id}`; see `imports.take_in`."""
    return imports.take_in(store(), actor, event["import_id"])


@task
def finish_import(actor: Actor, event: dict[str, Any]) -> None:
    """Takes `{import_id, cause?}`: the scan is there, or something of ours went wrong."""
    if cause := event.get("cause"):
        imports.fail(store(), actor, event["import_id"], [Fault(0, f"It could not be taken in ({cause}). Try again.")])
    else:
        imports.finish(store(), actor, event["import_id"])


@watches("IMPORT_MACHINE_ARN")
def executions(actor: Actor, broken: BrokenOff) -> None:
    """An import whose execution broke off is not waited for, and nothing of its file stays."""
    with suppress(NotFound):  # it is gone, or none of ours
        imports.fail(store(), actor, broken.name, [Fault(0, f"{broken.words} Try again.")])
