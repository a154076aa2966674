"""What a report is made of: everything a renderer needs, and nothing it would have to fetch. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from contracts.findings import SEVERITY_ORDER

SEVERITIES = tuple(SEVERITY_ORDER)
"""The severities from the gravest to the least."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One fact that shows a finding."""

    observation_id: str
    type: str
    value: str
    module: str
    observed_at: str = ""


class ReportFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A finding as the report tells it; `details` are what the check measured."""

    finding_id: str
    check: str
    title: str
    severity: str
    status: str
    asset: str
    description: str
    remedy: str
    confidence: float = 1.0
    first_seen: str = ""
    last_seen: str = ""
    references: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    chain: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    details: dict[str, Any] = {}


class GraphNode(msgspec.Struct, frozen=True, kw_only=True):
    """An entity of the graph picture."""

    id: str
    label: str
    type: str
    risk: str = ""


class GraphEdge(msgspec.Struct, frozen=True):
    """A relation of the graph picture."""

    source: str
    target: str
    relation: str


class ReportGraph(msgspec.Struct, frozen=True, kw_only=True):
    """The part of the graph that is drawn, and how much is left out."""

    nodes: tuple[GraphNode, ...] = ()
    edges: tuple[GraphEdge, ...] = ()
    nodes_left_out: int = 0
    edges_left_out: int = 0


class ModuleRun(msgspec.Struct, frozen=True, kw_only=True):
    """What one module did in the scan; `seconds` is the time it worked."""

    name: str
    version: str
    summary: str = ""
    tasks: int = 0
    observations: int = 0
    errors: int = 0
    seconds: float = 0.0


class LogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the scan's log."""

    at: str
    level: str
    module: str
    message: str


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
