"""What a DynamoDB call consumes, by DynamoDB's published rules.

The rules (Amazon DynamoDB Developer Guide, "DynamoDB item sizes and formats" and "on-demand capacity"):

- An item's size is the sum of its attributes' names and values in UTF-8. A number takes about one byte for two
  digits and one more, null and booleans one byte, a list or a map three bytes and one more for each element.
- A read request unit (RRU) is 4 KB read consistently; an eventually consistent read takes half. A query is rounded
  up once, a batch for each of its items. What finds nothing still takes the least there is.
- A write request unit (WRU) is 1 KB of the larger of the item before and after. In a transaction a write takes
  twice that.
- Every index that holds the item takes a plain write of its own when the item is written: two, an old entry's end
  and a new one's beginning, when the index's key changes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

READ_BYTES = 4096
WRITE_BYTES = 1024
TRANSACTION_FACTOR = 2
EVENTUAL_FACTOR = 0.5
ELEMENT_BYTES, COLLECTION_BYTES = 1, 3
INDEXES = ("gsi1", "gsi2")

Item = Mapping[str, Mapping[str, Any]]
"""An item as DynamoDB's API writes it: `{"name": {"S": "text"}}`."""


def item_size(item: Item) -> int:
    """The bytes of an item. Raises ValueError for a type that the platform does not store."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def read_units(size: int, *, consistent: bool = True) -> float:
    """RRUs for `size` bytes read at once."""
    units = max(1, math.ceil(size / READ_BYTES))
    return units * (1.0 if consistent else EVENTUAL_FACTOR)


def write_units(size: int, *, transactional: bool = False) -> int:
    """WRUs for an item of `size` bytes in the table itself."""
    return max(1, math.ceil(size / WRITE_BYTES)) * (TRANSACTION_FACTOR if transactional else 1)


def index_units(before: Item | None, after: Item | None) -> int:
    """WRUs that the indexes take when an item becomes another (None: it is not there)."""
    return sum(_index_writes(index, before, after) for index in INDEXES)


def _index_writes(index: str, before: Item | None, after: Item | None) -> int:
    old, new = _entry(index, before), _entry(index, after)
    if old is None or new is None or old[0] == new[0]:
        sizes = [entry[1] for entry in (old, new) if entry]
        return write_units(max(sizes)) if sizes else 0
    return write_units(old[1]) + write_units(new[1])


def _entry(index: str, item: Item | None) -> tuple[tuple[Any, Any], int] | None:
    """An item's key in an index and its size there (indexes hold whole items); None when it is not in it."""
    if item is None or f"{index}pk" not in item:
        return None
    return (item[f"{index}pk"]["S"], item[f"{index}sk"]["S"]), item_size(item)


def _value_size(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return _number_size(content)
        case "B":
            return len(content)
        case "NULL" | "BOOL":
            return 1
        case "L":
            return COLLECTION_BYTES + sum(ELEMENT_BYTES + _value_size(each) for each in content)
        case "M":
            inner = sum(ELEMENT_BYTES + len(name.encode()) + _value_size(each) for name, each in content.items())
            return COLLECTION_BYTES + inner
    raise ValueError(f"no rule for the size of a {kind}")


def _number_size(text: str) -> int:
    """About one byte for two significant digits, and one for the exponent; a sign takes another."""
    digits = text.lstrip("-").partition("E")[0].replace(".", "").strip("0")
    return math.ceil(len(digits) / 2) + 1 + text.startswith("-")
