"""Event door of organizations: usage is counted, what was founded is made, providers learn of their customers."""

from __future__ import annotations

from functools import cache

from contracts.identity import MemberRemoved, UserCreated
from contracts.organizations import DelegationEnded, DelegationGranted, OrganizationFounded
from contracts.plans import Metered, Plan, plans
from contracts.scans import ScanDeleted, ScanEnded, ScanQueued
from functions.organizations import delegations, metering, service
from functions.organizations.store import Store
from kernel.actor import Actor
from kernel.consumer import Consumer
from kernel.events import Envelope

handler = Consumer("organizations")
store = cache(Store)


@handler.on(OrganizationFounded)
def build(event: OrganizationFounded, envelope: Envelope) -> None:
    """An organisation was founded; it is made if it is not there yet."""
    service.build(store(), store().founding(envelope.actor(), event.organization_id))


@handler.on(DelegationGranted)
def tell_of_grant(event: DelegationGranted, envelope: Envelope) -> None:
    """The provider's copy follows the customer's record."""
    delegations.tell_provider(store(), envelope.actor(), event.provider_id)


@handler.on(DelegationEnded)
def tell_of_end(event: DelegationEnded, envelope: Envelope) -> None:
    """The provider's copy follows the customer's record."""
    delegations.tell_provider(store(), envelope.actor(), event.provider_id)


@handler.on(UserCreated)
def count_user(_event: UserCreated, envelope: Envelope) -> None:
    """One more person."""
    _count(envelope, {Metered.USERS: 1})


@handler.on(MemberRemoved)
def uncount_user(_event: MemberRemoved, envelope: Envelope) -> None:
    """One person less."""
    _count(envelope, {Metered.USERS: -1})


@handler.on(ScanQueued)
def count_scan(_event: ScanQueued, envelope: Envelope) -> None:
    """One more scan."""
    _count(envelope, {Metered.SCANS: 1})


@handler.on(ScanEnded)
def count_ended(event: ScanEnded, envelope: Envelope) -> None:
    """What a scan has found, and the room that it takes."""
    actor, found = envelope.actor(), {Metered.OBSERVATIONS: event.tally.observations}
    metering.count_scan(store(), actor, _plan(actor), event.scan_id, found, handler.once(envelope))


@handler.on(ScanDeleted)
def count_deleted(event: ScanDeleted, envelope: Envelope) -> None:
    """The room that a scan took is free."""
    actor = envelope.actor()
    metering.count_scan(store(), actor, _plan(actor), event.scan_id, {}, handler.once(envelope))


def _count(envelope: Envelope, added: dict[Metered, int]) -> None:
    actor = envelope.actor()
    metering.count(store(), actor, _plan(actor), added, handler.once(envelope))


def _plan(actor: Actor) -> Plan:
    return plans()[service.plan_name(store(), actor)]
