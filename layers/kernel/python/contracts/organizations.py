"""Organizations publish the tenants."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from kernel.events import Event
from kernel.records import Record


class OrganizationStatus(StrEnum):
    """Whether a tenant may work."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSING = "closing"
    """Its deletion was asked for and can be taken back; nobody but its administrators may log in."""


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


class Tenancy(Record, pk="PLATFORM#TENANTS#{tenant_id}", sk="TENANCY", platform=True):
    """What the authorizer must know of a tenant before it lets anybody in. The organizations context writes it, in
    the transaction that changes the organisation; one who reads the partition gets the tenant's `SignInRules` and
    `PolicySet` with it."""

    status: OrganizationStatus = OrganizationStatus.ACTIVE
    plan: str = "free"
    requests_per_second: float = 20
    burst: int = 100
    region: str = Field(default="", description="The home region; empty where the stage has but one.")
