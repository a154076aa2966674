"""For whom this context acts when it is not the caller. Each has a record of ours, or the clock, behind it."""

from __future__ import annotations

from functions.organizations.model import Founding, GrantedDelegation
from kernel.actor import Actor


def founder_of(founding: Founding) -> Actor:
    """Who founded an organisation, in the new one: its id was made for this founding, so nothing can be there yet."""
    return Actor(tenant_id=founding.organization_id, user_id=founding.owner_id, email=founding.owner_email)


def provider_of(customer: Actor, delegation: GrantedDelegation | None, provider_id: str) -> Actor:
    """The platform working for a provider whose copy of a customer's delegation is written or removed."""
    return Actor.system(delegation.provider_id if delegation else provider_id, request_id=customer.request_id)


def due(organization_id: str) -> Actor:
    """The platform working for an organisation whose day the clock has found."""
    return Actor.system(organization_id)
