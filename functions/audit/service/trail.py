"""The trail: keep deeds, find them, show them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from contracts.audit import AuditReportRequested, ExternalEntryLogged
from functions.audit.errors import WrongPeriod
from functions.audit.gateways import Work, seal_grace
from functions.audit.model import entries as trail
from functions.audit.model.canonical import canonical
from functions.audit.model.entries import AuditEntry, AuditLogEntry, entry_of, external_entry, is_late, shown
from functions.audit.model.log import Head, beginning
from functions.audit.model.reports import AuditFilters
from functions.audit.schemas import InclusionProof, LogAuditEntry, ProvenAuditEntry
from functions.audit.service.sealing import places_of, retention_days
from functions.audit.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.errors import NotFound
from kernel.events import Envelope
from kernel.ids import new_id

USUAL_DAYS = 30
"""How far a search reaches back that says nothing of it."""
LONGEST_DAYS = 3660
MAX_READ = 1000
"""Entries that a page is found among; a search that is not through them by then goes on with the next page."""
MAX_DAYS = 31
"""Days that one page looks through."""
CHUNK = 200
CLOCKS_DIFFER = timedelta(minutes=1)


class Period(NamedTuple):
    """The ids between which is searched."""

    first: str
    last: str


def keep(store: Store, work: Work, envelope: Envelope) -> None:
    """Append the deed behind an event, and see that it is sealed."""
    actor, entry_id = envelope.actor(), envelope.id
    if envelope.type == ExternalEntryLogged.type:
        entry_id = str(envelope.data["entry_id"])
    on_time = seal_grace() / 2
    entry = entry_of(envelope, retention_days(store, actor), late=is_late(entry_id, clock.now(), on_time))
    if entry is not None:
        store.append(entry)
        if is_late(entry_id, clock.now(), on_time):  # the log may have passed it while it was being kept
            store.mark_late(actor, entry_id)
        work.seal(envelope.tenant_id)
    elif envelope.type == ExternalEntryLogged.type:
        work.seal(envelope.tenant_id)
    if envelope.type == AuditReportRequested.type:
        work.make(envelope.tenant_id, str(envelope.data["report_id"]))


def log_entry(store: Store, actor: Actor, command: LogAuditEntry) -> AuditLogEntry:
    """Append what an integration tells, under the caller's name."""
    told = ExternalEntryLogged(entry_id=new_id("evt"), **command.model_dump())
    entry = external_entry(actor, told, clock.now(), retention_days(store, actor))
    answer = shown(entry, sealed=False)
    store.log(actor, entry, told, answer)
    return answer


def period(since: datetime | None, until: datetime | None, now: datetime) -> Period:
    """The ids of a period; by default the last month. Raises WrongPeriod."""
    end = until or now + CLOCKS_DIFFER
    start = since or end - timedelta(days=USUAL_DAYS)
    if start > end or end - start > timedelta(days=LONGEST_DAYS):
        raise WrongPeriod("The period must not end before it begins, nor be longer than ten years.")
    return Period(trail.first_id(start), trail.last_id(end))


def search(
    store: Store, actor: Actor, wanted: AuditFilters, within: Period, limit: int, cursor: str | None, query: str
) -> tuple[list[AuditLogEntry], str | None]:
    """A page of the entries of a period that pass the filters, newest first, and the cursor of the next one. A page
    may hold fewer than `limit`, or none, and still have a next one: what a page reads is bounded."""
    cursors = store.cursors(actor, query)
    within = Period(max(within.first, beginning(actor.tenant_id).through), within.last)
    if cursor:
        position = cursors.read(cursor)
        within = Period(str(position["first"]), str(position["last"]))
    found: list[AuditEntry] = []
    resume: str | None = None
    chunk = CHUNK if _needs_sieve(wanted) else limit + 1
    for examined, entry in enumerate(_newest_first(store, actor, wanted, within, chunk)):
        if isinstance(entry, str):
            resume = entry
            break
        if len(found) == limit or examined == MAX_READ:
            break
        resume = trail.before(entry.entry_id)
        if passes(entry, wanted):
            found.append(entry)
    else:
        resume = None
    following = cursors.write({"first": within.first, "last": resume}) if resume else None
    return shown_all(store, actor, found), following


Read = Callable[[str, str], list[AuditEntry]]
"""Reads a chunk of entries between two ids, newest first."""


def _newest_first(
    store: Store, actor: Actor, wanted: AuditFilters, within: Period, chunk: int
) -> Iterator[AuditEntry | str]:
    """The entries of a period, newest first; in the end, where to go on if it has looked through enough days."""
    if by := wanted.actor:
        yield from _chunks(lambda first, last: store.entries_by(actor, by, first, last, chunk), within, chunk)
    elif about := wanted.resource:
        yield from _chunks(lambda first, last: store.entries_about(actor, about, first, last, chunk), within, chunk)
    else:
        yield from _by_day(store, actor, within, chunk)


def _by_day(store: Store, actor: Actor, within: Period, chunk: int) -> Iterator[AuditEntry | str]:
    for number, day in enumerate(trail.days(within.first, _whole(within.last))[::-1]):
        if number == MAX_DAYS:
            yield trail.last_id(datetime.fromisoformat(f"{day}T23:59:59.999+00:00"))
            return
        yield from _chunks(partial(_of_day, store, actor, day, chunk), within, chunk)


def _of_day(store: Store, actor: Actor, day: str, chunk: int, first: str, last: str) -> list[AuditEntry]:
    return store.entries(actor, day, first, last, chunk)


def _chunks(read: Read, within: Period, chunk: int) -> Iterator[AuditEntry]:
    last = within.last
    while found := read(within.first, last):
        yield from found
        if len(found) < chunk:
            return
        last = trail.before(found[-1].entry_id)


def _whole(entry_id: str) -> str:
    """An id of the same moment as one that `before` made."""
    return entry_id[: len(trail.PREFIX) + 10] + "0" * 16


def _needs_sieve(wanted: AuditFilters) -> bool:
    """Whether an index or a partition holds more than what is wanted."""
    return bool(wanted.action or wanted.category or (wanted.actor and wanted.resource))


def passes(entry: AuditEntry, wanted: AuditFilters) -> bool:
    """Whether an entry is one of those that are meant."""
    pairs = (
        (wanted.actor, entry.user_id),
        (wanted.action, entry.action),
        (wanted.resource, entry.resource),
        (wanted.category, entry.category),
    )
    return all(asked is None or asked == there for asked, there in pairs)


def shown_all(store: Store, actor: Actor, entries: list[AuditEntry]) -> list[AuditLogEntry]:
    """Entries as the API shows them. Who is late is looked up; the head tells it of all others."""
    if not entries:
        return []
    head = store.head(actor)
    through = head.through if head else ""
    late = [entry for entry in entries if entry.late]
    places = places_of(store, actor, head, late) if late and head else {}
    return [
        shown(entry, sealed=entry.entry_id in places if entry.late else entry.entry_id <= through) for entry in entries
    ]


def get_entry(store: Store, actor: Actor, entry_id: str) -> ProvenAuditEntry:
    """One deed, with the proof that it stands in the log; its id says on which day it was done."""
    try:
        day = trail.day_of(entry_id)
    except ValueError:
        raise NotFound() from None
    entry = store.entry(actor, day, entry_id)
    head = store.head(actor)
    place = places_of(store, actor, head, [entry]).get(entry_id) if head else None
    proof = _proof(store, actor, head, entry, place) if head and place is not None else None
    return ProvenAuditEntry(**shown(entry, sealed=proof is not None).model_dump(), proof=proof)


def _proof(store: Store, actor: Actor, head: Head, entry: AuditEntry, place: int) -> InclusionProof:
    assert head.anchor is not None
    return InclusionProof(
        sequence=place,
        leaf=entry.leaf(),
        content=entry.vouched,
        leaf_hash=entry.leaf_hash().hex(),
        path=[each.hex() for each in store.inclusion(actor, head, place)],
        head=head.anchor.statement,
        signature=head.anchor.signature,
        key=head.anchor.key,
    )


def fingerprint(*parts: object) -> str:
    """What makes two searches different, as text."""
    return canonical([str(part) for part in parts]).decode()
