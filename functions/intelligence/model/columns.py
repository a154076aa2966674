"""Columns of the reducer's memory that have a value for some rows only."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Mapping
from typing import Any

import msgspec

Texts = tuple[str, ...]


class ColumnDelta(msgspec.Struct, array_like=True):
    """What one wave adds to a column: rows, the number of each one's value, and the values that are new."""

    rows: bytes
    codes: bytes
    values: list[Texts]


class Column:
    """An attribute's texts by row. Rows come in order; equal values are kept once."""

    def __init__(self) -> None:
        self._rows = array("I")
        self._codes = array("I")
        self._values: list[Texts] = []
        self._numbers: dict[Texts, int] = {}
        self._base = (0, 0)

    def add(self, row: int, value: Any) -> None:
        """Remember a row's value: a text, number or truth value, names with such, or a list of these."""
        texts = tuple(map(_text, value)) if isinstance(value, list | tuple) else (_text(value),)
        self._rows.append(row)
        self._codes.append(self._number(texts))

    def _number(self, texts: Texts) -> int:
        found = self._numbers.get(texts)
        if found is None:
            found = self._numbers[texts] = len(self._values)
            self._values.append(texts)
        return found

    def get(self, row: int) -> Texts:
        """A row's texts; none when it has no value."""
        at = bisect_left(self._rows, row)
        if at == len(self._rows) or self._rows[at] != row:
            return ()
        return self._values[self._codes[at]]

    def by_value(self, first_row: int) -> dict[Texts, array[int]]:
        """The rows from `first_row` on, by their texts."""
        start = bisect_left(self._rows, first_row)
        found: dict[int, array[int]] = {}
        for row, code in zip(self._rows[start:], self._codes[start:], strict=True):
            rows = found.get(code)
            if rows is None:
                rows = found[code] = array("I")
            rows.append(row)
        return {self._values[code]: rows for code, rows in found.items()}

    def mark(self) -> None:
        """From here on, what is added belongs to the next delta."""
        self._base = (len(self._rows), len(self._values))

    def delta(self) -> ColumnDelta:
        """What was added since the mark."""
        rows, values = self._base
        return ColumnDelta(self._rows[rows:].tobytes(), self._codes[rows:].tobytes(), self._values[values:])

    def absorb(self, delta: ColumnDelta) -> None:
        """Add one wave's delta."""
        self._rows.frombytes(delta.rows)
        self._codes.frombytes(delta.codes)
        for texts in delta.values:
            self._number(texts)


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_word(each)}" for name, each in value.items())
    return _word(value)


def _word(value: object) -> str:
    """What lies deeper than names with values is told as it is written: an archive may nest without end."""
    return str(value).lower() if isinstance(value, bool) else str(value)
