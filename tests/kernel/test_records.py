"""Keys: declared on the record, never without a tenant, never ambiguous."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kernel.actor import Actor
from kernel.ids import new_id
from kernel.records import MAX_PARTITION_BYTES, MAX_SORT_BYTES, Hidden, InvalidKey, KeyTemplate, Record, Resource
from tests.kit import actor

TEXT = st.text(min_size=1, max_size=20).filter(lambda text: "#" not in text)
TENANTS = st.builds(lambda: new_id("org"))


class Boat(Record, pk="TENANT#{tenant_id}#BOATS#{harbour}", sk="BOAT#{boat_id}#{part:05}"):
    location = "/boats/{boat_id}"

    harbour: str
    boat_id: str
    part: int = 0
    keel: Hidden[str] = ""


class Berth(Record, pk="PLATFORM#BERTHS", sk="BERTH#{number}", platform=True):
    number: int


@pytest.mark.parametrize(
    "keys",
    [
        {"pk": "BOATS#{boat_id}", "sk": "B"},
        {"pk": "TENANT#{boat_id}#BOATS", "sk": "B"},
        {"pk": "TENANT#{tenant_id}", "sk": "B"},
        {"pk": "PLATFORM#BOATS", "sk": "B"},
        {"pk": "TENANT#{tenant_id}#BOATS", "sk": "B", "gsi1": ("BOATS#{boat_id}", "B")},
        {"pk": "TENANT#{tenant_id}#BOATS", "sk": "B", "gsi2": ("NAME#{boat_id}", "B")},
        {"pk": "TENANT#{tenant_id}#BOATS", "sk": "B", "platform": True},
    ],
)
def test_a_class_whose_partition_lacks_the_tenant_is_refused_when_it_is_defined(keys: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="must begin with"):
        type("Raft", (Record,), {"__module__": __name__, "__annotations__": {"boat_id": str}}, **keys)


def test_a_key_is_made_of_the_actors_tenant_whatever_else_is_given() -> None:
    owner, stranger = actor(), actor()
    key = Boat.key(owner, harbour="h", boat_id="b", part=7, tenant_id=stranger.tenant_id)
    assert key == {"pk": f"TENANT#{owner.tenant_id}#BOATS#h", "sk": "BOAT#b#00007"}


@given(TENANTS, TENANTS, TEXT, TEXT)
def test_no_partition_is_a_prefix_of_another_tenants(one: str, other: str, harbour: str, elsewhere: str) -> None:
    assume(one != other)
    mine = Boat.partition(Actor.system(one), harbour=harbour)[0]
    theirs = Boat.partition(Actor.system(other), harbour=elsewhere)[0]
    assert not mine.startswith(theirs)
    assert not theirs.startswith(mine)


@given(st.tuples(TEXT, TEXT, st.integers(0, 99_999)), st.tuples(TEXT, TEXT, st.integers(0, 99_999)))
def test_different_values_never_make_the_same_key(one: tuple[str, str, int], other: tuple[str, str, int]) -> None:
    who, names = actor(), ("harbour", "boat_id", "part")
    first, second = (Boat.key(who, **dict(zip(names, values, strict=True))) for values in (one, other))
    assert (first == second) == (one == other)


@given(st.integers(0, 99_999), st.integers(0, 99_999))
def test_padded_numbers_sort_as_numbers(one: int, other: int) -> None:
    who = actor()
    first, second = (Boat.key(who, harbour="h", boat_id="b", part=part)["sk"] for part in (one, other))
    assert (first < second) == (one < other)


@given(st.text(max_size=10), st.text(max_size=10))
def test_a_value_cannot_hold_the_separator(before: str, after: str) -> None:
    with pytest.raises(InvalidKey, match="separator"):
        Boat.key(actor(), harbour=f"{before}#{after}", boat_id="b", part=0)


def test_a_key_that_lacks_a_part_cannot_be_built() -> None:
    with pytest.raises(InvalidKey, match="boat_id, part"):
        Boat.key(actor(), harbour="h")
    with pytest.raises(InvalidKey, match="harbour"):
        Boat.partition(actor(), boat_id="b")


def test_a_prefix_reaches_to_the_first_gap() -> None:
    template = KeyTemplate("A#{one}#{two:03}#END")
    assert template.prefix({}) == "A#"
    assert template.prefix({"one": "x"}) == "A#x#"
    assert template.prefix({"two": 2}) == "A#"
    assert template.prefix({"one": "x", "two": 2}) == "A#x#002#END"


@pytest.mark.parametrize(("limit", "field"), [(MAX_PARTITION_BYTES, "harbour"), (MAX_SORT_BYTES, "boat_id")])
def test_a_key_that_dynamodb_would_not_take_names_nothing(limit: int, field: str) -> None:
    values: dict[str, Any] = {"harbour": "h", "boat_id": "b", "part": 0, field: "é" * (limit // 2)}
    with pytest.raises(InvalidKey, match=f"more than {limit} bytes"):
        Boat.key(actor(), **values)


def test_a_platform_record_has_no_tenant_in_its_key_and_a_tenants_record_no_platform_key() -> None:
    assert Berth.platform_key(number=3) == {"pk": "PLATFORM#BERTHS", "sk": "BERTH#3"}
    with pytest.raises(TypeError, match="needs an actor"):
        Boat.platform_key(harbour="h", boat_id="b", part=0)


def test_what_is_hidden_is_stored_and_not_shown() -> None:
    boat = Boat(tenant_id=new_id("org"), harbour="h", boat_id="b", keel="secret", expires_at=1)
    assert Boat.hidden == {"tenant_id", "expires_at", "keel"}
    assert boat.item()["keel"] == "secret"
    assert b"secret" not in boat.wire()
    assert boat.tenant_id.encode() not in boat.wire()
    assert boat.path() == "/boats/b"
    assert Resource().path() is None


def test_a_subclass_inherits_keys_and_adds_to_what_is_hidden() -> None:
    class Ship(Boat):
        captain: Hidden[str] = ""

    assert Ship.keys == Boat.keys
    assert Ship.hidden == {*Boat.hidden, "captain"}
