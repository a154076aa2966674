"""Task door of organizations: what an operator, or another room on its way, asks for."""

from __future__ import annotations

from functools import cache
from typing import Any

from contracts.organizations import OrganizationStatus
from functions.organizations import service
from functions.organizations.store import Store
from kernel.actor import Actor
from kernel.observe import task

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
