"""Whatever a record looks like, a person who was taken out of it is gone, and nothing else is."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from contracts.privacy import Subject
from contracts.redaction import names, without

ADA = Subject(
    tenant_id="org_01J9ZQ00000000000000000000",
    job_id="era_1",
    user_id="user_ada",
    email="Ada+x@example.com",
    name="Ada Ünal",
)
PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
WORDS = st.sampled_from(
    ["ada+X@EXAMPLE.com", "by Ada Ünal, today", "mailto:ada+x@example.com?x", "user_ada", "Canada Ünalan", "{", "[1"]
)


def nested(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    keys = st.sampled_from(["email", "user_id", "address", "origin", "data", "name", "x"])
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(keys, inner, max_size=5)
            | inner.map(lambda value: json.dumps(value))
        ),
        max_leaves=20,
    )


@given(nested(PLAIN | WORDS))
def test_a_person_is_gone_however_deep(value: Any) -> None:
    cleaned = without(value, ADA)
    assert not names(cleaned, ADA)
    assert "ada+x@example.com" not in json.dumps(cleaned, ensure_ascii=False).lower()
    assert without(cleaned, ADA) == cleaned


@given(nested(PLAIN.filter(lambda leaf: leaf != "user_ada")))
def test_what_is_not_about_the_person_stays(value: Any) -> None:
    if not names(value, ADA) and "user_ada" not in json.dumps(value):
        assert without(value, ADA) == value


def test_addresses_go_with_whom_they_are_about() -> None:
    other = {"user_id": "user_eve", "address": "198.51.100.1"}
    event = {
        "origin": {"user_id": "user_ada", "email": "ada+x@example.com", "address": "203.0.113.7"},
        "data": {"device": "Firefox", "address": "203.0.113.7", "scan_id": "scan_1"},
    }
    cleaned = without({"mine": json.dumps(event), "other": other}, ADA)
    assert cleaned["other"] == other
    inner = json.loads(cleaned["mine"])
    assert inner["data"] == {"device": "erased", "address": "erased", "scan_id": "scan_1"}
    assert inner["origin"] == {"user_id": "user_ada", "email": "era_1@erased.invalid", "address": "erased"}


def test_a_part_of_another_word_is_no_name() -> None:
    assert without("Canada Ünalan", ADA) == "Canada Ünalan"
    nobody = ADA.model_copy(update={"name": "A"})
    assert without("A scan", nobody) == "A scan"
