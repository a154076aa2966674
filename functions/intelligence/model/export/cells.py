"""The graph as a table: one row for each entity and one for each relation, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from functions.intelligence.model.graph import Entity, Relation

COLUMNS: Final = (
    *("record", "key", "type", "value", "confidence", "risk", "first_seen", "last_seen", "observations"),
    *("distance", "source", "target", "relation", "sources", "attributes"),
)
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet takes for a formula, or for the way to one (OWASP, CSV Injection)."""
ROWS_AT_ONCE: Final = 500


def harmless(text: str) -> str:
    """Text as a spreadsheet shows it, and does not compute it; `plain_text` takes it back."""
    return f"'{text}" if text.startswith((*FORMULA, "'")) else text


def plain_text(cell: str) -> str:
    """What `harmless` was given."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith((*FORMULA, "'")) else cell


def entity_cells(row: Entity) -> list[str]:
    """An entity's row."""
    attributes = msgspec.json.encode(row.attributes, order="sorted").decode() if row.attributes else ""
    return [
        *("entity", row.key, row.type, row.value, f"{row.confidence:.4f}", row.risk, row.first_seen, row.last_seen),
        *(str(row.count), str(row.distance), "", "", "", ", ".join(sorted(row.sources)), attributes),
    ]


def relation_cells(row: Relation) -> list[str]:
    """A relation's row."""
    return [
        *("relation", "", "", "", f"{row.confidence:.4f}", "", row.first_seen, row.last_seen, str(row.count), ""),
        *(row.source, row.target, row.name, ", ".join(sorted(row.sources)), ""),
    ]


def table(entities: Iterable[Entity], relations: Iterable[Relation], _exported_at: str) -> Iterator[str]:
    """The graph as CSV (RFC 4180), entities first."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    rows = (cells for part in (map(entity_cells, entities), map(relation_cells, relations)) for cells in part)
    for number, cells in enumerate(rows, 1):
        writer.writerow([harmless(_unbroken(cell)) for cell in cells])
        if number % ROWS_AT_ONCE == 0:
            yield _taken(text)
    yield _taken(text)


def _taken(text: io.StringIO) -> str:
    chunk = text.getvalue()
    text.seek(0)
    text.truncate()
    return chunk


def _unbroken(text: str) -> str:
    """Text without NUL, which programs that read CSV stumble over, and without halves of characters."""
    return text.replace("\0", "\u2400").encode("utf-8", "replace").decode()
