"""The report as JSON: its data, with counts that readers would otherwise compute."""

from __future__ import annotations

import msgspec

from functions.reports.model import ReportData, counts_by_severity
from functions.reports.narrative import RATINGS, summary, worst_severity


def render_json(data: ReportData) -> bytes:
    """One indented JSON object: the fields of `ReportData`, `rating`, `summary` and `findings_by_severity`."""
    document = {
        "rating": RATINGS[worst_severity(data)],
        "summary": summary(data),
        "findings_by_severity": counts_by_severity(data.findings),
        **{name: getattr(data, name) for name in data.__struct_fields__},
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2)
