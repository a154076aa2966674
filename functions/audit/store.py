"""The audit trail's items. Entries and blocks are created and read; nothing here deletes one, and nothing changes one
but `forget`, which only the door of erasures may use."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from contracts.organizations import Tenancy
from functions.audit.model import merkle
from functions.audit.model.entries import AuditEntry, day_of, days
from functions.audit.model.log import Block, Head, Late, Receipt, Sealing, Tile, needed, nodes, tile_group, unpacked
from functions.audit.model.reports import AuditReport
from kernel import aws
from kernel.actor import Actor
from kernel.cursors import Cursors
from kernel.errors import Conflict, PreconditionFailed
from kernel.events import Event
from kernel.facts import Facts
from kernel.records import Resource
from kernel.table import AlreadySeen, Once, Page, Table, create, delete, update

PLAN_SECONDS = 300
AFTER_ALL = "~"
"""Sorts behind every id."""


class Store:
    """Appends and reads entries, and the log they are sealed in."""

    def __init__(self, table: Table | None = None, facts: Facts | None = None) -> None:
        self._table = table or Table()
        self._facts = facts
        self._plans: dict[str, tuple[float, str | None]] = {}

    @property
    def facts(self) -> Facts:
        """Where files lie."""
        if self._facts is None:
            self._facts = Facts()
        return self._facts

    def plan(self, actor: Actor) -> str | None:
        """The organisation's plan, as its context said within the last minutes."""
        known = self._plans.get(actor.tenant_id)
        if known is None or known[0] < time.monotonic():
            with aws.acting_for(actor.tenant_id):
                tenancy = self._table.get_platform(Tenancy, tenant_id=actor.tenant_id)
            known = (time.monotonic() + PLAN_SECONDS, tenancy.plan if tenancy else None)
            self._plans[actor.tenant_id] = known
        return known[1]

    # entries

    def append(self, entry: AuditEntry) -> None:
        """Keep an entry; the same event again changes nothing."""
        try:
            self._table.write(create(entry))
        except Conflict:
            return

    def log(self, actor: Actor, entry: AuditEntry, event: Event, answer: Resource) -> None:
        """Commit an entry that an integration told, and its event."""
        self._table.transact(actor, [create(entry)], [event], answer=answer)

    def entry(self, actor: Actor, day: str, entry_id: str) -> AuditEntry:
        """One entry. Raises NotFound."""
        return self._table.require(actor, AuditEntry, day=day, entry_id=entry_id)

    def entries(
        self, actor: Actor, day: str, first: str, last: str, limit: int, *, newest_first: bool = True
    ) -> list[AuditEntry]:
        """A day's entries between two ids."""
        bounds = {"entry_id": first}, {"entry_id": last}
        return self._table.span(actor, AuditEntry, *bounds, day=day, limit=limit, newest_first=newest_first)

    def entries_by(self, actor: Actor, user_id: str, first: str, last: str, limit: int) -> list[AuditEntry]:
        """A user's entries between two ids, newest first."""
        bounds = {"entry_id": first}, {"entry_id": last}
        return self._table.span(
            actor, AuditEntry, *bounds, index="gsi1", user_id=user_id, limit=limit, newest_first=True
        )

    def entries_about(self, actor: Actor, resource: str, first: str, last: str, limit: int) -> list[AuditEntry]:
        """A resource's entries between two ids, newest first."""
        bounds = {"entry_id": first}, {"entry_id": last}
        return self._table.span(
            actor, AuditEntry, *bounds, index="gsi2", resource=resource, limit=limit, newest_first=True
        )

    def entries_named(self, actor: Actor, entry_ids: Sequence[str]) -> dict[str, AuditEntry]:
        """Those of these entries that are there."""
        keys = [{"day": day_of(entry_id), "entry_id": entry_id} for entry_id in entry_ids]
        return {entry.entry_id: entry for entry in self._table.get_many(actor, AuditEntry, keys)}

    def forget(self, entry: AuditEntry) -> None:
        """Write an entry anew, without what a person has had erased from its content."""
        self._table.write(update(entry))

    # the log

    def head(self, actor: Actor) -> Head | None:
        """Where the log ends; None where it has not begun."""
        return self._table.get(actor, Head)

    def mark_late(self, actor: Actor, entry_id: str) -> None:
        """Tell the sealer of an entry that it may have passed."""
        try:
            self._table.write(create(Late(tenant_id=actor.tenant_id, entry_id=entry_id)))
        except Conflict:
            return

    def marks(self, actor: Actor, limit: int) -> list[Late]:
        """Entries that were kept late."""
        return self._table.span(actor, Late, {"entry_id": ""}, {"entry_id": AFTER_ALL}, limit=limit)

    def unmark(self, mark: Late) -> None:
        """A mark that is no longer needed."""
        with suppress(PreconditionFailed):  # another sealer was first
            self._table.write(delete(mark))

    def commit(self, actor: Actor, sealing: Sealing, marks: Sequence[Late]) -> None:
        """The next block of the log. Raises PreconditionFailed or Conflict when another sealer was first."""
        head = update(sealing.head) if sealing.head.version else create(sealing.head)
        made = [create(record) for record in (sealing.block, *sealing.tiles, *sealing.receipts)]
        self._table.transact(actor, [head, *made, *(delete(mark) for mark in marks)])

    def blocks(self, actor: Actor, first: str, last: str) -> Iterator[Block]:
        """The blocks that reach through an id or further, up to the first that reaches through `last`, in order."""
        for day in days(first, last):
            after: dict[str, Any] = {"through": first}
            while True:
                found = self._table.span(actor, Block, after, {"through": AFTER_ALL}, day=day, limit=20)
                yield from found
                if len(found) < 20:
                    break
                after = {"through": found[-1].through, "number": found[-1].number + 1}

    def block_with(self, actor: Actor, entry_id: str, through: str) -> Block | None:
        """The block in which an entry stands that was kept on time, if the log reaches so far."""
        for day in days(entry_id, through):
            bounds = {"through": entry_id}, {"through": AFTER_ALL}
            if found := self._table.span(actor, Block, *bounds, day=day, limit=1):
                return found[0]
        return None

    def receipts(self, actor: Actor, entry_ids: Sequence[str]) -> dict[str, int]:
        """Where late entries stand, of those that do."""
        keys = [{"day": day_of(entry_id), "entry_id": entry_id} for entry_id in entry_ids]
        return {each.entry_id: each.sequence for each in self._table.get_many(actor, Receipt, keys)}

    def tree(self, actor: Actor, head: Head, *proofs: Any) -> merkle.Whole:
        """The nodes of the tree that these proofs are made of."""
        places = sorted(needed(head, *proofs))
        keys = [{"group": tile_group(*place), "level": place[0], "index": place[1]} for place in places]
        tiles = self._table.get_many(actor, Tile, keys)
        return nodes(head, {(tile.level, tile.index): unpacked(tile.hashes) for tile in tiles})

    def inclusion(self, actor: Actor, head: Head, sequence: int) -> list[bytes]:
        """That an entry is in the tree."""
        proof = partial(merkle.inclusion, sequence, head.size)
        return proof(self.tree(actor, head, proof))

    # reports

    def add_report(self, actor: Actor, report: AuditReport, event: Event) -> None:
        """Commit an order."""
        self._table.transact(actor, [create(report)], [event], answer=report)

    def save_report(self, actor: Actor, report: AuditReport, *events: Event) -> None:
        """Commit how a report stands."""
        self._table.transact(actor, [update(report)], events)

    def report(self, actor: Actor, report_id: str) -> AuditReport:
        """One report. Raises NotFound."""
        return self._table.require(actor, AuditReport, report_id=report_id)

    def reports(self, actor: Actor, limit: int, cursor: str | None) -> Page[AuditReport]:
        """The organisation's reports, newest first."""
        return self._table.query(actor, AuditReport, limit=limit, cursor=cursor, newest_first=True)

    def all_reports(self, actor: Actor) -> Iterator[AuditReport]:
        """Every report there is."""
        return self._table.all(actor, AuditReport)

    def write_file(self, actor: Actor, report: AuditReport, body: bytes, media_type: str) -> None:
        """The file itself."""
        self.facts.put(actor, report.object_key(), body, media_type)

    def link(self, actor: Actor, report: AuditReport) -> str:
        """A download link for fifteen minutes."""
        return self.facts.link(actor, report.object_key(), report.file_name)

    def tell_once(self, actor: Actor, event: Event, name: str) -> None:
        """Publish what belongs to no item, the first time that something of this name is to be told."""
        with suppress(AlreadySeen):
            self._table.transact(actor, [], [event], once=Once("audit", name))

    @staticmethod
    def cursors(actor: Actor, query: str) -> Cursors:
        """The cursors of one search of one organisation."""
        return Cursors(f"{actor.tenant_id}|audit|{query}")
