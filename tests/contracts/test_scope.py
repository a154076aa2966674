"""Scope: what a scan may touch. Deny beats allow, and a target admits no more than it says."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.scope import Scope, admits, host_of, prove, target_patterns

LABELS = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=5)
NAMES = st.lists(LABELS, min_size=2, max_size=4).map(".".join).filter(lambda name: not name[-1].isdigit())
ADDRESSES = st.ip_addresses()


@pytest.mark.parametrize(
    ("pattern", "host", "covered"),
    [
        ("www.example.com", "www.example.com", True),
        ("www.example.com", "example.com", False),
        ("WWW.Example.com.", "www.example.com", True),
        ("*.example.com", "a.b.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "notexample.com", False),
        ("*.example.com", "example.com.evil.org", False),
        ("example.com", "xexample.com", False),
        ("münchen.example", "xn--mnchen-3ya.example", True),
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.10", False),
        ("192.0.2.0/24", "192.0.2.255", True),
        ("192.0.2.7/24", "192.0.2.1", True),
        ("192.0.2.0/24", "192.0.3.0", False),
        ("2001:db8::/32", "2001:db8::1", True),
        ("2001:db8::/32", "192.0.2.1", False),
        ("0.0.0.0/0", "2001:db8::1", False),
        ("*.0.2.1", "192.0.2.1", False),
        ("192.0.2.1", "192.0.2.1.example.com", False),
        ("example.com", "192.0.2.1", False),
    ],
)
def test_a_pattern_covers_what_it_says_and_no_more(pattern: str, host: str, covered: bool) -> None:
    assert admits(pattern, host) is covered


@given(NAMES, LABELS)
def test_a_domain_covers_all_below_it_and_nothing_beside_it(domain: str, label: str) -> None:
    assert admits(f"*.{domain}", f"{label}.{domain}")
    assert not admits(f"*.{domain}", domain)
    assert not admits(f"*.{domain}", f"{label}{domain}")
    assert not admits(f"*.{domain}", f"{domain}.{label}x")


@given(ADDRESSES, st.integers(0, 128))
def test_a_network_covers_exactly_its_addresses(address: ipaddress.IPv4Address, bits: int) -> None:
    network = ipaddress.ip_network((address, min(bits, address.max_prefixlen)), strict=False)
    assert admits(str(network), str(network[0]))
    assert admits(str(network), str(network[-1]))
    for beside in (int(network[0]) - 1, int(network[-1]) + 1):
        if 0 <= beside < 2**address.max_prefixlen:
            assert not admits(str(network), str(type(address)(beside)))


@pytest.mark.parametrize(
    ("value", "host"),
    [
        ("https://User:x@WWW.example.com:8443/a?b#c", "www.example.com"),
        ("http://[2001:db8::1]:80/", "2001:db8::1"),
        ("example.com:22", "example.com"),
        ("[2001:db8::1]:22", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("someone@Example.com", "example.com"),
        ("192.0.2.0/24", "192.0.2.0"),
        ("Example.com.", "example.com"),
        ("ssh://host.example:22", "host.example"),
        ("http://[::1", ""),
        ("", ""),
    ],
)
def test_a_value_speaks_of_a_host(value: str, host: str) -> None:
    assert host_of(value) == host


@pytest.mark.parametrize(
    ("target", "host", "inside"),
    [
        ("example.com", "example.com", True),
        ("example.com", "www.example.com", True),
        ("https://www.example.com/x", "www.example.com", True),
        ("https://www.example.com/x", "example.com", False),
        ("https://www.example.com/x", "a.www.example.com", False),
        ("www.example.com:8443", "www.example.com", True),
        ("www.example.com:8443", "a.www.example.com", False),
        ("192.0.2.0/24", "192.0.2.9", True),
        ("192.0.2.1", "192.0.2.1", True),
        ("localhost", "localhost", True),
        ("localhost", "a.localhost", False),
        ("2001:db8::1", "2001:db8::1", True),
    ],
)
def test_a_target_admits_itself_and_a_domain_what_is_below_it(target: str, host: str, inside: bool) -> None:
    proof = prove(Scope(), (target,), host)
    assert (proof is not None) is inside
    if proof is not None:
        assert (proof.host, proof.pattern) == (host, target)
        assert any(admits(pattern, host) for pattern in target_patterns(target))


@given(NAMES, NAMES)
def test_deny_beats_allow_and_targets(domain: str, other: str) -> None:
    for deny in (domain, f"*.{domain.partition('.')[2]}"):
        scope = Scope(allow=(domain, other), deny=(deny,))
        assert prove(scope, (domain,), domain) is None


def test_a_proof_names_what_admits() -> None:
    scope = Scope(allow=("*.partner.example", "192.0.2.0/24"))
    found = prove(scope, ("a.example",), "x.partner.example")
    assert found is not None
    assert found.pattern == "*.partner.example"
    assert prove(scope, ("a.example",), "192.0.2.7") is not None
    assert prove(scope, ("a.example",), "elsewhere.example") is None
    assert prove(scope, ("a.example",), "") is None


@pytest.mark.parametrize(
    "fields",
    [
        {"max_distance": -1},
        {"max_distance": 6},
        {"allow": [""]},
        {"allow": ["x" * 254]},
        {"deny": ["a"] * 1001},
        {"x": 1},
    ],
)
def test_a_scope_has_bounds(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Scope.model_validate(fields)


@pytest.mark.parametrize(
    ("pattern", "host", "covers"),
    [
        (r"re:db[0-9]+\.example\.com", "db12.example.com", True),
        (r"re:db[0-9]+\.example\.com", "db12.example.com.evil.test", False),
        (r"re:db[0-9]+\.example\.com", "xdb12.example.com", False),
        (r"re:10\.0\.[0-9]+\.1", "10.0.7.1", True),
    ],
)
def test_a_regular_expression_covers_whole_names(pattern: str, host: str, covers: bool) -> None:
    assert admits(pattern, host) is covers
    assert (prove(Scope(deny=(pattern,), allow=("*.com", "10.0.0.0/8")), (), host) is None) is (
        covers or host.endswith(".test")
    )


@pytest.mark.parametrize("pattern", ["re:(", "re:(?=a)b", r"re:(a)\1"])
def test_an_expression_that_cannot_be_read_is_refused(pattern: str) -> None:
    with pytest.raises(ValidationError, match="RE2"):
        Scope(allow=(pattern,))


def test_an_expression_that_would_backtrack_for_ever_takes_no_time() -> None:
    """One that does would not come back from this."""
    assert not admits("re:(a+)+$", "a" * 252 + "!")
