"""Customers let a provider's people work in their organisations, see it, limit it and end it."""

from __future__ import annotations

from datetime import datetime

from contracts.access import ROLE_PERMISSIONS, covers
from contracts.organizations import DelegationEnded, DelegationGranted
from functions.organizations.actors import provider_of
from functions.organizations.errors import AlreadyOver, RoleNotHeld, UnknownProvider
from functions.organizations.model import Customer, GrantedDelegation
from functions.organizations.schemas import GrantDelegation
from functions.organizations.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.errors import NotFound, PreconditionFailed
from kernel.table import Page


def grant(
    store: Store, actor: Actor, organization_id: str, provider_id: str, command: GrantDelegation, if_match: int | None
) -> GrantedDelegation:
    """Let a provider in, or change what it may. Raises UnknownProvider, RoleNotHeld or AlreadyOver."""
    _own(actor, organization_id)
    if provider_id == actor.tenant_id or not store.is_organization(provider_id):
        raise UnknownProvider()
    _demand_held(actor, command.roles)
    if command.ends_at is not None and command.ends_at <= clock.now():
        raise AlreadyOver()
    known = store.find_delegation(actor, provider_id)
    if if_match is not None and if_match != (known.version if known else 0):
        raise PreconditionFailed()
    delegation = GrantedDelegation(
        tenant_id=actor.tenant_id,
        provider_id=provider_id,
        roles=tuple(dict.fromkeys(command.roles)),
        ends_at=_text(command.ends_at),
        user_ids=tuple(dict.fromkeys(command.user_ids)),
        granted_by=actor.user_id,
        granted_at=clock.timestamp(),
        note=command.note,
        version=known.version if known else 0,
    )
    event = DelegationGranted(
        provider_id=provider_id,
        roles=list(delegation.roles),
        ends_at=delegation.ends_at,
        before=list(known.roles) if known else [],
    )
    store.save_delegation(actor, delegation, event)
    return delegation


def get(store: Store, actor: Actor, organization_id: str, provider_id: str) -> GrantedDelegation:
    """One delegation."""
    _own(actor, organization_id)
    return store.delegation(actor, provider_id)


def list_all(
    store: Store, actor: Actor, organization_id: str, limit: int, cursor: str | None
) -> Page[GrantedDelegation]:
    """The providers that may come."""
    _own(actor, organization_id)
    return store.delegations(actor, limit, cursor)


def end(store: Store, actor: Actor, organization_id: str, provider_id: str, if_match: int | None) -> None:
    """A provider may not come any more; its people's sessions here end."""
    _own(actor, organization_id)
    delegation = store.delegation(actor, provider_id)
    if if_match is not None and if_match != delegation.version:
        raise PreconditionFailed()
    store.remove_delegation(actor, delegation, DelegationEnded(provider_id=provider_id, roles=list(delegation.roles)))


def customers(store: Store, actor: Actor, organization_id: str, limit: int, cursor: str | None) -> Page[Customer]:
    """The organisations that let the caller's in."""
    _own(actor, organization_id)
    return store.customers(actor, limit, cursor)


def tell_provider(store: Store, customer: Actor, provider_id: str) -> None:
    """Copy a customer's delegation to the provider as it is now, whatever the order in which events come."""
    delegation = store.find_delegation(customer, provider_id)
    provider = provider_of(customer, delegation, provider_id)
    if delegation is None:
        store.forget_customer(provider, customer.tenant_id)
        return
    store.keep_customer(
        Customer(
            tenant_id=provider.tenant_id,
            customer_id=customer.tenant_id,
            customer_name=store.organization(customer).name,
            roles=delegation.roles,
            user_ids=delegation.user_ids,
            ends_at=delegation.ends_at,
            seen=delegation.version,
        ),
    )


def _own(actor: Actor, organization_id: str) -> None:
    if organization_id != actor.tenant_id:
        raise NotFound()


def _demand_held(actor: Actor, roles: tuple[str, ...]) -> None:
    """Default roles alone are delegated: what they allow is the same on both sides."""
    for role in roles:
        allowed = ROLE_PERMISSIONS.get(role)
        if allowed is None or not all(covers(actor.permissions, permission) for permission in allowed):
            raise RoleNotHeld(f"You cannot delegate the role {role}.")


def _text(at: datetime | None) -> str | None:
    return clock.timestamp(at) if at else None
