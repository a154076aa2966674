"""The appendix: what ran, what it saw, what went wrong."""

from __future__ import annotations

from typing import Final

from functions.reports.model import ReportData
from functions.reports.narrative import minute, plural
from functions.reports.render.pdf import style
from functions.reports.render.pdf.parts import Content, section, subsection, table
from functions.reports.render.pdf.text import paragraph

MAX_LOG: Final = 200


def appendix(data: ReportData) -> Content:
    """Modules and versions, observations by type, and the log of errors."""
    return [*section("appendix", "Appendix"), *_modules(data), *_types(data), *_log(data)]


def _modules(data: ReportData) -> Content:
    head = subsection("modules", "Modules that ran")
    if not data.modules:
        return [*head, paragraph("No module ran.", style.NORMAL)]
    rows = [
        (
            f"{run.name} {run.version}",
            run.summary,
            f"{run.tasks:,}",
            f"{run.observations:,}",
            f"{run.errors:,}",
            f"{run.seconds:,.1f} s",
        )
        for run in data.modules
    ]
    heads = ("Module", "What it does", "Tasks", "Facts", "Errors", "Time")
    return [*head, *table(heads, rows, (2.2, 4.6, 0.9, 0.95, 0.9, 1.1), right=frozenset({2, 3, 4, 5}))]


def _types(data: ReportData) -> Content:
    head = subsection("types", "Observations by type")
    if not data.observations_by_type:
        return [*head, paragraph("Nothing was observed.", style.NORMAL)]
    total = sum(data.observations_by_type.values())
    ranked = sorted(data.observations_by_type.items(), key=lambda pair: (-pair[1], pair[0]))
    rows = [(type_.replace("_", " "), f"{count:,}", f"{count / total:.1%}") for type_, count in ranked]
    return [*head, *table(("Type", "Observations", "Share"), rows, (4, 1.2, 1), right=frozenset({1, 2}))]


def _log(data: ReportData) -> Content:
    head = subsection("log", "Log of errors")
    if not data.log:
        return [*head, paragraph("No module reported an error.", style.NORMAL)]
    rows = [(minute(entry.at), entry.level, entry.module, entry.message) for entry in data.log[:MAX_LOG]]
    made = table(("Time", "Level", "Module", "Message"), rows, (2.1, 0.95, 1.5, 4.7), code=frozenset({3}))
    more = len(data.log) - MAX_LOG
    rest = [paragraph(f"and {plural(more, 'more line')}", style.SMALL_MUTED)] if more > 0 else []
    return [*head, *made, *rest]
