"""Reports publish when they are asked for, ready, or could not be made; and say in which shape the other contexts
hand in what a report is made of."""

from __future__ import annotations

from typing import Any

import msgspec

from kernel.events import Event


class ReportRequested(Event, context="reports"):
    """Somebody wants a report of a scan."""

    report_id: str
    scan_id: str
    format: str


class ReportReady(Event, context="reports"):
    """A report can be downloaded."""

    report_id: str
    scan_id: str
    format: str


class ReportFailed(Event, context="reports"):
    """A report could not be made."""

    report_id: str
    scan_id: str
    reason: str


def part_key(tenant_id: str, report_id: str, part: str) -> str:
    """Where a context hands in its part of a report: `findings`, `intelligence` or `collection`."""
    return f"tenants/{tenant_id}/reports/{report_id}/parts/{part}.mpk.gz"


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


class IntelligencePart(msgspec.Struct, frozen=True, kw_only=True):
    """What intelligence hands in: the picture of the graph, the facts behind the findings, and counts."""

    graph: ReportGraph = ReportGraph()
    evidence: dict[str, Evidence] = {}
    observations_by_type: dict[str, int] = {}


class CollectionPart(msgspec.Struct, frozen=True, kw_only=True):
    """What collection hands in: how the modules worked, and the log."""

    modules: tuple[ModuleRun, ...] = ()
    log: tuple[LogEntry, ...] = ()
    log_left_out: int = 0
