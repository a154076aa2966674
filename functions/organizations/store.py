"""The organizations context's items."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from contracts.identity import SignInRules
from contracts.organizations import (
    DelegationEnded,
    DelegationGranted,
    LimitApproached,
    OrganizationClosed,
    OrganizationCreated,
    OrganizationFounded,
    OrganizationRenamed,
    OrganizationStatusChanged,
    OwnershipTransferred,
    SubscriptionChanged,
    Tenancy,
)
from contracts.plans import PER_MONTH, Exhausted, Metered
from functions.organizations.model import (
    Customer,
    Founding,
    GrantedDelegation,
    MemberBrief,
    Organization,
    StoredScan,
    Usage,
    UsageLine,
)
from kernel.actor import Actor
from kernel.events import Event
from kernel.facts import Facts
from kernel.limits import PLAN, Bucket, month_of, seconds_left_in_month
from kernel.records import Record
from kernel.table import Change, Once, Page, Table, create, delete, put, update


class Due(Record, pk="PLATFORM#CLOSING#{day}", sk="TENANT#{organization_id}", platform=True):
    """That a grace period ends on a day; the clock finds it there, since nobody can look through all tenants."""

    day: str
    organization_id: str


class Counted(NamedTuple):
    """A period's usage as it is to be stored, how it stands against the plan, and the warnings (per cent) to give."""

    usage: Usage
    lines: list[UsageLine]
    warnings: list[tuple[Metered, int]]


class Store:
    """Reads and commits the tenant's own record, its usage and its delegations."""

    def __init__(self, table: Table | None = None, facts: Facts | None = None) -> None:
        self._table = table or Table()
        self._facts = facts

    def organization(self, actor: Actor) -> Organization:
        """The actor's organisation. Raises NotFound."""
        return self._table.require(actor, Organization)

    def find_organization(self, actor: Actor) -> Organization | None:
        """The actor's organisation, or None."""
        return self._table.get(actor, Organization)

    def is_organization(self, tenant_id: str) -> bool:
        """Whether there is an organisation with this id."""
        return self._table.get_platform(Tenancy, tenant_id=tenant_id) is not None

    def member(self, actor: Actor, user_id: str) -> MemberBrief | None:
        """A person of the organisation."""
        return self._table.get(actor, MemberBrief, user_id=user_id)

    def add(self, actor: Actor, organization: Organization, owner_email: str = "") -> None:
        """Commit a new tenant. Raises Conflict when there is one with this id."""
        event = OrganizationCreated(
            organization_id=organization.organization_id,
            name=organization.name,
            owner_id=organization.owner_id,
            owner_email=owner_email,
        )
        self._table.transact(actor, [create(organization), create(organization.tenancy())], [event])

    def founded(self, actor: Actor, at_most: int) -> int:
        """How many organisations were founded from this one, counted up to a number."""
        return len(self._table.query(actor, Founding, limit=at_most).items)

    def record_founding(self, actor: Actor, founding: Founding, here: Organization) -> None:
        """Commit that an organisation is founded. It changes the present one's version, so that two at once cannot
        both be the last that the plan allows."""
        event = OrganizationFounded(
            **founding.model_dump(include={"organization_id", "name", "owner_id", "owner_email"})
        )
        changes = [create(founding), update(here), put(_tenancy(here))]
        self._table.transact(actor, changes, [event], answer=founding)

    def founding(self, actor: Actor, organization_id: str) -> Founding:
        """One that was founded from here. Raises NotFound."""
        return self._table.require(actor, Founding, organization_id=organization_id)

    def rename(self, actor: Actor, organization: Organization, before: str) -> None:
        """Commit a new name."""
        event = OrganizationRenamed(organization_id=organization.organization_id, name=organization.name, before=before)
        self._change(actor, organization, event)

    def hand_over(self, actor: Actor, organization: Organization, before: str) -> None:
        """Commit a new owner."""
        self._change(actor, organization, OwnershipTransferred(owner_id=organization.owner_id, before=before))

    def change_plan(self, actor: Actor, organization: Organization, before: str, lines: Sequence[UsageLine]) -> None:
        """Commit another plan, with the marks of the limits that it sets."""
        event = SubscriptionChanged(plan=organization.plan, before=before)
        self._change(actor, organization, event, *(_mark(actor, line) for line in lines))

    def set_status(self, actor: Actor, organization: Organization, before: str, reason: str = "") -> None:
        """Commit a status; when it is closing, the clock is told the day."""
        event = OrganizationStatusChanged.model_validate(
            {
                "status": organization.status,
                "before": before,
                "reason": reason,
                "erased_after": organization.erased_after,
            }
        )
        day = (organization.erased_after or "")[:10]
        due = [put(_due_on(actor, day))] if day else []
        self._change(actor, organization, event, *due)

    def end(self, actor: Actor, organization: Organization) -> None:
        """Commit that the tenant is no more: nobody can enter it from now on."""
        event = OrganizationClosed(organization_id=organization.organization_id, name=organization.name)
        gone = [
            Change(record, "Delete", "") for record in (_tenancy(organization), SignInRules(tenant_id=actor.tenant_id))
        ]
        self._table.transact(actor, [delete(organization), *gone], [event])

    def due(self, day: str) -> list[str]:
        """The organisations whose grace period ends on a day."""
        return [each.organization_id for each in self._table.all_platform(Due, day=day)]

    def settle(self, actor: Actor, day: str) -> None:
        """The clock has done what was due."""
        self._table.write(Change(_due_on(actor, day), "Delete", ""))

    def usage(self, actor: Actor, *periods: str) -> dict[str, Usage]:
        """What was counted in periods, by period. One call."""
        found = self._table.get_many(actor, Usage, [{"period": period} for period in periods])
        return {usage.period: usage for usage in found}

    def api_calls(self, actor: Actor, now: datetime) -> int:
        """How many requests the tenant has sent this month, as its bucket knows: shares that workers hold are counted
        as sent."""
        bucket = self._table.get(actor, Bucket, name=PLAN)
        return int(bucket.taken_in(month_of(now.timestamp()))) if bucket else 0

    def count(self, actor: Actor, counted: Sequence[Counted], once: Once, stored: StoredScan | None = None) -> None:
        """Commit usage, a scan's size if one was measured, the marks of limits and the events that warn of them."""
        changes, events = _usage_changes(actor, counted)
        if stored is not None:
            changes.append(put(stored) if stored.bytes else Change(stored, "Delete", ""))
        self._table.transact(actor, changes, events, once=once)

    def stored_scan(self, actor: Actor, scan_id: str) -> StoredScan | None:
        """What is known of a scan's size."""
        return self._table.get(actor, StoredScan, scan_id=scan_id)

    def size_of_scan(self, actor: Actor, scan_id: str) -> int:
        """How many bytes a scan's facts take now. One call per thousand objects."""
        facts = self._facts or Facts()
        return facts.size(actor, f"tenants/{actor.tenant_id}/scans/{scan_id}/")

    def find_delegation(self, actor: Actor, provider_id: str) -> GrantedDelegation | None:
        """What a provider may do here."""
        return self._table.get(actor, GrantedDelegation, provider_id=provider_id)

    def delegation(self, actor: Actor, provider_id: str) -> GrantedDelegation:
        """What a provider may do here. Raises NotFound."""
        return self._table.require(actor, GrantedDelegation, provider_id=provider_id)

    def delegations(self, actor: Actor, limit: int, cursor: str | None) -> Page[GrantedDelegation]:
        """The providers that may come."""
        return self._table.query(actor, GrantedDelegation, limit=limit, cursor=cursor)

    def save_delegation(self, actor: Actor, delegation: GrantedDelegation, event: DelegationGranted) -> None:
        """Commit a delegation that was read at its version."""
        change = update(delegation) if delegation.version else create(delegation)
        self._table.transact(actor, [change], [event])

    def remove_delegation(self, actor: Actor, delegation: GrantedDelegation, event: DelegationEnded) -> None:
        """Commit that a delegation has ended."""
        self._table.transact(actor, [delete(delegation)], [event])

    def customers(self, actor: Actor, limit: int, cursor: str | None) -> Page[Customer]:
        """The organisations that let the actor's in."""
        return self._table.query(actor, Customer, limit=limit, cursor=cursor)

    def keep_customer(self, customer: Customer) -> None:
        """Write a provider's copy."""
        self._table.write(put(customer))

    def forget_customer(self, provider: Actor, customer_id: str) -> None:
        """Remove a provider's copy."""
        gone = Customer(tenant_id=provider.tenant_id, customer_id=customer_id, customer_name="", roles=())
        self._table.write(Change(gone, "Delete", ""))

    def _change(self, actor: Actor, organization: Organization, event: Event, *more: Change) -> None:
        self._table.transact(actor, [update(organization), put(_tenancy(organization)), *more], [event])


def _tenancy(organization: Organization) -> Tenancy:
    return organization.tenancy()


def _due_on(actor: Actor, day: str) -> Due:
    return Due(tenant_id=actor.tenant_id, day=day, organization_id=actor.tenant_id)


def _usage_changes(actor: Actor, counted: Sequence[Counted]) -> tuple[list[Change], list[Event]]:
    changes: list[Change] = []
    events: list[Event] = []
    for each in counted:
        changes.append(update(each.usage) if each.usage.version else create(each.usage))
        by_metered = {line.metered: line for line in each.lines}
        changes += [_mark(actor, line) for line in each.lines if line.limit]
        for metered, per_cent in each.warnings:
            line = by_metered[metered]
            events.append(
                LimitApproached(metered=metered, used=line.used, limit=line.limit or 0, exhausted=per_cent >= 100)
            )
    return changes, events


def _mark(actor: Actor, line: UsageLine) -> Change:
    mark = Exhausted(tenant_id=actor.tenant_id, metered=line.metered)
    if not line.is_exhausted:
        return Change(mark, "Delete", "")
    if line.metered in PER_MONTH:
        now = datetime.now(UTC).timestamp()
        mark.expires_at = int(now) + seconds_left_in_month(now)
    return put(mark)
