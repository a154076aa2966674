"""The audit trail: who did what, when, from where, and what it changed."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar

from pydantic import Field
from ulid import ULID

from contracts.audit import EXTERNAL, ExternalEntryLogged
from contracts.privacy import Subject
from contracts.redaction import without
from functions.audit.model.canonical import canonical
from functions.audit.model.merkle import leaf_hash
from kernel import clock
from kernel.actor import SYSTEM_USER, Actor
from kernel.events import Category, Envelope, Origin
from kernel.records import Record, Resource

PREFIX = "evt_"
FORMAT = 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@/-]{0,127}")


class AuditEntry(
    Record,
    pk="TENANT#{tenant_id}#AUDIT#{day}",
    sk="ENTRY#{entry_id}",
    gsi1=("TENANT#{tenant_id}#AUDIT#ACTOR#{user_id}", "{entry_id}"),
    gsi2=("TENANT#{tenant_id}#AUDIT#RESOURCE#{resource}", "{entry_id}"),
):
    """One deed as it is kept; it is written once. Its id is the event's, which sorts by time; a partition is a day.

    What is about a person or may be long is `content`, which the leaf names by its salted digest alone: so it can be
    forgotten without a word of the log becoming false.
    """

    entry_id: str
    day: str
    at: str
    action: str
    context: str
    category: Category
    user_id: str
    key_id: str | None = None
    provider_id: str | None = None
    request_id: str | None = None
    resource: str
    external: bool = False
    content: str
    digest: str
    late: bool = False
    forgotten: str | None = None
    """The erasure that took a person out of the content, which therefore no longer is what the leaf names."""

    def forget(self, subject: Subject) -> bool:
        """Take a person out of the content; whether anything was there. Who did it all is but an id from then on, and
        the leaf, the chain and every proof stay as they are: they name the content by its salted digest, and salt and
        text are gone together."""
        told = self.told()
        is_own = self.user_id == subject.user_id
        cleaned = without({"user_id": self.user_id, "resource": self.resource, **told}, subject)
        kept = {"email": None if is_own else cleaned["email"], "address": None if is_own else told["address"]}
        kept["details"] = cleaned["details"]
        if kept == {name: told[name] for name in kept}:
            return False
        self.content, self.forgotten = canonical(kept).decode(), subject.job_id
        return True

    @property
    def vouched(self) -> str:
        """The content as the leaf names it; nothing where a person was taken out of it."""
        return "" if self.forgotten else self.content

    def leaf(self) -> dict[str, Any]:
        """What the log vouches for."""
        return {
            "v": FORMAT,
            "tenant_id": self.tenant_id,
            "entry_id": self.entry_id,
            "at": self.at,
            "action": self.action,
            "context": self.context,
            "category": self.category.value,
            "user_id": self.user_id,
            "key_id": self.key_id,
            "provider_id": self.provider_id,
            "request_id": self.request_id,
            "resource": self.resource,
            "external": self.external,
            "content": self.digest,
        }

    def leaf_hash(self) -> bytes:
        """The leaf as it stands in the tree."""
        return leaf_hash(canonical(self.leaf()))

    def told(self) -> dict[str, Any]:
        """What the content says: `email`, `address`, `details`."""
        told: dict[str, Any] = json.loads(self.content)
        return told


class AuditLogEntry(Resource):
    """One deed. `details` say what was done, with what changed before and after it."""

    location: ClassVar[str | None] = "/audit/logs/{entry_id}"

    entry_id: str
    at: str
    action: str
    context: str
    category: Category
    user_id: str
    email: str | None
    address: str | None
    key_id: str | None = Field(description="The API key that was used.")
    provider_id: str | None = Field(description="The provider's organisation that worked here by delegation.")
    request_id: str | None
    resource: str = Field(description="What was acted on.")
    external: bool = Field(description="Whether an integration of the organisation's own has told it.")
    details: dict[str, Any]
    forgotten: str | None = Field(default=None, description="The erasure that took a person out of it.")
    sealed: bool = Field(description="Whether it stands in the log; it does within minutes.")


def shown(entry: AuditEntry, *, sealed: bool) -> AuditLogEntry:
    """An entry as the API shows it."""
    return AuditLogEntry(**entry.model_dump(), **_personal(entry), sealed=sealed)


def _personal(entry: AuditEntry) -> dict[str, Any]:
    told = entry.told()
    return {name: told[name] for name in ("email", "address", "details")}


def day_of(entry_id: str) -> str:
    """The day (UTC) in whose partition an entry lies, as its id says. Raises ValueError for what is no id."""
    return born(entry_id).date().isoformat()


def born(entry_id: str) -> datetime:
    """When an id was made. Raises ValueError for what is no id."""
    return ULID.from_str(entry_id.removeprefix(PREFIX)).datetime.astimezone(UTC)


def before(entry_id: str) -> str:
    """Sorts behind all ids below this one, and before it."""
    return f"{entry_id[:-1]}{chr(ord(entry_id[-1]) - 1)}~"


def first_id(at: datetime) -> str:
    """The least id of a millisecond."""
    return f"{PREFIX}{str(ULID.from_datetime(at))[:10]}{'0' * 16}"


def last_id(at: datetime) -> str:
    """The greatest id of a millisecond."""
    return f"{PREFIX}{str(ULID.from_datetime(at))[:10]}{'Z' * 16}"


def days(first: str, last: str) -> list[str]:
    """The days from that of one id to that of another, in order."""
    start, end = (date.fromisoformat(day_of(each)) for each in (first, last))
    return [(start + timedelta(number)).isoformat() for number in range((end - start).days + 1)]


def is_late(entry_id: str, now: datetime, on_time: timedelta) -> bool:
    """Whether the sealer may have passed an entry that is only now kept."""
    return now - born(entry_id) > on_time


def entry_of(envelope: Envelope, retention_days: int, *, late: bool = False) -> AuditEntry | None:
    """The deed behind an event; None for what the platform did by itself, unless security or auditors care."""
    origin = envelope.origin
    if envelope.type == ExternalEntryLogged.type:  # its entry was written with it
        return None
    if origin.user_id == SYSTEM_USER and envelope.category is Category.ACTIVITY:
        return None
    return _entry(
        origin,
        retention_days,
        tenant_id=envelope.tenant_id,
        entry_id=envelope.id,
        at=envelope.at,
        action=envelope.type.rpartition(".v")[0],
        context=envelope.context,
        category=envelope.category,
        request_id=envelope.request_id,
        resource=_resource(envelope),
        details=envelope.data,
        late=late,
    )


def external_entry(actor: Actor, told: ExternalEntryLogged, now: datetime, retention_days: int) -> AuditEntry:
    """What an integration tells: under the caller's own name, and never as a deed of the platform."""
    return _entry(
        origin_of(actor),
        retention_days,
        tenant_id=actor.tenant_id,
        entry_id=told.entry_id,
        at=clock.timestamp(now),
        action=told.action,
        context=EXTERNAL,
        category=Category.ACTIVITY,
        request_id=actor.request_id,
        resource=told.resource or EXTERNAL,
        details={"subject": told.subject, **told.details},
        external=True,
    )


def origin_of(actor: Actor) -> Origin:
    """Who acts, as an event would name them."""
    return Origin(**actor.model_dump(include=set(Origin.model_fields)))


def _entry(origin: Origin, retention_days: int, *, entry_id: str, details: dict[str, Any], **fields: Any) -> AuditEntry:
    content = canonical(
        {"salt": secrets.token_hex(16), "email": origin.email, "address": origin.address, "details": details}
    )
    return AuditEntry(
        entry_id=entry_id,
        day=day_of(entry_id),
        user_id=origin.user_id.replace("#", "_"),
        key_id=origin.key_id,
        provider_id=origin.provider_id,
        content=content.decode(),
        digest=hashlib.sha256(content).hexdigest(),
        expires_at=int((born(entry_id) + timedelta(days=retention_days)).timestamp()),
        **fields,
    )


def _resource(envelope: Envelope) -> str:
    """What an event is about: by the house's custom, the first id that it names; or else the context."""
    ids = (value for name, value in envelope.data.items() if name.endswith("_id") and isinstance(value, str))
    return next((value for value in ids if _NAME.fullmatch(value)), envelope.context)
