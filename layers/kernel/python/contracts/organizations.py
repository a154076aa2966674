"""Organizations publish the tenants."""

from __future__ import annotations

from kernel.events import Event
from kernel.records import Record


class OrganizationCreated(Event, context="organizations"):
    """A tenant exists."""

    organization_id: str
    name: str


class OrganizationRenamed(Event, context="organizations"):
    """A tenant has another name."""

    organization_id: str
    name: str
    before: str


class OrganizationBrief(Record, pk="TENANT#{tenant_id}#ORGANIZATIONS", sk="ORGANIZATION"):
    """What reports print of a tenant; the item itself belongs to the organizations context."""

    name: str
