"""Task doors of audit: behind queues of our own, seal a tenant's log and make a report; for a machine, what
a person has a right to."""

from __future__ import annotations

from functools import cache
from typing import Any

from functions.audit.gateways import Anchors, KmsSigner
from functions.audit.service import privacy, reports, sealing
from functions.audit.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.consumer import worker
from kernel.facts import Facts
from kernel.observe import task
from kernel.table import Table

MAX_RECEIVES = 5
"""After so many tries a message goes to the dead-letter queue."""
store = cache(Store)
signer = cache(KmsSigner)
bucket = cache(Anchors)


@worker
def seal(actor: Actor, _body: dict[str, Any], _receives: int) -> None:
    """Takes `{tenant_id}`: put what was kept into the log."""
    sealing.seal(store(), signer(), bucket(), actor, clock.now())


@worker
def report(actor: Actor, body: dict[str, Any], receives: int) -> None:
    """Takes `{tenant_id, report_id}`: make the file; after the last try, say that it cannot be made."""
    try:
        reports.make(store(), signer(), bucket(), actor, body["report_id"])
    except Exception:
        if receives >= MAX_RECEIVES:
            reports.fail(store(), actor, body["report_id"], "The file could not be made in spite of several tries.")
        raise


@task
def person(actor: Actor, event: dict[str, Any]) -> dict[str, Any]:
    """Takes `{job_id, wish: export|erase, audit?}`: hand in what the trail says of a person, or take the person out of
    it; that answers `{resume, changed}`, to be handed in again as `audit` until `resume` is null."""
    if event["wish"] == "erase":
        so_far = event.get("audit") or {}
        at = so_far.get("resume"), so_far.get("changed", 0)
        return dict(privacy.erase_person(store(), Table(), Facts(), actor, event["job_id"], *at))
    return dict(privacy.hand_in_person(store(), Table(), Facts(), actor, event["job_id"]))
