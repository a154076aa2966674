"""Task doors of organizations: what an operator, or another room on its way, asks for."""

from __future__ import annotations

from functools import cache
from typing import Any

from contracts.organizations import OrganizationStatus
from functions.organizations import privacy, service
from functions.organizations.store import Store
from kernel.actor import Actor
from kernel.facts import Facts
from kernel.observe import task
from kernel.table import Table

store = cache(Store)


@task
def create_organization(actor: Actor, event: dict[str, Any]) -> dict[str, Any]:
    """Takes `{name, owner_id?, region?, plan?}`; the organisation. Doing it again changes nothing."""
    options = {name: event[name] for name in ("owner_id", "region", "plan") if name in event}
    made = service.create_organization(store(), actor, event["name"], **options)
    return made.model_dump(mode="json")


@task
def set_status(actor: Actor, event: dict[str, Any]) -> dict[str, Any]:
    """Takes `{status: active|suspended, reason}`; the organisation."""
    status = OrganizationStatus(event["status"])
    return service.set_status(store(), actor, status, event.get("reason", "")).model_dump(mode="json")


@task
def person(actor: Actor, event: dict[str, Any]) -> dict[str, int]:
    """Takes `{job_id, wish: export|erase}`: hand in what is known of a person, or erase it."""
    work = privacy.erase_person if event["wish"] == "erase" else privacy.hand_in_person
    return work(Table(), Facts(), actor, event["job_id"])
