"""The entries as a PDF that can be handed to an auditor."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

import reportlab
from reportlab.lib.colors import HexColor, white
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import LongTable, Paragraph, SimpleDocTemplate, Spacer, TableStyle

from functions.audit.model.entries import AuditLogEntry
from functions.audit.render.told import Told

TEXT, BOLD = "Vera", "VeraBd"
INK, MUTED, RULE, BAND = (HexColor(colour) for colour in ("#16243A", "#5B6B82", "#D5DCE6", "#F4F6F9"))
WIDTHS: Final = tuple(part * mm for part in (33, 40, 48, 47, 101))
HEADS: Final = ("Time (UTC)", "Action", "Actor", "Resource", "Details")
MAX_DETAILS: Final = 600


def render_pdf(told: Told) -> bytes:
    """A table of the entries, newest first, with who, what and where; the same data give the same bytes."""
    _register()
    target = io.BytesIO()
    document = SimpleDocTemplate(
        target,
        pagesize=landscape(A4),
        leftMargin=14 * mm,
        rightMargin=14 * mm,
        topMargin=14 * mm,
        bottomMargin=16 * mm,
        title="Audit trail",
        author="Palisade",
        invariant=True,
    )
    document.build(list(_story(told)), onFirstPage=_footer, onLaterPages=_footer)
    return target.getvalue()


def _story(told: Told) -> Iterator[Any]:
    yield Paragraph("Audit trail", _style(17, INK, BOLD))
    yield Spacer(1, 2 * mm)
    chosen = ", ".join(f"{name} {value}" for name, value in told.filters.items()) or "every entry"
    yield Paragraph(_shown(f"{told.since} to {told.until} · {chosen} · made {told.made_at}"), _style(8.5, MUTED))
    count = f"{len(told.entries):,} entries"
    if told.has_more:
        count = f"The newest {len(told.entries):,} entries; there are more. Choose a shorter period, CSV or JSON."
    yield Paragraph(count, _style(8.5, MUTED))
    yield Spacer(1, 4 * mm)
    yield _table(told.entries)


def _table(entries: list[AuditLogEntry]) -> LongTable:
    head = [Paragraph(text, _style(7.5, white, BOLD)) for text in HEADS]
    rows = [[Paragraph(_shown(cell), _style(7, INK)) for cell in _cells(entry)] for entry in entries]
    table = LongTable([head, *rows], colWidths=WIDTHS, repeatRows=1)
    table.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, 0), INK),
                ("ROWBACKGROUNDS", (0, 1), (-1, -1), [white, BAND]),
                ("LINEBELOW", (0, 0), (-1, -1), 0.3, RULE),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ]
        )
    )
    return table


def _cells(entry: AuditLogEntry) -> tuple[str, ...]:
    details = json.dumps(entry.details, ensure_ascii=False)
    if len(details) > MAX_DETAILS:
        details = f"{details[:MAX_DETAILS]}… ({len(details):,} characters)"
    by = (entry.email or entry.user_id, entry.address, entry.key_id, entry.provider_id and f"for {entry.provider_id}")
    what = (entry.action, entry.category.value, "told by an integration" if entry.external else None)
    when = (entry.at, None if entry.sealed else "not yet sealed")
    return (*("\n".join(filter(None, lines)) for lines in (when, what, by)), entry.resource, details)


def _shown(text: str) -> str:
    """Text as markup: what the font lacks is named, lines stay lines."""
    glyphs = _glyphs()
    known = "".join(char if char == "\n" or ord(char) in glyphs else f"<U+{ord(char):04X}>" for char in text)
    return escape(known).replace("\n", "<br/>")


def _footer(canvas: Any, document: Any) -> None:
    canvas.saveState()
    canvas.setFont(TEXT, 7)
    canvas.setFillColor(MUTED)
    canvas.drawString(14 * mm, 9 * mm, "Palisade · an export of the same period can be verified: palisade audit verify")
    canvas.drawRightString(landscape(A4)[0] - 14 * mm, 9 * mm, f"Page {document.page}")
    canvas.restoreState()


@cache
def _style(size: float, colour: Any, font: str = TEXT) -> ParagraphStyle:
    return ParagraphStyle(
        f"{font}{size}{colour}", fontName=font, fontSize=size, leading=size * 1.3, textColor=colour, splitLongWords=1
    )


@cache
def _glyphs() -> frozenset[int]:
    _register()
    font: Any = pdfmetrics.getFont(TEXT)
    return frozenset(font.face.charToGlyph)


@cache
def _register() -> None:
    """Bitstream Vera comes with reportlab."""
    fonts = Path(reportlab.__file__).parent / "fonts"
    for name in (TEXT, BOLD):
        pdfmetrics.registerFont(TTFont(name, str(fonts / f"{name}.ttf")))
