"""Event door of reports: an order becomes an execution."""

from __future__ import annotations

from contracts.reports import ReportRequested
from functions.reports.gateways import StepFunctions
from kernel.consumer import Consumer
from kernel.events import Envelope

handler = Consumer("reports")


@handler.on(ReportRequested)
def begin(event: ReportRequested, envelope: Envelope) -> None:
    """Gather the parts."""
    StepFunctions().start(envelope.tenant_id, event.report_id, event.scan_id)
