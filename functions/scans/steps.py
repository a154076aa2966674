"""Task doors of the scan state machine, of its executions that broke off, and of exports of what a person made."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from functions.scans.gateways import StepFunctions
from functions.scans.service import adoption, execution, privacy
from functions.scans.store import Store
from kernel.actor import Actor
from kernel.executions import BrokenOff, watches
from kernel.facts import Facts
from kernel.observe import task
from kernel.table import Table

store = cache(Store)


@task
def gate(actor: Actor, event: dict[str, Any]) -> dict[str, Any]:
    """Takes `{scan_id, report?, execution?}`; says what comes next: `{next: wave|park|end, wave, budget}`."""
    report = msgspec.convert(event["report"], execution.WaveReport) if event.get("report") else None
    verdict: dict[str, Any] = msgspec.to_builtins(
        execution.gate(store(), actor, event["scan_id"], report, event.get("execution") or "")
    )
    return verdict


@task
def park(actor: Actor, event: dict[str, Any]) -> None:
    """Takes `{scan_id, token}`; the execution waits until the token is used."""
    execution.park(store(), StepFunctions(), actor, event["scan_id"], event["token"])


@task
def fail(actor: Actor, event: dict[str, Any]) -> None:
    """Takes `{scan_id, cause, execution?}`; the scan failed in spite of retries."""
    error = f" ({event['cause']})" if event.get("cause") else ""
    cause = f"One of its steps failed in spite of its repeats{error}. What it found until then stays."
    execution.fail(store(), actor, event["scan_id"], cause, event.get("execution") or "")


@watches("SCAN_MACHINE_ARN")
def executions(actor: Actor, broken: BrokenOff) -> None:
    """A scan whose execution broke off ends, which makes room for the next."""
    execution.break_off(store(), actor, str(broken.work.get("scan_id")), broken.name, broken.words)


@task
def adopt(actor: Actor, event: dict[str, Any]) -> None:
    """Takes what `adoption.Adopted` says: a scan whose facts came from a file."""
    adoption.adopt(store(), actor, adoption.Adopted.model_validate(event))


@task
def person(actor: Actor, event: dict[str, Any]) -> dict[str, int]:
    """Takes `{job_id, wish: export}`: hand in what is known of a person."""
    return privacy.hand_in_person(Table(), Facts(), actor, event["job_id"])
