"""The audit trail's items. They are created and read; nothing here changes or deletes one."""

from __future__ import annotations

from functions.audit.model import AuditEntry
from kernel.actor import Actor
from kernel.errors import Conflict
from kernel.table import Page, Table, create


class Store:
    """Appends and reads entries."""

    def __init__(self, table: Table | None = None) -> None:
        self._table = table or Table()

    def append(self, entry: AuditEntry) -> None:
        """Keep an entry; the same event again changes nothing."""
        try:
            self._table.write(create(entry))
        except Conflict:
            return

    def entries(self, actor: Actor, day: str, limit: int, cursor: str | None) -> Page[AuditEntry]:
        """A day's entries, newest first."""
        return self._table.query(actor, AuditEntry, day=day, limit=limit, cursor=cursor, newest_first=True)

    def entry(self, actor: Actor, day: str, entry_id: str) -> AuditEntry:
        """One entry. Raises NotFound."""
        return self._table.require(actor, AuditEntry, day=day, entry_id=entry_id)
