"""What the trail says of a person, to be handed out; and the person taken out of it, without breaking a seal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from functools import partial

from contracts.privacy import Sections, hand_in, receipt, subject_of
from functions.audit.model.entries import AuditEntry, before, days, first_id, last_id
from functions.audit.model.log import beginning
from functions.audit.model.reports import AuditReportStatus
from functions.audit.service.trail import shown_all
from functions.audit.store import AFTER_ALL, Store
from kernel import clock
from kernel.actor import Actor
from kernel.errors import PreconditionFailed
from kernel.facts import Facts
from kernel.table import Table

CHUNK = 500
WORKS_SECONDS = 480
GONE = "It told of a person who has been erased. Order it again."
Read = Callable[[str], list[AuditEntry]]


def hand_in_person(store: Store, table: Table, facts: Facts, actor: Actor, job_id: str) -> dict[str, int]:
    """Leave every entry by a person, and about one."""
    user_id = subject_of(table, actor, job_id).user_id
    first, last = beginning(actor.tenant_id).through, last_id(clock.now())
    by = _all(lambda until: store.entries_by(actor, user_id, first, until, CHUNK), last)
    about = _all(lambda until: store.entries_about(actor, user_id, first, until, CHUNK), last)
    sections: Sections = {"by": shown_all(store, actor, list(by)), "about": shown_all(store, actor, list(about))}
    return hand_in(facts, actor, job_id, "audit", sections)


def erase_person(
    store: Store, table: Table, facts: Facts, actor: Actor, job_id: str, resume: str | None, changed: int
) -> dict[str, str | int | None]:
    """Take a person out of the contents of entries, day after day; `{resume, changed}`, to be handed in again until
    `resume` is None. Files of the trail that lie ready are removed: they can be ordered again."""
    subject = subject_of(table, actor, job_id)
    if resume is None:
        changed += _drop_files(store, facts, actor)
    deadline = time.monotonic() + WORKS_SECONDS
    for day in days(resume or beginning(actor.tenant_id).through, last_id(clock.now())):
        if time.monotonic() > deadline:
            return {"resume": first_id(datetime.fromisoformat(f"{day}T00:00:00+00:00")), "changed": changed}
        for entry in _all(partial(_of_day, store, actor, day), AFTER_ALL):
            if entry.forget(subject):
                with suppress(PreconditionFailed):  # another try of the same erasure was first
                    store.forget(entry)
                changed += 1
    receipt(facts, actor, job_id, "audit", {"entries": changed})
    return {"resume": None, "changed": changed}


def _of_day(store: Store, actor: Actor, day: str, until: str) -> list[AuditEntry]:
    return store.entries(actor, day, "", until, CHUNK)


def _drop_files(store: Store, facts: Facts, actor: Actor) -> int:
    gone = 0
    for report in store.all_reports(actor):
        if report.status is AuditReportStatus.READY:
            facts.erase(actor, report.object_key())
            report.status, report.reason = AuditReportStatus.FAILED, GONE
            store.save_report(actor, report)
            gone += 1
    return gone


def _all(read: Read, last: str) -> Iterator[AuditEntry]:
    """The entries that a query gives chunk after chunk, newest first."""
    while found := read(last):
        yield from found
        if len(found) < CHUNK:
            return
        last = before(found[-1].entry_id)
