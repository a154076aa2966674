"""What the audit context does: keep every deed, and show them."""

from __future__ import annotations

from datetime import UTC, date, datetime

from functions.audit.model import AuditEntry, day_of, entry_of
from functions.audit.store import Store
from kernel.actor import Actor
from kernel.errors import NotFound
from kernel.events import Envelope
from kernel.table import Page


def keep(store: Store, envelope: Envelope) -> None:
    """Append the deed behind an event."""
    entry = entry_of(envelope)
    if entry is not None:
        store.append(entry)


def list_entries(store: Store, actor: Actor, day: date | None, limit: int, cursor: str | None) -> Page[AuditEntry]:
    """A day's deeds, newest first; today's by default."""
    wanted = day or datetime.now(UTC).date()
    return store.entries(actor, wanted.isoformat(), limit, cursor)


def get_entry(store: Store, actor: Actor, entry_id: str) -> AuditEntry:
    """One deed; its id says on which day it was done."""
    try:
        day = day_of(entry_id)
    except ValueError:
        raise NotFound() from None
    return store.entry(actor, day, entry_id)
