"""Attribute values: what JSON can say survives the way to the table and back."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.attributes import MAX_NUMBER, MIN_NUMBER, from_attribute, from_item, number, to_attribute, to_item

INTEGERS = st.integers(-(10**38) + 1, 10**38 - 1)
FLOATS = st.floats(-MAX_NUMBER, MAX_NUMBER).filter(lambda value: value == 0 or abs(value) >= MIN_NUMBER)
SCALARS = st.none() | st.booleans() | st.text() | INTEGERS | FLOATS
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=12
)


@given(JSON)
def test_json_survives_the_round_trip(value: Any) -> None:
    assert from_attribute(to_attribute(value)) == value


@given(st.dictionaries(st.text(min_size=1), JSON, max_size=5))
def test_items_survive_the_round_trip(values: dict[str, Any]) -> None:
    assert from_item(to_item(values)) == values


@given(JSON)
def test_types_are_told_apart(value: Any) -> None:
    """A boolean never becomes a number, nor a number a text."""
    back = from_attribute(to_attribute(value))
    assert json.dumps(back, sort_keys=True) == json.dumps(value, sort_keys=True)


@given(INTEGERS | FLOATS)
def test_numbers_come_back_from_how_dynamodb_writes_them(value: float) -> None:
    """DynamoDB gives a number back without trailing zeros or an exponent."""
    written = format(Decimal(repr(value)), "f")
    written = written.rstrip("0").rstrip(".") if "." in written else written
    assert type(value)(number(written)) == value


@pytest.mark.parametrize(
    "value", [float("inf"), float("-inf"), float("nan"), 1e126, -1e126, 1e-131, 10**38, -(10**38), 10**400]
)
def test_a_number_that_dynamodb_has_not_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="38 digits"):
        to_attribute({"deep": [value]})


@pytest.mark.parametrize("value", [b"bytes", {1, 2}, object()])
def test_what_is_not_json_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match=type(value).__name__):
        to_attribute(value)


def test_a_set_of_strings_is_read_in_order_and_other_sets_are_not_ours() -> None:
    assert from_attribute({"SS": ["b", "a"]}) == ["a", "b"]
    with pytest.raises(TypeError, match="NS"):
        from_attribute({"NS": ["1"]})
