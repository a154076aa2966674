"""Organizations publish the tenants."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from kernel.events import Category, Event
from kernel.records import Record


class OrganizationStatus(StrEnum):
    """Whether a tenant may work."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSING = "closing"
    """Its deletion was asked for and can be taken back; nobody but its administrators may log in."""


class OrganizationFounded(Event, context="organizations", category=Category.SECURITY):
    """Somebody founded another organisation, from the one that the event belongs to."""

    organization_id: str
    name: str
    owner_id: str
    owner_email: str


class OrganizationCreated(Event, context="organizations"):
    """A tenant exists. `owner_id` is who founded it, when it was a person: identity lets him in."""

    organization_id: str
    name: str
    owner_id: str = ""
    owner_email: str = ""


class OrganizationRenamed(Event, context="organizations"):
    """A tenant has another name."""

    organization_id: str
    name: str
    before: str


class OwnershipTransferred(Event, context="organizations", category=Category.SECURITY):
    """Somebody else owns the organisation now."""

    owner_id: str
    before: str


class OrganizationStatusChanged(Event, context="organizations", category=Category.SECURITY):
    """The organisation was suspended, is being closed, or may work again."""

    status: OrganizationStatus
    before: OrganizationStatus
    reason: str = ""
    erased_after: str | None = None


class OrganizationClosed(Event, context="organizations", category=Category.SECURITY):
    """The grace period is over: all that the organisation has is to be erased."""

    organization_id: str
    name: str


class SubscriptionChanged(Event, context="organizations", category=Category.COMPLIANCE):
    """The organisation has another plan."""

    plan: str
    before: str


class LimitApproached(Event, context="organizations"):
    """A limit of the plan is nearly, or fully, used up."""

    metered: str
    used: int
    limit: int
    exhausted: bool


class DelegationGranted(Event, context="organizations", category=Category.SECURITY):
    """A customer lets a provider's people work in its organisation; again when what they may was changed."""

    provider_id: str
    roles: list[str]
    ends_at: str | None = None
    before: list[str] = []


class DelegationEnded(Event, context="organizations", category=Category.SECURITY):
    """A provider's people may no longer work in the customer's organisation."""

    provider_id: str
    roles: list[str]


class Delegation(Record, pk="TENANT#{tenant_id}#DELEGATIONS", sk="PROVIDER#{provider_id}"):
    """In a customer's organisation: which roles a provider's people have there, until when, and how many of them. The
    one authority on it; what the provider knows is a copy."""

    provider_id: str
    roles: tuple[str, ...]
    ends_at: str | None = None
    user_ids: tuple[str, ...] = Field(default=(), description="The provider's people who may come; empty: any.")


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
    requests_per_month: int = Field(default=0, description="0: as many as there are.")
    owner_id: str = Field(default="", description="Who owns the organisation; he cannot be removed from it.")
    region: str = Field(default="", description="The home region; empty where the stage has but one.")
