"""Organizations publish the tenants."""

from __future__ import annotations

from kernel.events import Event


class OrganizationCreated(Event, context="organizations"):
    """A tenant exists."""

    organization_id: str
    name: str


class OrganizationRenamed(Event, context="organizations"):
    """A tenant has another name."""

    organization_id: str
    name: str
    before: str
