"""The entries as CSV (RFC 4180, UTF-8 with a byte order mark, so that spreadsheets read it as such)."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Final

from functions.audit.model.entries import AuditLogEntry
from functions.audit.render.told import Told

COLUMNS: Final = (
    *("Time", "Category", "Action", "Context", "Actor", "E-mail", "Address", "API key", "Provider", "Resource"),
    *("Request", "External", "Sealed", "AuditLogEntry", "Details"),
)
# What a spreadsheet may take for a formula, full-width forms included; leading blanks do not stop it.
_FORMULA: Final = re.compile(r"^[\s\x00]*[=+\-@\t\r\n|%\uff1d\uff0b\uff0d\uff20]")


def render_csv(told: Told) -> bytes:
    """One line per entry. A text that a spreadsheet could take for a formula gets a leading apostrophe."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    writer.writerows([neutral(cell) for cell in row(entry)] for entry in told.entries)
    if told.has_more:
        writer.writerow([f"There are more entries than the newest {len(told.entries)}: choose a shorter period."])
    return text.getvalue().encode("utf-8-sig", "replace")


def row(entry: AuditLogEntry) -> tuple[str, ...]:
    """An entry's cells, in the order of `COLUMNS`."""
    cells = (
        *(entry.at, entry.category.value, entry.action, entry.context, entry.user_id, entry.email, entry.address),
        *(entry.key_id, entry.provider_id, entry.resource, entry.request_id),
        *("yes" if entry.external else "no", "yes" if entry.sealed else "not yet", entry.entry_id),
        json.dumps(entry.details, ensure_ascii=False),
    )
    return tuple(cell or "" for cell in cells)


def neutral(cell: str) -> str:
    """A text that no spreadsheet runs: see OWASP, CSV Injection. NUL is dropped, since it would end the cell."""
    cell = cell.replace("\x00", "")
    return f"'{cell}" if cell and _FORMULA.match(cell) else cell
