"""Clock door of organizations: ends those whose grace period is over."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Any

from functions.organizations import service
from functions.organizations.actors import due
from functions.organizations.store import Store
from kernel import clock, observe
from kernel.errors import NotFound

store = cache(Store)
LOOKED_BACK_DAYS = 7
"""A clock that stood still catches up with a week."""


def handler(_event: dict[str, Any], _context: object) -> dict[str, int]:
    """What was due today and in the days before; how many organisations were looked at."""
    days = [clock.timestamp(clock.now() - timedelta(days=past))[:10] for past in range(LOOKED_BACK_DAYS)]
    looked_at = 0
    for day in days:
        for organization_id in store().due(day):
            looked_at += 1
            _end(day, organization_id)
    return {"looked_at": looked_at}


def _end(day: str, organization_id: str) -> None:
    actor = due(organization_id)
    with observe.working_for(actor):
        try:
            organization = store().organization(actor)
            if organization.erased_after and organization.erased_after > clock.timestamp():
                return  # later today
            service.end_organization(store(), actor)
        except NotFound:
            observe.logger().info("organisation already ended", extra={"organization_id": organization_id})
        store().settle(actor, day)
