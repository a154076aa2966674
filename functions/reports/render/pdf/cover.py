"""The cover and the table of contents."""

from __future__ import annotations

import math
from typing import Any, Final

from reportlab.lib.colors import HexColor, white
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, FrameBreak, Paragraph, Spacer, Table, TableStyle
from reportlab.platypus.tableofcontents import TableOfContents

from functions.reports.model import ReportData
from functions.reports.narrative import day, duration, listed
from functions.reports.render.pdf import style
from functions.reports.render.pdf.fonts import BOLD, STRONG
from functions.reports.render.pdf.parts import Content
from functions.reports.render.pdf.text import cut, draw_line, paragraph, visible

BAND: Final = 168 * mm
"""Height of the coloured part of the cover, from the top."""


def paint_cover(canvas: Any, data: ReportData) -> None:
    """What lies under the cover's texts: colour, a net of lines, the mark, the classification."""
    width, height = style.PAGE
    canvas.saveState()
    canvas.setFillColor(style.INK)
    canvas.rect(0, height - BAND, width, BAND, stroke=0, fill=1)
    _net(canvas, width, height)
    _mark(canvas, style.MARGIN, height - 32 * mm)
    canvas.setFillColor(style.ACCENT)
    canvas.rect(0, height - BAND - 2.2 * mm, width, 2.2 * mm, stroke=0, fill=1)
    _classification(canvas, data.classification, width)
    canvas.restoreState()


def _net(canvas: Any, width: float, height: float) -> None:
    """A net that thins out to the left: points on a golden spiral, each joined to its nearest ones."""
    points = []
    for number in range(1, 90):
        radius, angle = 15.5 * math.sqrt(number), number * 2.399963
        points.append((width - 60 + radius * math.cos(angle), height - 118 + radius * math.sin(angle)))
    inside = [(x, y) for x, y in points if y > height - BAND + 8 and x < width + 30]
    canvas.setLineWidth(0.5)
    for number, (x, y) in enumerate(inside):
        nearest = sorted(inside[:number], key=lambda other: math.dist(other, (x, y)))[:2]
        for other in nearest:
            canvas.setStrokeColor(HexColor("#33507C"))
            canvas.line(x, y, *other)
    for number, (x, y) in enumerate(inside):
        canvas.setFillColor(HexColor("#E07A3F") if number % 17 == 5 else HexColor("#4F78B0"))
        canvas.circle(x, y, 3.1 if number % 17 == 5 else 1.7, stroke=0, fill=1)


def _mark(canvas: Any, x: float, y: float) -> None:
    """The mark: three pointed stakes, and the name."""
    canvas.setFillColor(white)
    for number, tall in enumerate((15.0, 19.0, 15.0)):
        left = x + number * 7.4
        stake = canvas.beginPath()
        stake.moveTo(left, y)
        stake.lineTo(left + 5.4, y)
        stake.lineTo(left + 5.4, y + tall - 4)
        stake.lineTo(left + 2.7, y + tall)
        stake.lineTo(left, y + tall - 4)
        stake.close()
        canvas.drawPath(stake, stroke=0, fill=1)
    canvas.setFont(BOLD, 15)
    canvas.drawString(x + 29, y + 2.5, "Palisade")


def _classification(canvas: Any, classification: str, width: float) -> None:
    text = cut(visible(classification), 60).upper()
    canvas.setFillColor(style.MUTED)
    draw_line(canvas, width / 2, 14 * mm, text, STRONG, 8.5, align=0.5)


def cover(data: ReportData) -> Content:
    """The cover's texts."""
    scan = data.scan
    rows = [
        ("Assessment", scan.name),
        ("Targets", listed(list(scan.targets), 6)),
        ("Period", _period(data)),
        ("Report date", day(data.generated_at)),
        ("Classification", data.classification),
        ("Prepared by", data.prepared_by),
    ]
    return [
        paragraph(data.title, style.COVER_TITLE, 90),
        Spacer(1, 9 * mm),
        Paragraph("prepared for", style.COVER_SMALL),
        paragraph(data.client, style.COVER_CLIENT, 160),
        FrameBreak(),
        _values([(name, value) for name, value in rows if value]),
    ]


def _period(data: ReportData) -> str:
    scan = data.scan
    if not scan.started_at:
        return ""
    took = duration(scan.started_at, scan.finished_at)
    first, last = day(scan.started_at), day(scan.finished_at)
    span = first if not scan.finished_at or first == last else f"{first} to {last}"
    return f"{span} ({took})" if took else span


def _values(rows: list[tuple[str, str]]) -> Table:
    cells = [[paragraph(name.upper(), style.LABEL), paragraph(value, style.COVER_VALUE, 300)] for name, value in rows]
    made = Table(cells, [100, style.WIDTH - 100])
    made.setStyle(
        TableStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
                ("LINEBELOW", (0, 0), (-1, -2), 0.4, style.RULE),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("TOPPADDING", (0, 0), (-1, -1), 4.5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 4.5),
            ]
        )
    )
    return made


def contents() -> list[Flowable]:
    """The table of contents; it is filled while the document is built."""
    listing = TableOfContents(dotsMinLevel=0)
    listing.levelStyles = [style.TOC_1, style.TOC_2]
    return [Paragraph("Contents", style.H1), Spacer(1, 6), listing]
