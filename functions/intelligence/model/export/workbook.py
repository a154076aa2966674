"""The graph as an Excel workbook: a sheet of entities and one of relations. Every cell is text or a number, none a
formula or a link."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterable, Iterator
from typing import Any, Final

from functions.intelligence.errors import TooMuchForFormat
from functions.intelligence.model.export.cells import COLUMNS, entity_cells, relation_cells
from functions.intelligence.model.export.fields import xml_text
from functions.intelligence.model.graph import Entity, Relation

MAX_ROWS: Final = 200_000
"""Rows of a sheet: Excel takes a million, and a request lasts half a minute."""
MAX_CELL: Final = 32_767
NUMBERS: Final = frozenset({"confidence", "observations", "distance"})
WIDTHS: Final = {
    "value": 50,
    "attributes": 60,
    "key": 34,
    "source": 34,
    "target": 34,
    "first_seen": 25,
    "last_seen": 25,
}


def workbook(entities: Iterable[Entity], relations: Iterable[Relation], _exported_at: str) -> Iterator[bytes]:
    """The workbook. Raises TooMuchForFormat."""
    import xlsxwriter  # type: ignore[import-untyped]

    body = io.BytesIO()
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(body, options) as book:
        bold = book.add_format({"bold": True})
        for name, rows in (("Entities", map(entity_cells, entities)), ("Relations", map(relation_cells, relations))):
            _fill(book.add_worksheet(name), rows, bold)
    yield body.getvalue()


def _fill(sheet: Any, rows: Iterable[list[str]], bold: Any) -> None:
    first = next(iter_ := iter(rows), None)
    kept = [] if first is None else [place for place, cell in enumerate(COLUMNS) if _has(cell, first[0])]
    sheet.freeze_panes(1, 0)
    for column, place in enumerate(kept):
        sheet.set_column(column, column, WIDTHS.get(COLUMNS[place], 14))
    for column, place in enumerate(kept):
        sheet.write_string(0, column, COLUMNS[place], bold)
    for number, cells in enumerate(itertools.chain(() if first is None else (first,), iter_), 1):
        if number > MAX_ROWS:
            raise TooMuchForFormat(f"A workbook holds {MAX_ROWS:,} rows of each kind. Take the CSV instead.")
        for column, place in enumerate(kept):
            _write(sheet, number, column, COLUMNS[place], cells[place])


def _has(column: str, record: str) -> bool:
    """Whether rows of a record's kind have something in a column."""
    of_relations = {"source", "target", "relation"}
    of_entities = {"key", "type", "value", "risk", "distance", "attributes"}
    return column not in (of_relations if record == "entity" else of_entities) and column != "record"


def _write(sheet: Any, row: int, column: int, name: str, cell: str) -> None:
    if name in NUMBERS and cell:
        sheet.write_number(row, column, float(cell))
    else:
        sheet.write_string(row, column, xml_text(cell)[:MAX_CELL])
