"""Sealing: the entries that are not yet in the log get their place, for good.

An entry is written once, by whoever keeps it, and the log passes no id younger than the grace. So all that was kept on
time is there when the log passes; what was kept later has a mark. A step of the log is one transaction on its head's
version: two sealers at once, or one that dies anywhere, neither lose nor double an entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from contracts.audit import AuditLogDiverged
from contracts.plans import plans
from functions.audit.errors import LogDiverged
from functions.audit.gateways import Bucket, Signer, seal_grace
from functions.audit.model.entries import AuditEntry, days, last_id
from functions.audit.model.log import MAX_BLOCK, MAX_LATE, Head, Late, Sealing, beginning, sealed, tree_head
from functions.audit.store import Store
from kernel.actor import Actor
from kernel.errors import Conflict, PreconditionFailed

DEFAULT_RETENTION_DAYS = 365
LOCKED_LONGER = timedelta(days=30)
"""For how much longer than its youngest entry an anchor is locked."""
MAX_FAILURES = 4
"""Steps that fail one after the other without anybody's getting further."""


class Batch(NamedTuple):
    """What the next block is made of; `marks` are settled by it."""

    on_time: list[AuditEntry]
    late: list[AuditEntry]
    marks: list[Late]
    through: str


def retention_days(store: Store, actor: Actor) -> int:
    """For how long the organisation's plan keeps an entry."""
    plan = plans().get(store.plan(actor) or "")
    return plan.audit_days if plan else DEFAULT_RETENTION_DAYS


def seal(store: Store, signer: Signer, bucket: Bucket, actor: Actor, now: datetime) -> Head:
    """Put all entries that are old enough into the log, and anchor its head. Raises LogDiverged."""
    head = store.head(actor) or beginning(actor.tenant_id)
    limit = last_id(now - seal_grace())
    failures = 0
    while (batch := _next_batch(store, actor, head, limit)) is not None:
        step = sealed(head, batch.on_time, batch.late, batch.through, now)
        step.head.anchor = signer.sign(tree_head(step.head))
        moved = _committed(store, actor, step, batch.marks)
        failures = failures + 1 if moved.size <= head.size else 0
        if failures == MAX_FAILURES:  # what the block would overwrite is there, and the head does not know of it
            _diverged(store, actor, head, "")
        head = moved
    _anchor(store, bucket, actor, head, now)
    return head


def _committed(store: Store, actor: Actor, step: Sealing, marks: Sequence[Late]) -> Head:
    """The head after a step; or as another sealer has left it meanwhile."""
    try:
        store.commit(actor, step, marks)
    except (Conflict, PreconditionFailed):
        return store.head(actor) or beginning(actor.tenant_id)
    return step.head


def _next_batch(store: Store, actor: Actor, head: Head, limit: str) -> Batch | None:
    """The entries that come next; None when there are none. Marks are read first: so what they mark is there."""
    marks = store.marks(actor, MAX_LATE)
    on_time, through = _on_time(store, actor, head, limit)
    passed = [mark for mark in marks if mark.entry_id <= head.through]
    late = _missing(store, actor, head, passed)
    settled = [mark for mark in marks if head.through < mark.entry_id <= through]
    waiting = {entry.entry_id for entry in late}
    for mark in passed:
        if mark.entry_id in waiting:
            settled.append(mark)
        else:
            store.unmark(mark)
    if not on_time and not late:
        for mark in settled:
            store.unmark(mark)
        return _next_batch(store, actor, head, limit) if len(marks) == MAX_LATE and len(passed) else None
    return Batch(on_time, late, settled, through)


def _on_time(store: Store, actor: Actor, head: Head, limit: str) -> tuple[list[AuditEntry], str]:
    """The entries behind the head up to a limit, and how far the log reaches with them."""
    found: list[AuditEntry] = []
    if limit <= head.through:
        return found, head.through
    for day in days(head.through, limit):
        wanted = MAX_BLOCK - len(found)
        found += store.entries(actor, day, head.through + " ", limit, wanted, newest_first=False)
        if len(found) == MAX_BLOCK:
            return found, found[-1].entry_id
    return found, limit


def _missing(store: Store, actor: Actor, head: Head, marks: Sequence[Late]) -> list[AuditEntry]:
    """Those of the marked entries that the log has passed and does not hold."""
    if not marks:
        return []
    entries = store.entries_named(actor, [mark.entry_id for mark in marks])
    places = places_of(store, actor, head, list(entries.values()))
    return [entry for entry_id, entry in entries.items() if entry_id not in places]


def places_of(store: Store, actor: Actor, head: Head, entries: Sequence[AuditEntry]) -> dict[str, int]:
    """The places in the log of those of these entries that have one."""
    places: dict[str, int] = {}
    for entry in entries:
        block = store.block_with(actor, entry.entry_id, head.through) if entry.entry_id <= head.through else None
        if block and entry.entry_id in (ids := block.entry_ids()):
            places[entry.entry_id] = block.first + ids.index(entry.entry_id)
    unknown = [entry.entry_id for entry in entries if entry.entry_id not in places and entry.entry_id <= head.through]
    return places | (store.receipts(actor, unknown) if unknown else {})


def _anchor(store: Store, bucket: Bucket, actor: Actor, head: Head, now: datetime) -> None:
    """Lock the head away where nobody can change it. Doing it again changes nothing."""
    if head.anchor is None:
        return
    until = now + timedelta(days=retention_days(store, actor)) + LOCKED_LONGER
    locked = bucket.drop(actor, head.anchor, until)
    if locked.statement != head.anchor.statement:
        _diverged(store, actor, head, str(locked.statement.get("root")))


def _diverged(store: Store, actor: Actor, head: Head, anchored_root: str) -> None:
    event = AuditLogDiverged(size=head.size, anchored_root=anchored_root, root=head.root)
    store.tell_once(actor, event, f"diverged-{head.size}-{head.root}")
    raise LogDiverged(f"the audit log of {actor.tenant_id} is not the one that was sealed, at size {head.size}")
