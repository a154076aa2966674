"""What the reports context does: take the order, put the parts together, hand out the document."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from contracts.reports import Evidence, ReportFailed, ReportFinding, ReportReady
from contracts.scans import ENDED, ScanBrief
from functions.reports.errors import NothingToReport, UnknownReportFormat
from functions.reports.model import Report, ReportData, ReportStatus, ScanFacts
from functions.reports.render import RENDERERS
from functions.reports.schemas import CreateReport
from functions.reports.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.ids import new_id
from kernel.table import Page


def create_report(store: Store, actor: Actor, command: CreateReport) -> Report:
    """Order a report. Raises NotFound, UnknownReportFormat, or NothingToReport for a scan that has not begun."""
    if command.format not in RENDERERS:
        raise UnknownReportFormat(f"There is no format {command.format!r}. Choose one of {', '.join(RENDERERS)}.")
    brief = store.brief(actor, command.scan_id)
    if brief.started_at is None:
        raise NothingToReport()
    report = Report(
        tenant_id=actor.tenant_id,
        report_id=new_id("report"),
        scan_id=command.scan_id,
        team_id=brief.team_id,
        format=command.format,
        title=command.title,
        classification=command.classification,
        created_by=actor.user_id,
        created_at=clock.timestamp(),
    )
    store.add(actor, report)
    return report


def get_report(store: Store, actor: Actor, report_id: str) -> Report:
    """One report, with a download link when it is ready."""
    report = store.report(actor, report_id)
    if report.status is ReportStatus.READY:
        report.download_url = store.link(actor, report)
    return report


def list_reports(store: Store, actor: Actor, limit: int, cursor: str | None) -> Page[Report]:
    """The tenant's reports, newest first; their links come with each one alone."""
    return store.reports(actor, limit, cursor)


def render(store: Store, actor: Actor, report_id: str) -> None:
    """Put the parts together and write the document. Doing it again writes the document anew."""
    report = store.report(actor, report_id)
    if report.status is not ReportStatus.QUEUED:
        return
    renderer, media_type = RENDERERS[report.format]
    document = renderer(_data(store, actor, report))
    store.write_document(actor, report, document, media_type)
    report.status, report.size, report.finished_at = ReportStatus.READY, len(document), clock.timestamp()
    store.save(actor, report, ReportReady(report_id=report_id, scan_id=report.scan_id, format=report.format))


def fail(store: Store, actor: Actor, report_id: str, cause: str) -> None:
    """The report could not be made in spite of retries."""
    report = store.report(actor, report_id)
    if report.status is not ReportStatus.QUEUED:
        return
    report.status, report.reason, report.finished_at = ReportStatus.FAILED, cause[:300], clock.timestamp()
    store.save(actor, report, ReportFailed(report_id=report_id, scan_id=report.scan_id, reason=report.reason))


def _data(store: Store, actor: Actor, report: Report) -> ReportData:
    brief = store.brief(actor, report.scan_id)
    organization = store.organization(actor)
    intelligence = store.intelligence(actor, report.report_id)
    collection = store.collection(actor, report.report_id)
    findings = store.findings(actor, report.report_id)
    return ReportData(
        report_id=report.report_id,
        client=organization.name if organization else actor.tenant_id,
        generated_at=clock.timestamp(),
        scan=_scan_facts(brief),
        title=report.title,
        classification=report.classification,
        findings=tuple(_with_evidence(finding, intelligence.evidence) for finding in findings),
        graph=intelligence.graph,
        modules=collection.modules,
        observations_by_type=intelligence.observations_by_type,
        log=collection.log,
        notes=_notes(brief, collection.log_left_out),
    )


def _scan_facts(brief: ScanBrief) -> ScanFacts:
    return ScanFacts(
        scan_id=brief.scan_id,
        name=brief.name,
        profile=brief.profile,
        status=brief.status.value,
        targets=brief.targets,
        allow=brief.scope.allow,
        deny=brief.scope.deny,
        started_at=brief.started_at or "",
        finished_at=brief.finished_at or "",
        waves=brief.tally.waves,
        observations=brief.tally.observations,
        entities=brief.tally.entities,
        reason=brief.reason or "",
    )


def _with_evidence(finding: ReportFinding, known: Mapping[str, Evidence]) -> ReportFinding:
    told = tuple(known[each.observation_id] for each in finding.evidence if each.observation_id in known)
    return msgspec.structs.replace(finding, evidence=told)


def _notes(brief: ScanBrief, log_left_out: int) -> tuple[str, ...]:
    """What the reader must know about the report's completeness."""
    notes = []
    if brief.status not in ENDED:
        notes.append("The scan was still running when this report was made: it may find more.")
    if brief.reason:
        notes.append(f"The scan ended before all was done: {brief.reason}")
    if log_left_out:
        notes.append(f"The log has {log_left_out:,} more lines than the appendix shows.")
    return tuple(notes)
