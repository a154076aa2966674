"""The reports context's items, documents, and the parts that other contexts hand in."""

from __future__ import annotations

from typing import TypeVar

from contracts.facts import decode_rows
from contracts.organizations import OrganizationBrief
from contracts.reports import (
    CollectionPart,
    IntelligencePart,
    ReportFailed,
    ReportFinding,
    ReportReady,
    ReportRequested,
    part_key,
)
from contracts.scans import ScanBrief
from functions.reports.model import Report
from kernel.actor import Actor
from kernel.errors import NotFound
from kernel.facts import Facts
from kernel.table import Page, Table, create, update

T = TypeVar("T")


class Store:
    """Reads and commits for one deployment."""

    def __init__(self, table: Table | None = None, facts: Facts | None = None) -> None:
        self._table = table or Table()
        self._facts = facts or Facts()

    def brief(self, actor: Actor, scan_id: str) -> ScanBrief:
        """The scan, as its context shows it to those who see it. Raises NotFound."""
        brief = self._table.require(actor, ScanBrief, scan_id=scan_id)
        if not actor.sees(brief.team_id):
            raise NotFound()
        return brief

    def organization(self, actor: Actor) -> OrganizationBrief | None:
        """The tenant's name, as its context shows it."""
        return self._table.get(actor, OrganizationBrief)

    def report(self, actor: Actor, report_id: str) -> Report:
        """One report that the actor sees. Raises NotFound."""
        report = self._table.require(actor, Report, report_id=report_id)
        if not actor.sees(report.team_id):
            raise NotFound()
        return report

    def reports(self, actor: Actor, limit: int, cursor: str | None) -> Page[Report]:
        """The tenant's reports that the actor sees, newest first; a page may be short."""
        page = self._table.query(actor, Report, limit=limit, cursor=cursor, newest_first=True)
        return Page([report for report in page.items if actor.sees(report.team_id)], page.next_cursor)

    def add(self, actor: Actor, report: Report) -> None:
        """Commit a new report."""
        event = ReportRequested(report_id=report.report_id, scan_id=report.scan_id, format=report.format)
        self._table.transact(actor, [create(report)], [event], answer=report)

    def save(self, actor: Actor, report: Report, event: ReportReady | ReportFailed) -> None:
        """Commit what became of a report."""
        self._table.transact(actor, [update(report)], [event])

    def findings(self, actor: Actor, report_id: str) -> list[ReportFinding]:
        """The findings that were handed in."""
        return self._part(actor, report_id, "findings", ReportFinding)

    def intelligence(self, actor: Actor, report_id: str) -> IntelligencePart:
        """What intelligence handed in."""
        return self._part(actor, report_id, "intelligence", IntelligencePart)[0]

    def collection(self, actor: Actor, report_id: str) -> CollectionPart:
        """What collection handed in."""
        return self._part(actor, report_id, "collection", CollectionPart)[0]

    def write_document(self, actor: Actor, report: Report, document: bytes, media_type: str) -> None:
        """The document itself."""
        self._facts.put(actor, report.object_key(), document, media_type)

    def link(self, actor: Actor, report: Report) -> str:
        """A download link for fifteen minutes."""
        return self._facts.link(actor, report.object_key(), report.file_name)

    def _part(self, actor: Actor, report_id: str, part: str, kind: type[T]) -> list[T]:
        return decode_rows(self._facts.get(actor, part_key(actor.tenant_id, report_id, part)), kind)
