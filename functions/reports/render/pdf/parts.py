"""The pieces that pages are made of: chips, tables, boxes, tiles, headings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from reportlab.lib.colors import Color, white
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.platypus import CondPageBreak, Flowable, Paragraph, Table, TableStyle

from functions.reports.render.pdf import style
from functions.reports.render.pdf.fonts import BOLD
from functions.reports.render.pdf.text import paragraph

CHUNK: Final = 80
"""Rows of one table: the engine's cost of splitting a table grows with the square of its rows."""

CELL_LINES: Final = 24
"""Lines of one cell."""

Content = list[Flowable]


class Chip(Flowable):
    """A severity as a coloured pill."""

    HEIGHT: Final = 13.0
    SIZE: Final = 7.6

    def __init__(self, severity: str) -> None:
        super().__init__()
        self.text = severity.upper()
        self.color: Color = style.SEVERITY.get(severity, style.MUTED)
        self.width = stringWidth(self.text, BOLD, self.SIZE) + 14
        self.height = self.HEIGHT

    def draw(self) -> None:
        """Draw the pill with its word."""
        self.canv.setFillColor(self.color)
        self.canv.roundRect(0, 0, self.width, self.HEIGHT, 3, stroke=0, fill=1)
        self.canv.setFillColor(white)
        self.canv.setFont(BOLD, self.SIZE)
        self.canv.drawCentredString(self.width / 2, 3.7, self.text)


class Anchor(Flowable):
    """An invisible place that the table of contents and the outline lead to."""

    def __init__(self, key: str, title: str, level: int, *, listed: bool = True) -> None:
        super().__init__()
        self.key = key
        self.title = title
        self.level = level
        self.listed = listed
        self.width = self.height = 0

    def draw(self) -> None:
        """Mark the place and enter it in the outline."""
        self.canv.bookmarkHorizontal(self.key, 0, 24)
        self.canv.addOutlineEntry(self.title[:120], self.key, self.level, closed=self.level > 0)


def table(
    heads: Sequence[str],
    rows: Iterable[Sequence[str | Flowable]],
    widths: Sequence[float],
    *,
    right: frozenset[int] = frozenset(),
    code: frozenset[int] = frozenset(),
) -> Content:
    """Rows as tables with a repeated head; `widths` are shares of the text width, `right` and `code` column numbers."""
    total = sum(widths)
    columns = [style.WIDTH * width / total for width in widths]
    head: list[Flowable] = [
        paragraph(text, style.CELL_HEAD_RIGHT if number in right else style.CELL_HEAD)
        for number, text in enumerate(heads)
    ]
    made = [
        [_cell(cell, columns[number], number in right, number in code) for number, cell in enumerate(row)]
        for row in rows
    ]
    chunks = [made[start : start + CHUNK] for start in range(0, len(made), CHUNK)]
    return [_table([head, *chunk], columns) for chunk in chunks]


def _cell(cell: str | Flowable, width: float, right: bool, code: bool) -> Flowable:
    if isinstance(cell, Flowable):
        return cell
    chosen = style.CODE if code else style.CELL_RIGHT if right else style.CELL
    # A row must fit a page, so a cell holds about as many characters as fit its lines.
    return paragraph(cell, chosen, int(CELL_LINES * width / chosen.fontSize), CELL_LINES)


def _table(rows: list[list[Flowable]], columns: list[float]) -> Table:
    made = Table(rows, columns, repeatRows=1)
    made.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, 0), style.INK),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LINEBELOW", (0, 1), (-1, -1), 0.4, style.RULE),
                ("ROWBACKGROUNDS", (0, 1), (-1, -1), [white, style.TINT]),
                ("TOPPADDING", (0, 0), (-1, -1), 4),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
                ("LEFTPADDING", (0, 0), (-1, -1), 6),
                ("RIGHTPADDING", (0, 0), (-1, -1), 6),
            ]
        )
    )
    return made


def box(content: list[Any], background: Color, edge: Color) -> Table:
    """Content on a tint with a coloured edge; breaks across pages."""
    made = Table([[item] for item in content], [style.WIDTH], splitInRow=1)
    made.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, -1), background),
                ("LINEBEFORE", (0, 0), (0, -1), 3, edge),
                ("LEFTPADDING", (0, 0), (-1, -1), 12),
                ("RIGHTPADDING", (0, 0), (-1, -1), 12),
                ("TOPPADDING", (0, 0), (-1, -1), 1),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 1),
                ("TOPPADDING", (0, 0), (-1, 0), 8),
                ("BOTTOMPADDING", (0, -1), (-1, -1), 8),
            ]
        )
    )
    return made


def tiles(figures: Sequence[tuple[str, str]]) -> Table:
    """Figures side by side: each a number over its label."""
    numbers = [paragraph(number, style.TILE_NUMBER) for number, _ in figures]
    labels = [paragraph(label, style.TILE_LABEL) for _, label in figures]
    made = Table([numbers, labels], [style.WIDTH / len(figures)] * len(figures))
    made.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, -1), style.TINT),
                ("LINEAFTER", (0, 0), (-2, -1), 4, white),
                ("TOPPADDING", (0, 0), (-1, 0), 10),
                ("BOTTOMPADDING", (0, 0), (-1, 0), 2),
                ("TOPPADDING", (0, 1), (-1, 1), 0),
                ("BOTTOMPADDING", (0, 1), (-1, 1), 10),
            ]
        )
    )
    return made


def facts(pairs: Sequence[tuple[str, str]], columns: int = 2) -> Table:
    """Names and values in a grid of `columns` pairs a row."""
    label, value = 62.0, style.WIDTH / columns - 62.0
    cells = [(paragraph(name.upper(), style.LABEL), paragraph(text, style.CELL, 400, 12)) for name, text in pairs]
    cells += [(paragraph("", style.LABEL), paragraph("", style.CELL))] * (-len(cells) % columns)
    rows = [[part for pair in cells[at : at + columns] for part in pair] for at in range(0, len(cells), columns)]
    made = Table(rows, [label, value] * columns)
    made.setStyle(
        TableStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LINEABOVE", (0, 0), (-1, -1), 0.4, style.RULE),
                ("LINEBELOW", (0, -1), (-1, -1), 0.4, style.RULE),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("TOPPADDING", (0, 0), (-1, -1), 4),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
            ]
        )
    )
    return made


def section(key: str, title: str) -> Content:
    """The head of a section, listed in the table of contents."""
    return [Anchor(key, title, 0), Paragraph(title, style.H1), Rule()]


def subsection(key: str, title: str) -> Content:
    """The head of a part of a section."""
    return [CondPageBreak(110), Anchor(key, title, 1), paragraph(title, style.H2)]


class Rule(Flowable):
    """A short coloured line under a section's head."""

    def __init__(self) -> None:
        super().__init__()
        self.width, self.height = style.WIDTH, 14

    def draw(self) -> None:
        """Draw the line."""
        self.canv.setFillColor(style.ACCENT)
        self.canv.rect(0, 16, 42, 2.4, stroke=0, fill=1)
