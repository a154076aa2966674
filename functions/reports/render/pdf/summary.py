"""The executive summary, scope and method."""

from __future__ import annotations

from typing import Final

from reportlab.platypus import PageBreak, Paragraph, Spacer

from functions.reports.model import SEVERITIES, FindingGroup, ReportData, counts_by_severity
from functions.reports.narrative import (
    MEANINGS,
    RATINGS,
    duration,
    first_steps,
    minute,
    summary,
    worst_severity,
)
from functions.reports.render.pdf import style
from functions.reports.render.pdf.charts import Gauge, SeverityChart
from functions.reports.render.pdf.parts import Chip, Content, box, facts, section, subsection, table, tiles
from functions.reports.render.pdf.text import cut, paragraph

MAX_REMEDY: Final = 220
"""Characters of a remedy in the list of first steps; the finding itself tells it whole."""

METHOD: Final = (
    "The assessment starts from the targets and widens in waves: every fact that is found (a name, an address, an open "
    "port, a page, a certificate) is given to the modules that can learn more from it, as long as it lies in scope. "
    "Each fact keeps its source, the module that found it and how sure that module was, so that every finding in this "
    "report can be traced back to the target it came from.",
    "Modules report single weaknesses. Correlation rules then read all facts together and report what only shows in "
    "combination. Independent sources raise the confidence in a fact; repeated reports from one source do not.",
    "An automated assessment shows what can be seen from where it stands, at the time it ran. It does not prove that "
    "other weaknesses are absent.",
)


def executive_summary(data: ReportData, groups: list[FindingGroup]) -> Content:
    """What a reader with two minutes needs."""
    worst = worst_severity(data)
    assets = len({finding.asset for finding in data.findings})
    figures = (
        (f"{len(data.findings):,}", "findings"),
        (f"{assets:,}", "assets affected"),
        (f"{data.scan.entities:,}", "entities discovered"),
        (f"{data.scan.observations:,}", "observations"),
    )
    content: Content = [
        *section("summary", "Executive summary"),
        Gauge(worst, RATINGS[worst]),
        Spacer(1, 10),
        *(paragraph(text, style.LEAD) for text in summary(data)),
        Spacer(1, 6),
        tiles(figures),
        *subsection("severities", "Findings by severity"),
        SeverityChart(counts_by_severity(data.findings)),
        *_what_first(groups),
    ]
    if data.notes:
        notes = [paragraph(note, style.SMALL) for note in data.notes]
        content += [Spacer(1, 10), box(notes, style.WARNING_TINT, style.SEVERITY["medium"])]
    return [*content, PageBreak()]


def _what_first(groups: list[FindingGroup]) -> Content:
    steps = first_steps(groups)
    if not steps:
        return []
    rows = [(Chip(group.first.severity), _named(group), cut(group.first.remedy, MAX_REMEDY)) for group in steps]
    return [
        *subsection("first-steps", "What to do first"),
        *table(("Severity", "Finding", "Remedy"), rows, (1.15, 3, 5)),
    ]


def _named(group: FindingGroup) -> str:
    number = len(group.findings)
    return group.first.title if number == 1 else f"{group.first.title} ({number:,} assets)"


def scope_and_method(data: ReportData) -> Content:
    """What was looked at, how, and what the severities mean."""
    scan = data.scan
    pairs = [
        ("Scan", scan.name),
        ("Profile", scan.profile),
        ("Started", minute(scan.started_at)),
        ("Finished", minute(scan.finished_at)),
        ("Duration", duration(scan.started_at, scan.finished_at)),
        ("Status", scan.status),
        ("Waves", str(scan.waves)),
        ("Scan id", scan.scan_id),
    ]
    severities = [(Chip(severity), MEANINGS[severity]) for severity in SEVERITIES]
    content: Content = [
        *section("scope", "Scope and method"),
        facts([pair for pair in pairs if pair[1]]),
        *subsection("targets", "Targets and scope"),
        *table(("Target",), [(target,) for target in scan.targets], (1,)),
        *_limits("Also in scope", scan.allow),
        *_limits("Excluded", scan.deny),
        *subsection("method", "Method"),
        *(paragraph(text, style.NORMAL) for text in METHOD),
    ]
    if scan.reason:
        content.append(box([paragraph(scan.reason, style.SMALL)], style.WARNING_TINT, style.SEVERITY["medium"]))
    content += [
        *subsection("meanings", "What the severities mean"),
        *table(("Severity", "Meaning"), severities, (1, 6)),
    ]
    return [*content, PageBreak()]


def _limits(title: str, patterns: tuple[str, ...]) -> Content:
    if not patterns:
        return []
    return [Paragraph(title, style.H3), paragraph(", ".join(patterns), style.CELL)]
