"""Task door of organizations: an operator founds a tenant."""

from __future__ import annotations

from functools import cache
from typing import Any

from functions.organizations import service
from functions.organizations.store import Store
from kernel.actor import Actor
from kernel.observe import task

store = cache(Store)


@task
def create_organization(actor: Actor, event: dict[str, Any]) -> dict[str, Any]:
    """Takes `{name}`; the organisation. Doing it again changes nothing."""
    return service.create_organization(store(), actor, event["name"]).model_dump(mode="json")
