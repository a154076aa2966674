"""Privacy's items, and the papers that the rooms leave."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from typing import Any

from contracts.organizations import Tenancy
from contracts.privacy import Subject, TenantErasure, job_prefix, part_key
from functions.privacy.errors import AlreadyErasing
from functions.privacy.model import Administrators, Erasing, Erasure, Member, PersonExport
from kernel import aws
from kernel.actor import Actor
from kernel.crypto import DataKey
from kernel.events import Event
from kernel.facts import Facts
from kernel.inventory import Inventory
from kernel.table import Change, Page, Table, create, put, update

ZIP = "personal-data.zip"
EPOCH = (1980, 1, 1, 0, 0, 0)


class Store:
    """Reads and commits for one deployment."""

    def __init__(
        self, table: Table | None = None, facts: Facts | None = None, inventory: Inventory | None = None
    ) -> None:
        self.table = table or Table()
        self._facts = facts
        self._inventory = inventory

    @property
    def facts(self) -> Facts:
        """Where papers and files lie."""
        if self._facts is None:
            self._facts = Facts()
        return self._facts

    @property
    def inventory(self) -> Inventory:
        """The whole table, for those who may look through it."""
        if self._inventory is None:
            self._inventory = Inventory()
        return self._inventory

    def member(self, actor: Actor, user_id: str) -> Member:
        """A person of the organisation. Raises NotFound."""
        return self.table.require(actor, Member, user_id=user_id)

    def administrators(self, actor: Actor) -> int:
        """How many administer the organisation."""
        found = self.table.get(actor, Administrators)
        return found.count if found else 0

    def owner(self, actor: Actor) -> str:
        """Who owns the organisation; empty where nobody does."""
        with aws.acting_for(actor.tenant_id):
            tenancy = self.table.get_platform(Tenancy, tenant_id=actor.tenant_id)
        return tenancy.owner_id if tenancy else ""

    def add_export(self, actor: Actor, export: PersonExport, subject: Subject, event: Event) -> None:
        """Commit an order."""
        self.table.transact(actor, [create(export), create(subject)], [event], answer=export)

    def export(self, actor: Actor, export_id: str) -> PersonExport:
        """One export. Raises NotFound."""
        return self.table.require(actor, PersonExport, export_id=export_id)

    def exports(self, actor: Actor, limit: int, cursor: str | None) -> Page[PersonExport]:
        """The organisation's exports, newest first."""
        return self.table.query(actor, PersonExport, limit=limit, cursor=cursor, newest_first=True)

    def save_export(self, actor: Actor, export: PersonExport, event: Event) -> None:
        """Commit what became of an export; nobody needs to know any more whom it is about."""
        self.table.transact(actor, [update(export), _forgotten(actor, export.export_id)], [event])

    def remove_export(self, actor: Actor, export: PersonExport, event: Event) -> None:
        """An export is gone, with its file."""
        gone = Change(export, "Delete", "version = :read", {":read": export.version})
        self.facts.erase(actor, job_prefix(actor.tenant_id, export.export_id))
        self.table.transact(actor, [gone, _forgotten(actor, export.export_id)], [event])

    def add_erasure(self, actor: Actor, erasure: Erasure, subject: Subject, event: Event) -> None:
        """Commit a wish to be forgotten. Raises AlreadyErasing."""
        mark = Erasing(tenant_id=actor.tenant_id, user_id=erasure.user_id, erasure_id=erasure.erasure_id)
        changes = [create(erasure), create(subject), create(mark, AlreadyErasing())]
        self.table.transact(actor, changes, [event], answer=erasure)

    def erasure(self, actor: Actor, erasure_id: str) -> Erasure:
        """One erasure. Raises NotFound."""
        return self.table.require(actor, Erasure, erasure_id=erasure_id)

    def erasures(self, actor: Actor, limit: int, cursor: str | None) -> Page[Erasure]:
        """The organisation's erasures, newest first."""
        return self.table.query(actor, Erasure, limit=limit, cursor=cursor, newest_first=True)

    def change_erasure(self, actor: Actor, erasure: Erasure, *events: Event, answers: bool = False) -> None:
        """Commit how far it is; whom it is about is still to be known."""
        self.table.transact(actor, [update(erasure)], events, answer=erasure if answers else None)

    def end_erasure(self, actor: Actor, erasure: Erasure, event: Event, *, answers: bool = False) -> None:
        """Commit that it is over, one way or the other."""
        mark = Erasing(tenant_id=actor.tenant_id, user_id=erasure.user_id, erasure_id=erasure.erasure_id)
        changes = [update(erasure), Change(mark, "Delete", ""), _forgotten(actor, erasure.erasure_id)]
        self.table.transact(actor, changes, [event], answer=erasure if answers else None)

    def tell(self, actor: Actor, event: Event) -> None:
        """Publish what changed nothing."""
        self.table.transact(actor, [], [event])

    def subject(self, actor: Actor, job_id: str) -> Subject:
        """Whom a job is about. Raises NotFound."""
        return self.table.require(actor, Subject, job_id=job_id)

    def papers(self, actor: Actor, job_id: str) -> frozenset[str]:
        """The rooms that have left theirs."""
        keys = self.facts.keys(actor, f"{job_prefix(actor.tenant_id, job_id)}parts/")
        return frozenset(key.rpartition("/")[2].removesuffix(".json") for key in keys)

    def paper(self, actor: Actor, job_id: str, room: str) -> dict[str, Any]:
        """What a room has left."""
        paper: dict[str, Any] = json.loads(self.facts.get(actor, part_key(actor.tenant_id, job_id, room)))
        return paper

    def write_file(self, actor: Actor, export: PersonExport, files: dict[str, bytes]) -> bytes:
        """The file that is downloaded."""
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, body in files.items():
                archive.writestr(zipfile.ZipInfo(name, EPOCH), body, zipfile.ZIP_DEFLATED)
        body = made.getvalue()
        self.facts.put(actor, f"{job_prefix(actor.tenant_id, export.export_id)}{ZIP}", body, "application/zip")
        return body

    def link(self, actor: Actor, export: PersonExport) -> str:
        """A download link for fifteen minutes."""
        key = f"{job_prefix(actor.tenant_id, export.export_id)}{ZIP}"
        return self.facts.link(actor, key, f"palisade-{export.export_id}.zip")

    def exports_of(self, actor: Actor, user_id: str) -> Sequence[PersonExport]:
        """All exports of a person."""
        return [each for each in self.table.all(actor, PersonExport) if each.user_id == user_id]

    def wrapped_key(self, actor: Actor) -> str:
        """The tenant's data key as KMS wrapped it; empty where there is none."""
        found = self.table.get(actor, DataKey)
        return found.wrapped if found else ""

    def tenant_erasure(self, actor: Actor) -> TenantErasure | None:
        """How far the erasure of the tenant is."""
        return self.table.get_platform(TenantErasure, tenant_id=actor.tenant_id)

    def keep_tenant_erasure(self, erasure: TenantErasure) -> None:
        """Commit how far it is."""
        self.table.transact_platform([put(erasure)])


def _forgotten(actor: Actor, job_id: str) -> Change:
    return Change(Subject(tenant_id=actor.tenant_id, job_id=job_id, user_id="", email="", name=""), "Delete", "")
