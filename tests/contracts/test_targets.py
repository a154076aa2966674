"""Targets: read strictly, each to one spelling, an odd one refused and never guessed."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.scope import Scope, prove
from contracts.targets import MAX_TARGET, Target, parse


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("example.com", Target("domain", "example.com", "example.com")),
        (" Example.COM. ", Target("domain", "example.com", "example.com")),
        ("localhost", Target("domain", "localhost", "localhost")),
        ("münchen.example", Target("domain", "xn--mnchen-3ya.example", "xn--mnchen-3ya.example")),
        ("_dmarc.example.com", Target("domain", "_dmarc.example.com", "_dmarc.example.com")),
        ("192.0.2.1", Target("ip", "192.0.2.1", "192.0.2.1")),
        ("127.0.0.1", Target("ip", "127.0.0.1", "127.0.0.1")),
        ("2001:DB8:0::1", Target("ip", "2001:db8::1", "2001:db8::1")),
        ("::1", Target("ip", "::1", "::1")),
        ("192.0.2.0/24", Target("cidr", "192.0.2.0/24", "192.0.2.0")),
        ("2001:db8::/112", Target("cidr", "2001:db8::/112", "2001:db8::")),
        ("example.com:8443", Target("port", "example.com:8443", "example.com", 8443)),
        ("[2001:db8::1]:22", Target("port", "[2001:db8::1]:22", "2001:db8::1", 22)),
        ("https://Example.com", Target("url", "https://example.com/", "example.com", 443)),
        ("http://example.com:80/a b".replace(" ", "%20"), Target("url", "http://example.com/a%20b", "example.com", 80)),
        ("http://[::1]:8000/x#y", Target("url", "http://[::1]:8000/x", "::1", 8000)),
    ],
)
def test_a_target_has_one_spelling(text: str, target: Target) -> None:
    assert parse(text) == target
    assert parse(target.value) == target


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "a b", "a\tb", "a\u0000b", "a\u202eb.example", "x" * (MAX_TARGET + 1),
        "2130706433", "0x7f000001", "0x7f.1", "017700000001", "127.1", "0", "1.2.3.4.5", "1.2.3", "256.1.1.1",
        "①②⑦.⓪.⓪.①", "\uff11\uff12\uff17.\uff10.\uff10.\uff11", "\u06f1\u06f2\u06f7.\u06f0.\u06f0.\u06f1",
        "::ffff:127.0.0.1", "::ffff:7f00:1", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "::169.254.169.254",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2", "0.0.0.0", "::", "255.255.255.255", "224.0.0.1", "240.0.0.1", "ff02::1",
        "com", "-a.example", "a-.example", "a..example", ".example.com", "a" * 64 + ".example", "a." * 130 + "b",
        "*.example.com", "example.com/", "192.0.2.1/24", "0.0.0.0/0", "192.0.2.0/33", "10.0.0.0/8", "2001:db8::/64",
        "example.com:0", "example.com:65536", "example.com:", "example.com:x", "[::1]", "[::1", "[::1]:", "::1:22x",
        "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "javascript:alert(1)", "http://", "http:///x",
        "http://u@example.com/", "http://u:p@example.com/", "http://example.com\\@evil.example/", "http://0x7f000001/",
        "http://127.1/", "http://[::ffff:1.2.3.4]/", "http://example.com:0/", "http://example.com:99999/",
        "//example.com",
    ],
)  # fmt: skip
def test_an_odd_spelling_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        parse(text)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        target = parse(text)
    except ValueError:
        return
    assert parse(target.value) == target
    assert prove(Scope(), (target.value,), target.host) is not None


@given(st.ip_addresses())
def test_an_address_is_read_as_itself_or_refused(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    try:
        target = parse(str(address))
    except ValueError:
        return
    assert ipaddress.ip_address(target.value) == address
    assert not address.is_multicast
    assert not address.is_unspecified


@given(st.from_regex(r"\A(?:[a-z][a-z0-9-]{0,8}[a-z0-9]\.){1,3}[a-z]{2,8}\Z"), st.integers(1, 65_535))
def test_names_and_ports_are_read(name: str, port: int) -> None:
    assert parse(name).value == name
    assert parse(f"{name}:{port}") == Target("port", f"{name}:{port}", name, port)
    assert parse(f"https://{name}:{port}/").port == port
