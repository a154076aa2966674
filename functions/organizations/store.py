"""The organizations context's item."""

from __future__ import annotations

from contracts.organizations import OrganizationCreated, OrganizationRenamed, Tenancy
from functions.organizations.model import Organization
from kernel.actor import Actor
from kernel.table import Table, create, update


class Store:
    """Reads and commits the tenant's own record."""

    def __init__(self, table: Table | None = None) -> None:
        self._table = table or Table()

    def organization(self, actor: Actor) -> Organization:
        """The actor's organisation. Raises NotFound."""
        return self._table.require(actor, Organization)

    def add(self, actor: Actor, organization: Organization) -> None:
        """Commit a new tenant. Raises Conflict when there is one with this id."""
        event = OrganizationCreated(organization_id=organization.organization_id, name=organization.name)
        tenancy = Tenancy(tenant_id=actor.tenant_id)
        self._table.transact(actor, [create(organization), create(tenancy)], [event])

    def rename(self, actor: Actor, organization: Organization, before: str) -> None:
        """Commit a new name."""
        event = OrganizationRenamed(organization_id=organization.organization_id, name=organization.name, before=before)
        self._table.transact(actor, [update(organization)], [event])
