"""Tenants: what they are, what they use, and whom they let in from outside."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import Field

from contracts.organizations import Delegation, OrganizationStatus, Tenancy
from contracts.plans import PER_MONTH, Metered, Plan, plans
from functions.organizations.errors import NotClosing, NotOwner, WrongName
from kernel import clock
from kernel.actor import Actor
from kernel.records import Hidden, Record, Resource

GRACE_DAYS = 30
"""How long a deletion can be taken back."""
NEARLY = 0.8
"""The part of a limit at which its administrators are told."""
FREE = "free"
NOW = "now"
"""The period of what is counted as it is."""


class Organization(Record, pk="TENANT#{tenant_id}#ORGANIZATIONS", sk="ORGANIZATION"):
    """A tenant: its partition is its own, and there is one in it."""

    location: ClassVar[str | None] = "/organizations/{organization_id}"

    organization_id: str
    name: str
    created_at: str
    status: OrganizationStatus = OrganizationStatus.ACTIVE
    plan: str = FREE
    region: str = Field(default="", description="Where its data lives; empty where the stage has but one region.")
    owner_id: str = Field(default="", description="Who owns it; empty until somebody does.")
    erased_after: str | None = Field(default=None, description="When it is closing: until then it can be restored.")

    def tenancy(self) -> Tenancy:
        """What the authorizer must know of it. The version of the organisation is its version, too."""
        limits = plans()[self.plan]
        return Tenancy(
            tenant_id=self.tenant_id,
            status=self.status,
            plan=self.plan,
            requests_per_second=limits.requests_per_second,
            burst=limits.burst,
            requests_per_month=limits.api_calls,
            owner_id=self.owner_id,
            region=self.region,
        )

    def close(self, actor: Actor, typed_name: str) -> None:
        """Begin the grace period. Raises NotOwner, or WrongName when the name was not typed as it is."""
        self._demand_owner(actor)
        if typed_name != self.name:
            raise WrongName()
        self.status = OrganizationStatus.CLOSING
        self.erased_after = clock.timestamp(clock.now() + timedelta(days=GRACE_DAYS))

    def restore(self) -> None:
        """Take the deletion back. Raises NotClosing."""
        if self.status is not OrganizationStatus.CLOSING:
            raise NotClosing()
        self.status, self.erased_after = OrganizationStatus.ACTIVE, None

    def is_due(self, now: datetime) -> bool:
        """Whether the grace period is over."""
        return (
            self.status is OrganizationStatus.CLOSING
            and self.erased_after is not None
            and clock.parse(self.erased_after) <= now
        )

    def hand_over(self, actor: Actor, owner_id: str, typed_name: str) -> None:
        """Somebody else owns it. Raises NotOwner or WrongName."""
        self._demand_owner(actor)
        if typed_name != self.name:
            raise WrongName()
        self.owner_id = owner_id

    def _demand_owner(self, actor: Actor) -> None:
        """An organisation without an owner (an operator founded it) is its administrators'."""
        if self.owner_id and actor.user_id != self.owner_id:
            raise NotOwner()


class Founding(Record, pk="TENANT#{tenant_id}#ORGANIZATIONS", sk="FOUNDED#{organization_id}"):
    """That somebody founded another organisation from this one. The address is the new one's."""

    location: ClassVar[str | None] = "/organizations/{organization_id}"

    organization_id: str
    name: str
    owner_id: str
    owner_email: str
    region: str = ""
    created_at: str


class Usage(Record, pk="TENANT#{tenant_id}#USAGE", sk="PERIOD#{period}"):
    """What was counted in a month (`2026-01`), or is there now (`now`)."""

    period: str
    counts: dict[Metered, int] = Field(default_factory=dict)
    told: tuple[str, ...] = Field(default=(), description="Which warnings were given, as `scans:80`.")


class StoredScan(Record, pk="TENANT#{tenant_id}#USAGE", sk="STORED#{scan_id}"):
    """How many bytes a scan's facts take."""

    scan_id: str
    bytes: int


class UsageLine(Resource):
    """One thing that is counted."""

    metered: Metered
    used: int
    limit: int | None = Field(description="Absent: no limit.")
    left: int | None
    period: str = Field(description="The month that it is counted in, or `now`.")
    is_exhausted: bool


class UsageReport(Resource):
    """What the organisation uses of its plan."""

    plan: str
    lines: list[UsageLine]


class Subscription(Resource):
    """The plan of an organisation."""

    plan: Plan
    available: list[Plan]
    version: int


class PlanList(Resource):
    """Every plan."""

    items: list[Plan]


class GrantedDelegation(Delegation):
    """What a customer lets a provider do, as it is stored with the customer."""

    location: ClassVar[str | None] = "/organizations/{tenant_id}/delegations/{provider_id}"

    provider_name: str = ""
    granted_by: str
    granted_at: str
    note: str = ""


class Customer(Record, pk="TENANT#{tenant_id}#CUSTOMERS", sk="CUSTOMER#{customer_id}"):
    """With a provider: a customer that lets its people in. A copy; the customer's own record decides."""

    customer_id: str
    customer_name: str
    roles: tuple[str, ...]
    user_ids: tuple[str, ...] = ()
    ends_at: str | None = None
    seen: Hidden[int] = Field(default=0, description="The version of the customer's record that this is a copy of.")


class MemberBrief(Record, pk="TENANT#{tenant_id}#USERS", sk="USER#{user_id}"):
    """What this context reads of a person; the item belongs to identity."""

    user_id: str
    email: str = ""
    roles: tuple[str, ...] = ()


def period_of(metered: Metered, now: datetime) -> str:
    """The period that something is counted in."""
    return now.strftime("%Y-%m") if metered in PER_MONTH else NOW


def line(metered: Metered, used: int, plan: Plan, now: datetime) -> UsageLine:
    """How much of a limit is used."""
    limit = plan.limit(metered)
    return UsageLine(
        metered=metered,
        used=used,
        limit=limit or None,
        left=max(0, limit - used) if limit else None,
        period=period_of(metered, now),
        is_exhausted=bool(limit) and used >= limit,
    )


def warnings_due(usage: Usage, metered: Metered, limit: int) -> list[int]:
    """Which warnings (per cent of the limit) are due and were not given in this period."""
    used = usage.counts.get(metered, 0)
    due = [per_cent for per_cent in (int(NEARLY * 100), 100) if limit and used * 100 >= limit * per_cent]
    return [per_cent for per_cent in due if f"{metered}:{per_cent}" not in usage.told]
