"""Reports publish when they are asked for, ready, or could not be made."""

from __future__ import annotations

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
