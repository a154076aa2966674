"""The report as a workbook: summary, findings, modules. Texts are never formulas or links."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from typing import Final

import xlsxwriter  # type: ignore[import-untyped]
from xlsxwriter.format import Format  # type: ignore[import-untyped]
from xlsxwriter.worksheet import Worksheet  # type: ignore[import-untyped]

from functions.reports.model import ReportData, counts_by_severity
from functions.reports.narrative import RATINGS, minute, summary, worst_severity
from functions.reports.render.columns import COLUMNS, rows

MAX_CELL: Final = 32_767
"""What a cell can hold."""
WIDTHS: Final = (16, 10, 14, 40, 36, 32, 11, 22, 22, 60, 60, 40, 32, 50, 50)
COLOURS: Final = {
    "critical": "#8E1B2E",
    "high": "#D0342C",
    "medium": "#E08A00",
    "low": "#2F7DB8",
    "info": "#6B7785",
}
_NOT_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")

Cell = str | int | float


def render_xlsx(data: ReportData) -> bytes:
    """An XLSX workbook, written row by row."""
    buffer = io.BytesIO()
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(buffer, options) as book:
        book.set_properties({"title": data.title, "company": data.client[:255], "author": data.prepared_by})
        _Sheets(book, data).write()
    return buffer.getvalue()


class _Sheets:
    """The sheets of one workbook and the formats they share."""

    def __init__(self, book: xlsxwriter.Workbook, data: ReportData) -> None:
        self._book = book
        self._data = data
        self._head: Format = book.add_format({"bold": True, "font_color": "white", "bg_color": "#14213D"})
        self._wrap: Format = book.add_format({"text_wrap": True, "valign": "top"})
        self._chips: dict[str, Format] = {
            severity: book.add_format({"bold": True, "font_color": "white", "bg_color": colour, "valign": "top"})
            for severity, colour in COLOURS.items()
        }

    def write(self) -> None:
        self._summary()
        self._findings()
        self._modules()

    def _summary(self) -> None:
        data = self._data
        lines: list[tuple[Cell, ...]] = [
            ("Report", data.title),
            ("Client", data.client),
            ("Scan", data.scan.name),
            ("Targets", ", ".join(data.scan.targets)),
            ("Started", minute(data.scan.started_at)),
            ("Finished", minute(data.scan.finished_at)),
            ("Classification", data.classification),
            ("Rating", RATINGS[worst_severity(data)]),
            *((severity.capitalize(), count) for severity, count in counts_by_severity(data.findings).items()),
            *(("Summary", paragraph) for paragraph in summary(data)),
            *(("Note", note) for note in data.notes),
        ]
        self._table("Summary", ("", ""), (20, 110), lines)

    def _findings(self) -> None:
        sheet = self._table("Findings", COLUMNS, WIDTHS, rows(self._data), chips=True)
        sheet.autofilter(0, 0, max(1, len(self._data.findings)), len(COLUMNS) - 1)

    def _modules(self) -> None:
        names = ("Module", "Version", "What it does", "Tasks", "Observations", "Errors", "Seconds")
        lines = (
            (run.name, run.version, run.summary, run.tasks, run.observations, run.errors, round(run.seconds, 1))
            for run in self._data.modules
        )
        self._table("Modules", names, (24, 10, 70, 10, 14, 10, 10), lines)

    def _table(
        self,
        name: str,
        heads: Iterable[str],
        widths: Iterable[int],
        lines: Iterable[tuple[Cell, ...]],
        *,
        chips: bool = False,
    ) -> Worksheet:
        sheet: Worksheet = self._book.add_worksheet(name)
        for column, width in enumerate(widths):
            sheet.set_column(column, column, width)
        sheet.freeze_panes(1, 0)
        for column, head in enumerate(heads):
            sheet.write_string(0, column, head, self._head)
        for number, line in enumerate(lines, 1):
            for column, cell in enumerate(line):
                format_ = self._chips.get(str(cell), self._wrap) if chips and column == 1 else self._wrap
                self._cell(sheet, number, column, cell, format_)
        return sheet

    def _cell(self, sheet: Worksheet, row: int, column: int, cell: Cell, format_: Format) -> None:
        if isinstance(cell, str):
            sheet.write_string(row, column, _NOT_XML.sub("\ufffd", cell)[:MAX_CELL], format_)
        else:
            sheet.write_number(row, column, cell, format_)
