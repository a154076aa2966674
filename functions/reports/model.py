"""What a report is made of: everything a renderer needs, and nothing it would have to fetch. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import ClassVar

import msgspec
from pydantic import Field

from contracts.findings import SEVERITY_ORDER
from contracts.reports import LogEntry, ModuleRun, ReportFinding, ReportGraph
from kernel.records import Record

SEVERITIES = tuple(SEVERITY_ORDER)
"""The severities from the gravest to the least."""


class ReportStatus(StrEnum):
    """Where a report stands."""

    QUEUED = "queued"
    READY = "ready"
    FAILED = "failed"


class Report(Record, pk="TENANT#{tenant_id}#REPORTS", sk="REPORT#{report_id}"):
    """A report of a scan. `download_url` is made when the report is read, and good for fifteen minutes."""

    location: ClassVar[str | None] = "/reports/{report_id}"

    report_id: str
    scan_id: str
    team_id: str | None = Field(default=None, description="The scan's team.")
    format: str
    title: str
    classification: str
    status: ReportStatus = ReportStatus.QUEUED
    created_by: str
    created_at: str
    finished_at: str | None = None
    size: int | None = Field(default=None, description="Bytes.")
    reason: str | None = Field(default=None, description="Why the report could not be made.")
    download_url: str | None = None

    @property
    def file_name(self) -> str:
        """What the download is saved as."""
        return f"palisade-{self.scan_id}.{self.format}"

    def object_key(self) -> str:
        """Where the document lies in the facts bucket."""
        return f"tenants/{self.tenant_id}/reports/{self.report_id}/{self.file_name}"


class ScanFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The scan that is reported. Times are RFC 3339 UTC."""

    scan_id: str
    name: str
    profile: str
    status: str
    targets: tuple[str, ...]
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    started_at: str = ""
    finished_at: str = ""
    waves: int = 0
    observations: int = 0
    entities: int = 0
    reason: str = ""


class ReportData(msgspec.Struct, frozen=True, kw_only=True):
    """A whole report. `notes` are what the reader must know about its completeness."""

    report_id: str
    client: str
    generated_at: str
    scan: ScanFacts
    title: str = "Security assessment report"
    classification: str = "Confidential"
    prepared_by: str = "Palisade"
    findings: tuple[ReportFinding, ...] = ()
    graph: ReportGraph = ReportGraph()
    modules: tuple[ModuleRun, ...] = ()
    observations_by_type: dict[str, int] = {}
    log: tuple[LogEntry, ...] = ()
    notes: tuple[str, ...] = ()


class FindingGroup(msgspec.Struct, frozen=True):
    """One weakness on all the assets it was found on; the words are those of the first."""

    number: int
    findings: tuple[ReportFinding, ...]

    @property
    def first(self) -> ReportFinding:
        """The finding whose words stand for all."""
        return self.findings[0]


def in_order(findings: Iterable[ReportFinding]) -> list[ReportFinding]:
    """Findings from the gravest to the least, then by check and asset."""
    last = len(SEVERITIES)
    return sorted(
        findings, key=lambda item: (SEVERITY_ORDER.get(item.severity, last), item.check, item.asset, item.finding_id)
    )


def grouped(findings: Iterable[ReportFinding]) -> list[FindingGroup]:
    """Findings of one check and severity together, numbered from the gravest on."""
    groups: dict[tuple[str, str], list[ReportFinding]] = {}
    for finding in in_order(findings):
        groups.setdefault((finding.severity, finding.check), []).append(finding)
    return [FindingGroup(number, tuple(group)) for number, group in enumerate(groups.values(), 1)]


def counts_by_severity(findings: Iterable[ReportFinding]) -> dict[str, int]:
    """How many findings there are of each severity, the gravest first, zeros included."""
    counts = dict.fromkeys(SEVERITIES, 0)
    for finding in findings:
        counts[finding.severity] = counts.get(finding.severity, 0) + 1
    return counts
