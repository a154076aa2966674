"""The findings: an overview, then each with what it means, what shows it and what to do."""

from __future__ import annotations

import json
from typing import Final

from reportlab.platypus import CondPageBreak, KeepTogether, PageBreak, Paragraph, Spacer, Table, TableStyle

from contracts.reports import Evidence, ReportFinding
from functions.reports.model import FindingGroup, ReportData
from functions.reports.narrative import minute, plural
from functions.reports.render.pdf import style
from functions.reports.render.pdf.parts import Anchor, Chip, Content, box, facts, section, subsection, table
from functions.reports.render.pdf.text import linked, paragraph

MAX_ASSETS_TOLD: Final = 5
"""Assets of one weakness whose evidence is printed; the others are listed."""
MAX_EVIDENCE: Final = 12
MAX_DETAIL: Final = 1_200
MAX_LISTED: Final = 60
"""Findings that the table of contents lists one by one; beyond, the overview is the way in."""


def overview(groups: list[FindingGroup]) -> Content:
    """All findings in one table, or the word that there are none."""
    if not groups:
        words = paragraph("No findings were recorded within the scope of this assessment.", style.LEAD)
        return [*section("findings", "Findings"), box([words], style.ACCENT_TINT, style.ACCENT), PageBreak()]
    rows = [
        (str(group.number), Chip(group.first.severity), group.first.title, _assets(group), _statuses(group))
        for group in groups
    ]
    heads = ("#", "Severity", "Finding", "Asset", "Status")
    return [
        *section("findings", "Findings"),
        *subsection("overview", "Overview"),
        *table(heads, rows, (0.55, 1.35, 4, 3, 1.5)),
        Spacer(1, 26),
    ]


def details(groups: list[FindingGroup]) -> Content:
    """Every finding in full."""
    content: Content = []
    for group in groups:
        content += _detail(group, listed=len(groups) <= MAX_LISTED)
    return content


def _detail(group: FindingGroup, *, listed: bool) -> Content:
    first = group.first
    return [
        CondPageBreak(230),
        Anchor(f"finding-{group.number}", f"{group.number}. {first.title}", 1, listed=listed),
        _head(group),
        Spacer(1, 6),
        _facts(group),
        Paragraph("What it means", style.H3),
        paragraph(first.description or "The check gives no description.", style.NORMAL),
        Paragraph("What to do", style.H3),
        box([paragraph(first.remedy or "The check gives no remedy.", style.NORMAL)], style.ACCENT_TINT, style.ACCENT),
        *_affected(group),
        *_proofs(group),
        *_references(first),
        Spacer(1, 22),
    ]


def _head(group: FindingGroup) -> Table:
    title = paragraph(f"{group.number}. {group.first.title}", style.FINDING, 300)
    chip = Chip(group.first.severity)
    made = Table([[title, chip]], [style.WIDTH - chip.width - 6, chip.width + 6])
    made.setStyle(
        TableStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
                ("ALIGN", (1, 0), (1, 0), "RIGHT"),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("RIGHTPADDING", (0, 0), (-1, -1), 0),
                ("LINEBELOW", (0, 0), (-1, -1), 1.6, chip.color),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 6),
            ]
        )
    )
    return made


def _facts(group: FindingGroup) -> Table:
    first = group.first
    pairs = [
        ("Asset", _assets(group)),
        ("Status", _statuses(group)),
        ("First seen", minute(min(finding.first_seen for finding in group.findings))),
        ("Last seen", minute(max(finding.last_seen for finding in group.findings))),
        ("Check", first.check),
        ("Confidence", f"{max(finding.confidence for finding in group.findings):.0%}"),
    ]
    if first.controls:
        pairs.append(("Controls", ", ".join(first.controls)))
    return facts([pair for pair in pairs if pair[1]])


def _affected(group: FindingGroup) -> Content:
    if len(group.findings) == 1:
        return []
    rows = [
        (finding.asset, finding.status.replace("_", " "), f"{finding.confidence:.0%}", minute(finding.first_seen))
        for finding in group.findings
    ]
    heads = ("Asset", "Status", "Confidence", "First seen")
    return [Paragraph("Affected assets", style.H3), *table(heads, rows, (5, 1.4, 1.3, 2), right=frozenset({2}))]


def _proofs(group: FindingGroup) -> Content:
    alone = len(group.findings) == 1
    return [part for finding in group.findings[:MAX_ASSETS_TOLD] for part in _proof(finding, alone=alone)]


def _proof(finding: ReportFinding, *, alone: bool) -> Content:
    """How the scan came to the weakness, and the facts that show it."""
    content: Content = []
    if not alone and (finding.chain or finding.details or finding.evidence):
        content.append(paragraph(f"On {finding.asset}", style.ASSET, 200))
    if finding.chain:
        content += [Paragraph("How it was found", style.H3), _chain(finding.chain)]
    if finding.details:
        content += [Paragraph("What was measured", style.H3), _measured(finding.details)]
    if finding.evidence:
        content += [Paragraph("Evidence", style.H3), *_evidence(finding.evidence)]
    return content


def _chain(chain: tuple[str, ...]) -> KeepTogether:
    rows = [
        [paragraph(str(number), style.LABEL), paragraph(step, style.SMALL, 400)] for number, step in enumerate(chain, 1)
    ]
    made = Table(rows, [18, style.WIDTH - 18])
    made.setStyle(
        TableStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LINEBEFORE", (1, 0), (1, -1), 1.2, style.ACCENT),
                ("LEFTPADDING", (0, 0), (0, -1), 4),
                ("LEFTPADDING", (1, 0), (1, -1), 8),
                ("TOPPADDING", (0, 0), (-1, -1), 1.5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
            ]
        )
    )
    return KeepTogether([made])


def _measured(details: dict[str, object]) -> Table:
    lines = [f"{name}: {_plain(value)}" for name, value in details.items()]
    return box([paragraph("\n".join(lines), style.CODE, MAX_DETAIL)], style.TINT, style.RULE)


def _plain(value: object) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def _evidence(evidence: tuple[Evidence, ...]) -> Content:
    rows = [(item.type, item.value, item.module, minute(item.observed_at)) for item in evidence[:MAX_EVIDENCE]]
    made = table(("Type", "Value", "Found by", "Seen"), rows, (1.6, 4.2, 1.5, 2.05), code=frozenset({1}))
    more = len(evidence) - MAX_EVIDENCE
    return [*made, paragraph(f"and {plural(more, 'more fact')}", style.SMALL_MUTED)] if more > 0 else made


def _references(finding: ReportFinding) -> Content:
    if not finding.references:
        return []
    return [Paragraph("References", style.H3), *(linked(reference, style.SMALL) for reference in finding.references)]


def _assets(group: FindingGroup) -> str:
    first = group.first.asset
    return first if len(group.findings) == 1 else f"{first}\nand {len(group.findings) - 1:,} more"


def _statuses(group: FindingGroup) -> str:
    return ", ".join(dict.fromkeys(finding.status.replace("_", " ") for finding in group.findings))


def findings(data: ReportData, groups: list[FindingGroup]) -> Content:
    """The whole chapter."""
    content = [*overview(groups), *details(groups)]
    return [*content, PageBreak()] if data.findings else content
