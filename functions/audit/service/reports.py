"""Reports and exports of the trail: taken as orders, made by a worker, handed out as links."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from functools import partial

from contracts.audit import AuditReportFailed, AuditReportReady, AuditReportRequested
from contracts.privacy import PersonErasureRequested
from functions.audit.errors import ExportIsWhole
from functions.audit.gateways import Bucket, Signer
from functions.audit.model import entries as trail
from functions.audit.model import export, merkle
from functions.audit.model.entries import AuditLogEntry
from functions.audit.model.log import Block, Head, beginning
from functions.audit.model.reports import (
    MOST_ENTRIES,
    SUFFIXES,
    AuditFilters,
    AuditReport,
    AuditReportFormat,
    AuditReportStatus,
)
from functions.audit.render import RENDERERS, Told
from functions.audit.schemas import CreateAuditReport
from functions.audit.service.sealing import places_of
from functions.audit.service.trail import CHUNK, Period, passes, period, shown_all
from functions.audit.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.errors import PreconditionFailed
from kernel.ids import new_id
from kernel.table import Page

TELL_EVERY = 2.0
"""Seconds between two notes of progress."""


def create_report(store: Store, actor: Actor, command: CreateAuditReport) -> AuditReport:
    """Order a report. Raises WrongPeriod, or ExportIsWhole for an export with filters."""
    if command.format is AuditReportFormat.EXPORT and command.filters.given():
        raise ExportIsWhole("An export holds every entry of its period: leave the filters out, or choose a report.")
    now = clock.now()
    period(command.since, command.until, now)
    until = command.until or now
    since = command.since or trail.born(period(None, until, now).first)
    report = AuditReport(
        tenant_id=actor.tenant_id,
        report_id=new_id("areport"),
        format=command.format,
        since=clock.timestamp(since),
        until=clock.timestamp(until),
        filters=AuditFilters(**command.filters.model_dump()),
        created_by=actor.user_id,
        created_at=clock.timestamp(now),
    )
    event = AuditReportRequested(
        **report.model_dump(mode="json", include={"report_id", "format", "since", "until"}),
        filters=report.filters.given(),
    )
    store.add_report(actor, report, event)
    return report


def get_report(store: Store, actor: Actor, report_id: str) -> AuditReport:
    """One report, with a download link when it is ready."""
    report = store.report(actor, report_id)
    if report.status is AuditReportStatus.READY:
        report.download_url = store.link(actor, report)
    return report


def list_reports(store: Store, actor: Actor, limit: int, cursor: str | None) -> Page[AuditReport]:
    """The organisation's reports, newest first; their links come with each one alone."""
    return store.reports(actor, limit, cursor)


class Progress:
    """Notes how far a report is, now and then. What others did to it meanwhile stops it."""

    def __init__(self, store: Store, actor: Actor, report: AuditReport) -> None:
        self._store, self._actor, self._report = store, actor, report
        self._told = time.monotonic()

    def reached(self, part: float) -> None:
        """How much of the work is done, from 0 to 1."""
        if time.monotonic() - self._told < TELL_EVERY:
            return
        self._report.progress = max(self._report.progress, min(99, int(part * 100)))
        self._store.save_report(self._actor, self._report)
        self._told = time.monotonic()


def make(store: Store, signer: Signer, bucket: Bucket, actor: Actor, report_id: str) -> None:
    """Make the file. Doing it again makes it anew; once it is ready or failed, nothing."""
    report = store.report(actor, report_id)
    if report.status not in (AuditReportStatus.QUEUED, AuditReportStatus.RUNNING):
        return
    report.status = AuditReportStatus.RUNNING
    store.save_report(actor, report)
    progress = Progress(store, actor, report)
    if report.format is AuditReportFormat.EXPORT:
        body, entries = _export(store, signer, bucket, actor, report, progress)
    else:
        body, entries = _rendered(store, actor, report, progress)
    store.write_file(actor, report, body, SUFFIXES[report.format][1])
    report.status, report.progress, report.finished_at = AuditReportStatus.READY, 100, clock.timestamp()
    report.entries, report.size, report.digest = entries, len(body), hashlib.sha256(body).hexdigest()
    ready = AuditReportReady(report_id=report_id, format=report.format, entries=entries, digest=report.digest)
    store.save_report(actor, report, ready)


def fail(store: Store, actor: Actor, report_id: str, reason: str) -> None:
    """The file could not be made in spite of retries."""
    report = store.report(actor, report_id)
    if report.status in (AuditReportStatus.READY, AuditReportStatus.FAILED):
        return
    report.status, report.reason, report.finished_at = AuditReportStatus.FAILED, reason[:300], clock.timestamp()
    try:
        store.save_report(actor, report, AuditReportFailed(report_id=report_id, reason=report.reason))
    except PreconditionFailed:  # another worker got further
        return


def _within(report: AuditReport) -> Period:
    since, until = clock.parse(report.since), clock.parse(report.until)
    return Period(trail.first_id(since), trail.last_id(until))


def _rendered(store: Store, actor: Actor, report: AuditReport, progress: Progress) -> tuple[bytes, int]:
    most = MOST_ENTRIES[report.format]
    found: list[AuditLogEntry] = []
    has_more = False
    for entry in _all(store, actor, report, progress):
        if len(found) == most:
            has_more = True
            break
        found.append(entry)
    told = Told(report.since, report.until, report.filters.given(), report.created_at, found, has_more)
    return RENDERERS[report.format](told), len(found)


def _all(store: Store, actor: Actor, report: AuditReport, progress: Progress) -> Iterator[AuditLogEntry]:
    """Every entry of the report's period that passes its filters, newest first, day by day."""
    within = _within(report)
    days = trail.days(*within)[::-1]
    for number, day in enumerate(days):
        last = within.last
        progress.reached(number / len(days))
        while chunk := store.entries(actor, day, within.first, last, CHUNK):
            yield from shown_all(store, actor, [entry for entry in chunk if passes(entry, report.filters)])
            if len(chunk) < CHUNK:
                break
            last = trail.before(chunk[-1].entry_id)


def _export(
    store: Store, signer: Signer, bucket: Bucket, actor: Actor, report: AuditReport, progress: Progress
) -> tuple[bytes, int]:
    """What is sealed of the period, in whole blocks, with all that proves it."""
    head = store.head(actor) or beginning(actor.tenant_id)
    lines, entries, first = export.Lines(), 0, head.size
    forgotten: set[str] = set()
    last: Block | None = None
    for block in _blocks(store, actor, report, head):
        if last is None:
            first = block.first
            export.start(lines, block, _nodes(store, actor, head, first))
        entries += _write_block(store, actor, lines, block, forgotten)
        last = block
        progress.reached((block.size - first) / max(1, head.size - first))
    _write_proof(store, bucket, actor, lines, head, first, last)
    _write_erasures(store, actor, lines, head, forgotten)
    statement = export.manifest(lines, head, _within(report), first, last, entries, clock.timestamp())
    export.signed_line(lines, "manifest", signer.sign(statement))
    return lines.finished(), entries


def _blocks(store: Store, actor: Actor, report: AuditReport, head: Head) -> Iterator[Block]:
    """The blocks that hold the period's entries; late ones may stand in later blocks."""
    first, last = _within(report)
    if head.size == 0:
        return
    begin = max(first, beginning(actor.tenant_id).through)
    for block in store.blocks(actor, begin, max(begin, head.through)):
        if block.size > head.size:
            return
        yield block
        if block.through >= last:
            return


def _write_block(store: Store, actor: Actor, lines: export.Lines, block: Block, forgotten: set[str]) -> int:
    export.block_line(lines, block)
    there = store.entries_named(actor, block.entry_ids())
    for entry_id in block.entry_ids():
        if entry_id in there:
            export.entry_line(lines, there[entry_id])
            forgotten |= {each for each in (there[entry_id].forgotten,) if each}
    return len(there)


def _write_erasures(store: Store, actor: Actor, lines: export.Lines, head: Head, forgotten: set[str]) -> None:
    """Of each erasure that took a person out of contents, that it was asked for: the sealed entry, and its proof."""
    for erasure_id in sorted(forgotten):
        within = beginning(actor.tenant_id).through, trail.last_id(clock.now())
        about = store.entries_about(actor, erasure_id, *within, CHUNK)
        asked = [entry for entry in about if entry.action == PersonErasureRequested.__name__]
        for entry_id, place in places_of(store, actor, head, asked[-1:]).items():
            leaf = next(entry.leaf() for entry in asked if entry.entry_id == entry_id)
            path = [each.hex() for each in store.inclusion(actor, head, place)]
            lines.write("erasure", id=erasure_id, leaf=leaf, place=place, path=path)


def _nodes(store: Store, actor: Actor, head: Head, size: int) -> list[bytes]:
    """The whole nodes that the tree of this size is made of."""

    def wanted(whole: merkle.Whole) -> list[bytes]:
        return [whole(height, index) for height, index in merkle.parts(0, size)]

    return wanted(store.tree(actor, head, wanted))


def _write_proof(
    store: Store, bucket: Bucket, actor: Actor, lines: export.Lines, head: Head, first: int, last: Block | None
) -> None:
    """Every anchor from here on, and that what is exported is the beginning of what is anchored last."""
    for anchor in bucket.from_size(actor, first):
        export.signed_line(lines, "anchor", anchor)
    if head.anchor:
        export.signed_line(lines, "head", head.anchor)
    size = last.size if last else first
    proof = partial(merkle.consistency, size, head.size)
    hashes = [each.hex() for each in proof(store.tree(actor, head, proof))]
    lines.write("consistency", first=size, second=head.size, hashes=hashes)
