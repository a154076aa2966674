"""What the organizations context does."""

from __future__ import annotations

from functions.organizations.model import Organization
from functions.organizations.schemas import ChangeOrganization
from functions.organizations.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.errors import Conflict, NotFound, PreconditionFailed


def create_organization(store: Store, actor: Actor, name: str) -> Organization:
    """Found the actor's tenant; founding it again returns it as it is."""
    organization = Organization(
        tenant_id=actor.tenant_id, organization_id=actor.tenant_id, name=name, created_at=clock.timestamp()
    )
    try:
        store.add(actor, organization)
    except Conflict:
        return store.organization(actor)
    return organization


def get_organization(store: Store, actor: Actor, organization_id: str) -> Organization:
    """The caller's organisation; any other id looks like one that does not exist."""
    if organization_id != actor.tenant_id:
        raise NotFound()
    return store.organization(actor)


def change_organization(
    store: Store, actor: Actor, organization_id: str, change: ChangeOrganization, if_match: int | None
) -> Organization:
    """Rename the caller's organisation."""
    organization = get_organization(store, actor, organization_id)
    if if_match is not None and if_match != organization.version:
        raise PreconditionFailed()
    before, organization.name = organization.name, change.name
    store.rename(actor, organization, before)
    return organization
