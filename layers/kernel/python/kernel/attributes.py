"""DynamoDB's attribute values, both ways, for what JSON can say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Attribute = Mapping[str, Any]
MAX_DIGITS = 38
MAX_NUMBER = 1e125
MIN_NUMBER = 1e-130
"""DynamoDB's numbers: 38 digits, and magnitudes within these bounds or zero."""


def to_attribute(value: Any) -> dict[str, Any]:
    """A JSON value as an attribute value. Raises ValueError for a number that DynamoDB has not, and TypeError for
    what is not JSON."""
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, int | float):
        return {"N": _numeral(value)}
    if isinstance(value, list | tuple):
        return {"L": [to_attribute(item) for item in value]}
    if isinstance(value, Mapping):
        return {"M": {key: to_attribute(item) for key, item in value.items()}}
    raise TypeError(f"DynamoDB has no attribute for {type(value).__name__}")


def from_attribute(attribute: Attribute) -> Any:
    """An attribute value as a JSON value; sets become sorted lists."""
    ((kind, value),) = attribute.items()
    match kind:
        case "S" | "BOOL":
            return value
        case "N":
            return number(value)
        case "NULL":
            return None
        case "L":
            return [from_attribute(item) for item in value]
        case "M":
            return {key: from_attribute(item) for key, item in value.items()}
        case "SS":
            return sorted(value)
    raise TypeError(f"unexpected attribute type {kind}")


def number(text: str) -> int | float:
    """A DynamoDB number: an int where it has neither fraction nor exponent."""
    return int(text) if text.lstrip("-").isdigit() else float(text)


def _numeral(value: int | float) -> str:
    fits = abs(value) < 10**MAX_DIGITS if isinstance(value, int) else MIN_NUMBER <= abs(value) <= MAX_NUMBER
    if value and not fits:
        raise ValueError("a number has at most 38 digits and lies between 1e-130 and 1e125")
    return repr(value)


def to_item(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """A JSON object as an item."""
    return {name: to_attribute(value) for name, value in values.items()}


def from_item(item: Mapping[str, Attribute]) -> dict[str, Any]:
    """An item as a JSON object."""
    return {name: from_attribute(value) for name, value in item.items()}
