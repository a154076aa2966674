"""Changes: whatever is added and removed again leaves no trace, and nothing that is sent breaks the door."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.actor import Actor
from tests.identity.scim.kit import ENTERPRISE, as_json, fault, machine, patch, provisioned, send

CALM = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PLAIN = ("title", "nickName", "userType", "locale", "timezone", "preferredLanguage", "externalId")
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=20)
ADDITIONS = st.one_of(
    st.tuples(st.sampled_from(PLAIN), TEXT),
    st.tuples(st.sampled_from(["name.givenName", "name.familyName", "name.formatted"]), TEXT),
    st.tuples(st.sampled_from([f"{ENTERPRISE}:department", f"{ENTERPRISE}:employeeNumber"]), TEXT),
    st.tuples(st.just("phoneNumbers"), TEXT.map(lambda value: [{"value": value, "type": "work"}])),
    st.tuples(st.just("addresses"), TEXT.map(lambda value: [{"locality": value, "type": "work"}])),
)


@pytest.fixture
def who() -> Actor:
    return machine()


@pytest.fixture
def path(who: Actor) -> str:
    return f"/Users/{provisioned(who)['id']}"


def said(who: Actor, path: str) -> str:
    """What is shown of a person, but for when it changed."""
    body = send(who, "GET", path).body
    return as_json({key: value for key, value in body.items() if key != "meta"})


@CALM
@given(additions=st.lists(ADDITIONS, min_size=1, max_size=4, unique_by=lambda each: each[0].partition(".")[0]))
def test_what_is_added_and_removed_leaves_no_trace(who: Actor, path: str, additions: list[tuple[str, Any]]) -> None:
    before = said(who, path)
    added = patch(who, path, *({"op": "add", "path": where, "value": value} for where, value in additions))
    assert added.status == 200, added.body
    assert said(who, path) != before
    removed = patch(who, path, *({"op": "remove", "path": where} for where, _ in additions))
    assert removed.status == 200, removed.body
    assert said(who, path) == before


@CALM
@given(value=TEXT)
def test_what_is_replaced_twice_is_as_if_once(who: Actor, path: str, value: str) -> None:
    change = {"op": "replace", "path": "displayName", "value": value}
    once = patch(who, path, change)
    twice = patch(who, path, change)
    assert once.body == twice.body, "and the version stays"


ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**40), 2**40), st.text(max_size=10)),
    lambda some: st.one_of(st.lists(some, max_size=3), st.dictionaries(st.text(max_size=8), some, max_size=3)),
    max_leaves=8,
)
WHERE = st.one_of(
    st.none(),
    st.sampled_from(["userName", "active", "emails", "name", 'emails[type eq "work"].value', "id", "meta", "groups"]),
    st.sampled_from(["schemas", ENTERPRISE, f"{ENTERPRISE}:manager", "members", "externalId", "displayName"]),
    st.text(max_size=20),
)
OPERATIONS = st.fixed_dictionaries(
    {"op": st.one_of(st.sampled_from(["add", "replace", "remove", "Add"]), ANYTHING)},
    optional={"path": WHERE, "value": ANYTHING, "more": ANYTHING},
)


@CALM
@given(operations=st.one_of(st.lists(OPERATIONS, max_size=4), ANYTHING))
def test_no_change_breaks_the_door(who: Actor, path: str, operations: Any) -> None:
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations}
    for where in (path, "/Groups/grp_01JAAAAAAAAAAAAAAAAAAAAAAA"):
        answer = send(who, "PATCH", where, body)
        assert answer.status in (200, 400, 404, 409), answer.body
        if answer.status != 200:
            fault(answer)


@CALM
@given(
    body=st.dictionaries(st.sampled_from(["schemas", "userName", "emails", "active", "name", "externalId"]), ANYTHING)
)
def test_no_resource_breaks_the_door(who: Actor, path: str, body: dict[str, Any]) -> None:
    for method, where in (("POST", "/Users"), ("PUT", path), ("POST", "/Groups")):
        assert send(who, method, where, body).status in (200, 201, 400, 409), body


@pytest.mark.parametrize(
    ("operation", "word"),
    [
        ({"op": "add", "path": "unknown", "value": 1}, "invalidPath"),
        ({"op": "replace", "path": "emails[", "value": 1}, "invalidPath"),
        ({"op": "replace", "path": "password", "value": "Secret-9-Secret"}, "invalidPath"),
        ({"op": "replace", "value": {"unknown": 1}}, "invalidValue"),
        ({"op": "remove"}, "noTarget"),
        ({"op": "remove", "path": "userName"}, "mutability"),
        ({"op": "replace", "path": "id", "value": "x"}, "mutability"),
        ({"op": "replace", "path": "groups", "value": [{"value": "x"}]}, "mutability"),
        ({"op": "replace", "path": "active", "value": "perhaps"}, "invalidValue"),
        ({"op": "add", "path": 'emails[type eq "\\ud800"].value', "value": "a@b.cc"}, "invalidValue"),
        ({"op": "jump", "path": "title", "value": "x"}, "invalidValue"),
        ({"op": "add", "path": "title"}, "invalidValue"),
    ],
)
def test_a_change_that_means_nothing_changes_nothing(
    who: Actor, path: str, operation: dict[str, Any], word: str
) -> None:
    before = send(who, "GET", path).body
    good = {"op": "replace", "path": "title", "value": "CEO"}
    assert fault(patch(who, path, good, operation)) == (400, word)
    assert send(who, "GET", path).body == before


@pytest.mark.parametrize("value", [False, "False", "false", "FALSE"])
def test_the_ways_to_say_no(who: Actor, path: str, value: Any) -> None:
    assert patch(who, path, {"op": "Replace", "path": "active", "value": value}).body["active"] is False
    assert patch(who, path, {"op": "Replace", "path": "active", "value": "True"}).body["active"] is True


def test_entra_makes_an_entry_by_naming_it(who: Actor, path: str) -> None:
    changed = patch(
        who,
        path,
        {"op": "Add", "path": 'emails[type eq "work"].value', "value": "work@example.org"},
        {"op": "Replace", "value": {"name.givenName": "Nora", f"{ENTERPRISE}:department": "Sales"}},
    )
    assert changed.status == 200, changed.body
    assert {"value": "work@example.org", "type": "work"} in changed.body["emails"]
    assert changed.body["name"]["givenName"] == "Nora"
    assert changed.body[ENTERPRISE]["department"] == "Sales"
