"""The tables and spellings: what is refused, and that nothing else is."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.egress import EgressDenied, Policy, Realm
from kernel.egress.addresses import classify
from kernel.egress.urls import check_headers, parse_host, parse_url

ANYWHERE = Policy.scanning(loopback=True, private=True)

NEVER = [
    "0.0.0.0", "0.1.2.3", "169.254.169.254", "169.254.170.2", "168.63.129.16", "100.100.100.200", "192.0.0.192",
    "192.0.2.1", "198.51.100.1", "203.0.113.1", "192.88.99.1", "224.0.0.1", "239.255.255.250", "240.0.0.1",
    "255.255.255.255", "::", "::169.254.169.254", "::127.0.0.1", "::ffff:169.254.169.254", "::ffff:127.0.0.1",
    "::ffff:0:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::a9fe:a9fe", "64:ff9b::7f00:1", "64:ff9b:1::a00:1",
    "2002:a9fe:a9fe::1", "2002:7f00:1::", "2001::1", "2001:db8::1", "3fff::1", "fd00:ec2::254", "fd00:ec2::23",
    "fd20:ce::254", "fe80::1", "fec0::1", "ff02::1", "100::1", "4000::1", "5f00::1",
]  # fmt: skip
INSIDE = ["127.0.0.1", "127.255.0.3", "::1", "10.0.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "198.18.0.1",
          "fd12:3456::1"]  # fmt: skip
PUBLIC = ["1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "192.0.1.1", "2606:4700::1111", "2a00:1450::1"]


@pytest.mark.parametrize("address", NEVER)
def test_metadata_and_special_addresses_are_refused_whatever_is_open(address: str) -> None:
    with pytest.raises(EgressDenied, match="refused"):
        ANYWHERE.check(address, 80)


@pytest.mark.parametrize("address", INSIDE)
def test_inside_addresses_need_an_open_realm(address: str) -> None:
    with pytest.raises(EgressDenied):
        Policy.public().check(address, 80)
    ANYWHERE.check(address, 80)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_pass(address: str) -> None:
    Policy.public().check(address, 443)


def test_loopback_and_private_open_one_by_one() -> None:
    loopback, private = Policy.scanning(loopback=True), Policy.scanning(private=True)
    loopback.check("127.0.0.1", 80)
    private.check("10.0.0.1", 80)
    with pytest.raises(EgressDenied):
        loopback.check("10.0.0.1", 80)
    with pytest.raises(EgressDenied):
        private.check("127.0.0.1", 80)


def test_denied_networks_stay_shut_whatever_is_open() -> None:
    networks = tuple(map(ipaddress.ip_network, ("127.0.0.0/30", "93.184.0.0/16", "2606:2800::/32")))
    policy = replace(Policy.scanning(loopback=True), denied=networks)
    for address in ("127.0.0.2", "93.184.216.34", "2606:2800::1"):
        with pytest.raises(EgressDenied, match="denied"):
            policy.check(address, 80)
    for address in ("127.0.0.4", "93.185.0.1", "2606:2801::1"):
        policy.check(address, 80)


def test_this_deployments_own_ports_and_names_stay_shut() -> None:
    policy = Policy.scanning(loopback=True, own_ports=[8080], own_hosts=["api.example.com"])
    policy.check("127.0.0.1", 8081)
    policy.check("1.1.1.1", 8080)
    with pytest.raises(EgressDenied, match="belongs to this deployment"):
        policy.check("127.0.0.1", 8080)
    with pytest.raises(EgressDenied, match="belongs to this deployment"):
        policy.check_host("api.example.com")


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_hidden_in_ipv6_never_passes(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    for prefix in ("::", "::ffff:0:0", "::ffff:0:0:0", "64:ff9b::"):
        hidden = ipaddress.IPv6Address(int(ipaddress.IPv6Address(prefix)) + number)
        if hidden != ipaddress.IPv6Address("::1"):
            assert classify(str(hidden))[0] is Realm.NEVER
    assert classify(str(ipaddress.IPv6Address((0x2002 << 112) + (number << 80))))[0] is Realm.NEVER


@given(st.ip_addresses())
def test_what_passes_as_public_is_global_for_the_library_too(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if classify(str(address))[0] is Realm.PUBLIC:
        assert address.is_global
        assert not address.is_multicast


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "017700000001", "127.1", "0", "0x7f.1", "127.0.0.01",
                                  "①②⑦.⓪.⓪.①", "\uff11\uff12\uff17.0.0.1", "127.0.0.1.5", "1.2.3.4.", "256.1.1.1",
                                  "fe80::1%eth0", "a..b", "-a.example", "", ".", "a b",
                                  "exa%6dple.com", "x" * 64 + ".com"])  # fmt: skip
def test_odd_spellings_of_a_host_are_refused_or_plain(host: str) -> None:
    if host == "1.2.3.4.":
        assert parse_host(host) == "1.2.3.4"
        return
    with pytest.raises(EgressDenied):
        parse_host(host)


@pytest.mark.parametrize(
    ("host", "canonical"),
    [("EXAMPLE.com.", "example.com"), ("bücher.example", "xn--bcher-kva.example"), ("127。0。0。1", "127.0.0.1"),
     ("_dmarc.example.com", "_dmarc.example.com"), ("2001:DB8:0::1", "2001:db8::1"), ("1.1.1.1", "1.1.1.1")],
)  # fmt: skip
def test_a_host_has_one_spelling(host: str, canonical: str) -> None:
    assert parse_host(host) == canonical


@pytest.mark.parametrize("url", [
    "file:///proc/self/environ", "gopher://127.0.0.1:70/x", "ftp://example.com/", "//example.com/", "example.com",
    "http://", "http:///x", "http://user@example.com/", "http://user:pw@example.com/", "http://example.com@127.0.0.1/",
    "http://example.com\\@127.0.0.1/", "http://exa mple.com/", "http://example.com/\r\nX: y", "http://example.com:0/",
    "http://example.com:99999/", "http://example.com:80:90/", "http://[::1", "http://[::1]evil/", "http://[127.0.0.1]/",
    "http://[fe80::1%25eth0]/", "http://2130706433/", "http://0x7f000001/", "http://127.1/", "http://0/", "http://①.com/",
    "http://example.com/" + "a" * 9000,
])  # fmt: skip
def test_urls_that_are_not_plain_are_refused(url: str) -> None:
    with pytest.raises(EgressDenied):
        parse_url(url)


def test_a_plain_url_keeps_its_meaning() -> None:
    target = parse_url("HTTPS://Example.COM:8443/a%2Fb/ü?q=1&r=[2]#part")
    assert (target.scheme, target.host, target.port) == ("https", "example.com", 8443)
    assert target.url == "https://example.com:8443/a%2Fb/%C3%BC?q=1&r=[2]"
    assert parse_url("http://[2606:4700::1111]/").url == "http://[2606:4700::1111]/"


@given(st.text())
def test_reading_a_url_refuses_or_yields_a_canonical_one(text: str) -> None:
    try:
        target = parse_url(f"http://{text}")
    except EgressDenied:
        return
    assert parse_url(target.url) == target


@pytest.mark.parametrize(
    "header", [("X", "a\r\nY: b"), ("X", "a\nb"), ("X", "a\x00b"), ("X\r\n", "a"), ("X Y", "a"), ("", "a")]
)
def test_headers_that_smuggle_lines_are_refused(header: tuple[str, str]) -> None:
    with pytest.raises(EgressDenied, match="header"):
        check_headers([header])
    check_headers([("X-Fine", 'a, b; c=\t"ü"')])
