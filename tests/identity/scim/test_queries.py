"""What SCIM asks: filters, pages, sorting, the attributes that are wanted. Nothing that is asked breaks the door."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.actor import Actor
from tests.identity.scim.kit import GROUP, USER, fault, machine, provisioned, send
from tests.kit import Answer

CALM = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def who() -> Actor:
    directory = machine()
    provisioned(directory, "ann@example.org", externalId="E1", displayName="Ann", title="CEO")
    provisioned(directory, "bob@example.org", externalId="E2", displayName="Bob", active=False)
    provisioned(
        directory,
        "cid",
        emails=[{"value": "cid@example.net", "type": "work"}, {"value": "c@home.example"}],
        title="CFO",
    )
    return directory


def ask(who: Actor, kind: str = "Users", **parameters: Any) -> Answer:
    query = "&".join(f"{name}={quote(str(value))}" for name, value in parameters.items())
    return send(who, "GET", f"/{kind}", query=query)


def names(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.body
    return [each["userName"].partition("@")[0] for each in answer.body.get("Resources", [])]


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        ('userName eq "ANN@example.org"', ["ann"]),
        ('USERNAME EQ "ann@example.org"', ["ann"]),
        ('urn:ietf:params:scim:schemas:core:2.0:User:userName eq "ann@example.org"', ["ann"]),
        ('externalId eq "E2"', ["bob"]),
        ('externalId eq "e2"', []),
        ('emails.value eq "cid@example.net"', ["cid"]),
        ('emails eq "ann@example.org"', ["ann"]),
        ('emails[type eq "work" and value ew ".net"]', ["cid"]),
        ('displayName sw "b"', ["bob"]),
        ('userName co "example"', ["ann", "bob"]),
        ("title pr", ["ann", "cid"]),
        ("not (title pr)", ["bob"]),
        ("active eq true", ["ann", "cid"]),
        ('active eq false or title eq "CFO"', ["bob", "cid"]),
        ('title gt "CEO"', ["cid"]),
        ('title ge "CEO" and not (userName eq "cid")', ["ann"]),
        ('userName ne "cid"', ["ann", "bob"]),
        ('meta.lastModified gt "2020-01-01T00:00:00Z"', ["ann", "bob", "cid"]),
        ('meta.created lt "2020-01-01T00:00:00Z"', []),
        ('userName eq "nobody@example.org"', []),
        ('id eq "nobody"', []),
        ('id eq "a#b"', []),
    ],
)
def test_a_filter_chooses(who: Actor, chosen: str, found: list[str]) -> None:
    assert sorted(names(ask(who, filter=chosen))) == found


def test_one_is_found_by_the_id(who: Actor) -> None:
    ann = ask(who, filter='userName eq "ann@example.org"').body["Resources"][0]
    assert names(ask(who, filter=f'id eq "{ann["id"]}"')) == ["ann"]
    assert names(ask(who, filter=f'id eq "{ann["id"]}" and active eq false')) == []


@pytest.mark.parametrize(
    "chosen",
    [
        "", "userName", "userName eq", 'userName eq "', "userName xx 1", 'unknown eq "x"', 'userName eq "x" and',
        "((((", "active gt true", 'name eq "x"', 'emails[type eq "work"', 'userName eq "x") or (1 eq 1',
        "(" * 900 + 'userName eq "x"' + ")" * 900, "not " * 400 + "title pr", 'userName eq "' + "x" * 3000 + '"',
        'password eq "x"', "\u202e\x00", 'userName eq "\\ud800"',
    ],
)  # fmt: skip
def test_what_is_no_filter_is_refused(who: Actor, chosen: str) -> None:
    for kind in ("Users", "Groups"):
        answer = ask(who, kind, filter=chosen)
        if answer.status == 200:  # a filter may be deep, and good for something
            assert answer.body["totalResults"] == 0
            continue
        assert fault(answer) == (400, "invalidFilter")


ATTRIBUTES = st.sampled_from(
    ["userName", "emails", "emails.value", "active", "meta.created", "groups", "name", "x", "id", f"{USER}:title"]
)
VALUES = st.one_of(
    st.text(max_size=8).map(lambda text: f'"{text}"'),
    st.sampled_from(["true", "null", "1", "-1e400", "NaN", '"2020-01-01T00:00:00Z"', "'x'", "[1]"]),
)
COMPARED = st.tuples(ATTRIBUTES, st.sampled_from(["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "pr"]), VALUES)
FILTERS = st.recursive(
    COMPARED.map(" ".join),
    lambda some: st.one_of(
        st.tuples(some, st.sampled_from(["and", "or"]), some).map(" ".join),
        some.map(lambda text: f"not ({text})"),
        some.map(lambda text: f"emails[{text}]"),
    ),
    max_leaves=6,
)


@CALM
@given(chosen=st.one_of(FILTERS, st.text(max_size=60)), sort=st.one_of(st.none(), ATTRIBUTES, st.text(max_size=9)))
def test_no_filter_breaks_the_door(who: Actor, chosen: str, sort: str | None) -> None:
    body = {"filter": chosen, **({"sortBy": sort} if sort is not None else {})}
    answer = send(who, "POST", "/Users/.search", body)
    assert answer.status in (200, 400), answer.body
    if answer.status == 400:
        assert fault(answer)[1] in ("invalidFilter", "invalidPath", "invalidValue", "invalidSyntax")


@CALM
@given(
    query=st.dictionaries(
        st.sampled_from(
            ["filter", "sortBy", "sortOrder", "startIndex", "count", "attributes", "excludedAttributes", "z"]
        ),
        st.text(max_size=20),
    ),
    kind=st.sampled_from(["Users", "Groups"]),
)
def test_no_parameter_breaks_the_door(who: Actor, query: dict[str, str], kind: str) -> None:
    assert ask(
        who, kind, **{name: value.encode(errors="replace").decode() for name, value in query.items()}
    ).status in (
        200,
        400,
    )


def test_pages_and_their_bounds(who: Actor) -> None:
    first = ask(who, sortBy="userName", count=2).body
    assert (first["totalResults"], first["startIndex"], first["itemsPerPage"]) == (3, 1, 2)
    second = ask(who, sortBy="userName", count=2, startIndex=3)
    assert names(second) == ["cid"]
    assert (second.body["startIndex"], second.body["itemsPerPage"]) == (3, 1)
    assert ask(who, count=0).body["Resources"] == []
    assert ask(who, count=-5).body["itemsPerPage"] == 0
    assert ask(who, startIndex=-5, count=1).body["startIndex"] == 1
    assert ask(who, startIndex=100).body["Resources"] == []
    assert ask(who, count=100_000).status == 200
    for wrong in ("x", "1.5", "1" * 400, "\u0661"):
        assert fault(ask(who, count=wrong)) == (400, "invalidValue")


def test_sorting(who: Actor) -> None:
    assert names(ask(who, sortBy="userName", sortOrder="descending")) == ["cid", "bob", "ann"]
    assert names(ask(who, sortBy="emails")) == ["ann", "bob", "cid"]
    assert fault(ask(who, sortBy="name")) == (400, "invalidPath")
    assert fault(ask(who, sortBy="nothing")) == (400, "invalidPath")


def test_only_the_attributes_that_are_wanted_are_shown(who: Actor) -> None:
    some = ask(who, attributes="userName,emails.value", sortBy="userName").body["Resources"][0]
    assert set(some) == {"schemas", "id", "userName", "emails"}
    others = ask(who, excludedAttributes="emails,meta", sortBy="userName").body["Resources"][0]
    assert "emails" not in others
    assert "title" in others
    one = send(who, "GET", f"/Users/{some['id']}", query="attributes=title").body
    assert set(one) == {"schemas", "id", "title"}
    assert fault(ask(who, attributes="userName", excludedAttributes="emails"))[0] == 400


def test_people_and_groups_are_searched_together(who: Actor) -> None:
    send(who, "POST", "/Groups", {"schemas": [GROUP], "displayName": "Ann"})
    found = send(who, "POST", "/.search", {"filter": 'displayName eq "ann"'}).body
    assert {each["meta"]["resourceType"] for each in found["Resources"]} == {"User", "Group"}
    assert send(who, "POST", "/Groups/.search", {"filter": 'displayName eq "ann"'}).body["totalResults"] == 1
