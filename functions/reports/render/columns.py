"""The table of findings that spreadsheets share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from contracts.reports import ReportFinding
from functions.reports.model import ReportData, in_order

COLUMNS: Final = (
    "Finding",
    "Severity",
    "Status",
    "Title",
    "Asset",
    "Check",
    "Confidence",
    "First seen",
    "Last seen",
    "Description",
    "Remedy",
    "References",
    "Controls",
    "Chain of facts",
    "Evidence",
)


def rows(data: ReportData) -> Iterator[tuple[str | float, ...]]:
    """One row per finding, the gravest first, in the order of `COLUMNS`."""
    return map(_row, in_order(data.findings))


def _row(finding: ReportFinding) -> tuple[str | float, ...]:
    return (
        finding.finding_id,
        finding.severity,
        finding.status,
        finding.title,
        finding.asset,
        finding.check,
        round(finding.confidence, 3),
        finding.first_seen,
        finding.last_seen,
        finding.description,
        finding.remedy,
        "\n".join(finding.references),
        "\n".join(finding.controls),
        "\n".join(finding.chain),
        "\n".join(f"{item.type}: {item.value} ({item.module})" for item in finding.evidence),
    )
