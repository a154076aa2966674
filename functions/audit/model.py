"""The audit trail: who did what, when, from where."""

from __future__ import annotations

from datetime import UTC
from typing import Any, ClassVar

from ulid import ULID

from kernel.actor import SYSTEM_USER
from kernel.events import Envelope
from kernel.records import Hidden, Record


class AuditEntry(Record, pk="TENANT#{tenant_id}#AUDIT#{day}", sk="ENTRY#{entry_id}"):
    """One deed. Its id is the event's, which sorts by time; a partition is a day."""

    location: ClassVar[str | None] = "/audit/logs/{entry_id}"

    entry_id: str
    day: Hidden[str]
    at: str
    action: str
    context: str
    user_id: str
    email: str | None = None
    address: str | None = None
    request_id: str | None = None
    details: dict[str, Any]


def day_of(entry_id: str) -> str:
    """The day (UTC) in whose partition an entry lies, as its id says. Raises ValueError for what is no id."""
    return ULID.from_str(entry_id.removeprefix("evt_")).datetime.astimezone(UTC).date().isoformat()


def entry_of(envelope: Envelope) -> AuditEntry | None:
    """The deed behind an event; None for what the platform did by itself."""
    if envelope.origin.user_id == SYSTEM_USER:
        return None
    return AuditEntry(
        tenant_id=envelope.tenant_id,
        entry_id=envelope.id,
        day=day_of(envelope.id),
        at=envelope.at,
        action=envelope.type.rpartition(".v")[0],
        context=envelope.context,
        user_id=envelope.origin.user_id,
        email=envelope.origin.email,
        address=envelope.origin.address,
        request_id=envelope.request_id,
        details=envelope.data,
    )
