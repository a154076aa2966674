"""CSV: what `export.cells` writes, and any table with a `type` and a `value`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any, Final

from functions.intelligence.model.export.cells import plain_text
from functions.intelligence.model.imports.items import Fault, Faulty, Reading, json_of, text_of

MAX_CELL: Final = 131_072
KNOWN: Final = frozenset(
    {
        *("record", "key", "type", "value", "confidence", "risk", "first_seen", "last_seen", "observations"),
        *("distance", "source", "target", "relation", "sources", "attributes", "observed_at", "module"),
    }
)


def rows_of(body: bytes, needed: frozenset[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a CSV with a header, with their lines. Raises Faulty for a file that is no such thing."""
    reader = csv.reader(io.StringIO(text_of(body), newline=""), strict=True)
    csv.field_size_limit(MAX_CELL)
    header: list[str] = []
    try:
        for cells in reader:
            if not header:
                header = [cell.strip() for cell in cells]
                _demand_header(header, needed)
            elif len(cells) == len(header):
                yield reader.line_num, dict(zip(header, cells, strict=True))
            elif cells:
                raise Faulty([Fault(reader.line_num, f"There are {len(cells)} cells, and {len(header)} columns.")])
    except csv.Error as problem:
        raise Faulty([Fault(reader.line_num, f"This is no CSV: {problem}.")]) from None
    if not header:
        raise Faulty([Fault(1, "The file is empty.")])


def _demand_header(header: list[str], needed: frozenset[str]) -> None:
    if missing := sorted(needed - set(header)):
        raise Faulty([Fault(1, f"The header lacks the column {missing[0]!r}.")])
    if len(set(header)) != len(header):
        raise Faulty([Fault(1, "The header names a column twice.")])


def read_table(body: bytes, reading: Reading) -> None:
    """A table of facts: one for each row, `source` naming the value that led to it; or our own export, in which rows
    of relations follow those of entities. Raises Faulty."""
    by_value: dict[str, str] = {}
    links: list[tuple[str, str]] = []
    for line, row in rows_of(body, frozenset({"type", "value"})):
        if row.get("record") == "relation":
            links.append((row.get("source", ""), row.get("target", "")))
            continue
        _add(line, {name: plain_text(cell) for name, cell in row.items()}, reading, by_value)
    for parent, name in links:
        reading.lead(parent, name)
    for item in reading.items.values():
        item.parents = [by_value.get(parent.removeprefix("="), parent) for parent in item.parents]


def _add(line: int, row: dict[str, str], reading: Reading, by_value: dict[str, str]) -> None:
    type_, value = row["type"].strip(), row["value"]
    name = row.get("key", "")
    source = row.get("source", "")
    before = len(reading.items)
    reading.add(
        line,
        type_,
        value,
        name=name,
        observed_at=reading.time(line, row.get("observed_at") or row.get("last_seen", "")),
        module=row.get("module") or row.get("sources", "").partition(",")[0] or "import",
        confidence=reading.number(line, row.get("confidence", "")),
        attributes=_attributes(line, row, reading),
        parent=f"={source}" if source else "",
    )
    if len(reading.items) > before:
        by_value.setdefault(value, next(reversed(reading.items)))


def _attributes(line: int, row: dict[str, str], reading: Reading) -> dict[str, Any]:
    """The attributes as JSON, and every column that we do not know."""
    more: dict[str, Any] = {name: cell for name, cell in row.items() if name not in KNOWN and name and cell}
    text = row.get("attributes", "").strip()
    if not text:
        return more
    try:
        found = json_of(text)
    except Faulty as faulty:
        reading.fault(line, f"The attributes cannot be read. {faulty}")
        return more
    if not isinstance(found, dict):
        reading.fault(line, "The attributes are no JSON object.")
        return more
    return {**found, **more}
