"""What a scope may allow beyond the targets: only what the tenant has shown to be its own."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.scope import admits
from functions.scans import api
from functions.scans.service.ownership import Ending, covers, endings
from kernel.actor import Actor
from tests.kit import actor, call

OWNED = ["example.com", "203.0.113.0/24"]
PARTS = (
    "a",
    "example",
    "com",
    "org",
    r"\.",
    ".",
    "|",
    "(",
    ")",
    "[a.]",
    "[^|]",
    "+",
    "*",
    "?",
    "$",
    "{1,2}",
    r"\d",
    "-",
)


@pytest.mark.parametrize(
    ("pattern", "covered"),
    [
        ("example.com", True),
        ("*.example.com", True),
        ("*.db.example.com", True),
        ("Example.COM.", True),
        ("*.com", False),
        ("notexample.com", False),
        ("203.0.113.0/25", True),
        ("203.0.113.7", True),
        ("203.0.112.0/23", False),
        (r"re:db[0-9]+\.example\.com", True),
        (r"re:(db|web)\.example\.com$", True),
        (r"re:example\.com|a\.example\.com", True),
        (r"re:203\.0\.113\.9", True),
        (r"re:.*example\.com", False),
        (r"re:db\.example.com", False),
        (r"re:db\.example\.com|.*", False),
        (r"re:(x|db\.example\.com)", False),
        (r"re:db\.example\.com?", False),
        (r"re:[|.]\.example\.com", True),
        (r"re:[]|]\.example\.org|b\.example\.com", False),
        (r"re:\Qa|b\E\.example\.com", False),
        ("re:.*", False),
    ],
)
def test_a_pattern_is_covered_when_all_that_it_admits_is_owned(pattern: str, covered: bool) -> None:
    assert covers(OWNED, pattern) is covered


def test_the_ending_of_an_expression_is_what_stands_for_itself() -> None:
    assert list(endings(r"a\.b|(c|d)e")) == [Ending("a.b", whole=True), Ending("e", whole=False)]
    assert list(endings(r"[[:alpha:]|]x")) == [Ending("x", whole=False)]


@given(
    st.lists(st.sampled_from(PARTS), min_size=1, max_size=8).map("".join),
    st.sampled_from(("example.com", "a.example.com", "example.org", "aexample.com", "com", "a", "a.example.org")),
)
def test_nothing_that_is_not_owned_is_admitted_by_a_covered_expression(expression: str, host: str) -> None:
    try:
        is_admitted = admits(f"re:{expression}", host)
    except ValueError:
        return
    if is_admitted and covers(OWNED, f"re:{expression}"):
        assert host == "example.com" or host.endswith(".example.com")


def scan(who: Actor, **fields: Any) -> Any:
    return call(api.handler, "POST", "/scans", who, {"name": "S", "targets": ["127.0.0.1"], **fields})


@pytest.mark.usefixtures("cloud")
@pytest.mark.parametrize("pattern", ["*.victim.example", "198.51.100.0/24", "re:.*"])
def test_active_modules_do_not_go_where_a_scope_leads_that_nobody_has_proven(pattern: str) -> None:
    who, scope = actor(), {"allow": [pattern]}
    refused = scan(who, scope=scope)
    assert (refused.status, refused.problem) == (403, "target-not-owned")
    assert pattern in refused.body["detail"]
    assert scan(who, scope=scope, profile="stealth").status == 201
    assert scan(who, scope={"allow": ["127.0.0.0/24", "localhost"]}).status == 201
    if not pattern.startswith("re:"):
        proof = {
            "pattern": pattern.removeprefix("*."),
            "method": "attestation",
            "statement": "The owner has agreed to it.",
        }
        assert call(api.handler, "POST", "/targets", who, proof).status == 201
        assert scan(who, scope=scope).status == 201
