"""The findings as CSV (RFC 4180, UTF-8 with a byte order mark, so that spreadsheets read it as such)."""

from __future__ import annotations

import csv
import io
import re
from typing import Final

from functions.reports.model import ReportData
from functions.reports.render.columns import COLUMNS, rows

# What a spreadsheet may take for a formula, full-width forms included; leading blanks do not stop it.
_FORMULA: Final = re.compile(r"^[\s\x00]*[=+\-@\t\r\n|%\uff1d\uff0b\uff0d\uff20]")


def render_csv(data: ReportData) -> bytes:
    """One line per finding. A text that a spreadsheet could take for a formula gets a leading apostrophe."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    for row in rows(data):
        writer.writerow([neutral(cell) if isinstance(cell, str) else cell for cell in row])
    return text.getvalue().encode("utf-8-sig", "replace")


def neutral(cell: str) -> str:
    """A text that no spreadsheet runs: see OWASP, CSV Injection. NUL is dropped, since it would end the cell."""
    cell = cell.replace("\x00", "")
    return f"'{cell}" if cell and (_FORMULA.match(cell) or cell[0] in "\t\r\n") else cell
