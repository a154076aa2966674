"""Announced services, and names that look like the target's: against BIND, with dig as the judge."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.collection.lookalikes import KINDS, lookalikes
from functions.collection.modules.srv_records import SrvRecords
from functions.collection.modules.typosquats import Typosquats
from kernel.egress import DnsSettings
from tests.collection.modules.test_dns_modules import dig
from tests.collection.servers import zones_served
from tests.collection.world import observed, run, values

ZONE = """$TTL 300
@ IN SOA ns1.elsewhere. hostmaster 1 3600 900 604800 300
@ IN NS ns1.elsewhere.
"""
SERVICES = (
    ZONE
    + """
_ldap._tcp IN SRV 0 5 389 dc1
_ldap._tcp IN SRV 0 5 389 dc2.elsewhere.test.
_sip._udp IN SRV 0 5 5060 pbx
_imap._tcp IN SRV 0 0 0 .
_own._tcp IN SRV 1 1 7777 own
dc1 IN A 192.0.2.10
autodiscover IN CNAME outlook.elsewhere.test.
mta-sts IN A 192.0.2.11
_mta-sts IN TXT "v=STSv1; id=1"
_dmarc IN TXT "v=DMARC1; p=none"
"""
)
WILD = ZONE + '* IN A 192.0.2.200\n* IN TXT "anything"\n* IN SRV 0 0 1 a.elsewhere.test.\n_dmarc IN TXT "v=DMARC1"\n'
EXISTS = ZONE + "@ IN A 192.0.2.66\n"
MAILS = EXISTS + "@ IN MX 10 mx.elsewhere.test.\n"
PARKED = ZONE + "*.wildcard IN A 192.0.2.99\nns IN A 127.0.0.1\n"


@pytest.fixture(scope="module")
def bind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    zones = {
        "services.test": SERVICES, "wild.test": WILD, "paypa1.test": EXISTS, "payapl.test": MAILS,
        "xn--pypal-4ve.test": EXISTS, "paypal.com": EXISTS,
    }  # fmt: skip
    with zones_served(tmp_path_factory.mktemp("zones"), zones) as port:
        yield port


def at(port: int) -> DnsSettings:
    return DnsSettings(nameservers=(("127.0.0.1", port),))


async def test_announced_services_agree_with_dig(bind: int) -> None:
    domain = observed("domain", "services.test")
    result = await run(SrvRecords(), domain, targets=("services.test",), dns=at(bind))
    found = {
        (o.attributes["name"], o.attributes["data"]) for o in result.observations if o.attributes.get("type") == "SRV"
    }
    names = ("_ldap._tcp", "_sip._udp", "_imap._tcp")
    assert found == {
        (f"{name}.services.test", line) for name in names for line in dig(bind, f"{name}.services.test", "SRV")
    }
    hosts = {"dc1.services.test", "dc2.elsewhere.test", "pbx.services.test"}
    assert hosts | {"autodiscover.services.test", "mta-sts.services.test"} == set(values(result, "host"))
    assert values(result, "port") == ["dc1.services.test:389", "dc2.elsewhere.test:389"]
    texts = {o.attributes["data"] for o in result.observations if o.attributes.get("type") == "TXT"}
    assert texts == {'"v=STSv1; id=1"', '"v=DMARC1; p=none"'}


async def test_services_of_ones_own_are_asked_for_too(bind: int) -> None:
    config = {"services": ["_own._tcp"], "names": ["dc1"]}
    domain = observed("domain", "services.test")
    result = await run(SrvRecords(), domain, targets=("services.test",), dns=at(bind), config=config)
    assert "own.services.test:7777" in values(result, "port")
    assert "dc1.services.test" in values(result, "host")


async def test_a_zone_that_answers_everything_shows_only_what_differs(bind: int) -> None:
    result = await run(SrvRecords(), observed("domain", "wild.test"), targets=("wild.test",), dns=at(bind))
    assert values(result, "dns_record") == ['_dmarc.wild.test TXT "v=DMARC1"']


async def test_registered_lookalikes_are_found(bind: int) -> None:
    domain = observed("domain", "paypal.test")
    result = await run(Typosquats(), domain, targets=("paypal.test",), dns=at(bind))
    assert values(result, "exposure") == [
        "lookalike-registered:paypa1.test", "lookalike-registered:paypal.com",
        "lookalike-registered:xn--pypal-4ve.test", "lookalike-takes-mail:payapl.test",
    ]  # fmt: skip
    made = {o.attributes["asset"]: o.attributes["evidence"]["made_by"] for o in result.observations}
    assert made == {
        "paypa1.test": "homoglyph", "paypal.com": "other ending", "xn--pypal-4ve.test": "foreign letter",
        "payapl.test": "transposition",
    }  # fmt: skip


async def test_names_of_ones_own_are_left_out(bind: int) -> None:
    domain, config = observed("domain", "paypal.test"), {"ignore": ["paypal.com"]}
    result = await run(Typosquats(), domain, targets=("paypal.test", "paypa1.test"), dns=at(bind), config=config)
    assert {o.attributes["asset"] for o in result.observations} == {"xn--pypal-4ve.test", "payapl.test"}


async def test_only_what_the_scan_was_pointed_at_is_varied(bind: int) -> None:
    result = await run(Typosquats(), observed("domain", "paypal.test"), targets=("127.0.0.1",), dns=at(bind))
    assert (result.observations, result.log) == ([], [])


def test_each_way_of_going_wrong_makes_its_names() -> None:
    made = lookalikes("example.com", 5000)
    for name, kind in {
        "exmple.com": "omission", "exaample.com": "repetition", "exmaple.com": "transposition",
        "examp1e.com": "homoglyph", "éxample.com".encode("idna").decode(): "foreign letter",
        "example.net": "other ending", "ecample.com": "replacement", "ex-ample.com": "hyphen", "examplu.com": "vowel",
        "login-example.com": "added word", "wwwexample.com": "dot", "eyample.com": "bit flip",
    }.items():  # fmt: skip
        assert made.get(name) == kind, name
    assert set(made.values()) == set(KINDS)
    assert "example.com" not in made


labels = st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}[a-z0-9]", fullmatch=True)


@given(labels, st.sampled_from(["com", "co.uk", "test"]), st.integers(1, 300))
def test_every_name_is_one_and_there_are_never_too_many(label: str, ending: str, limit: int) -> None:
    domain = f"{label}.{ending}"
    made = lookalikes(domain, limit)
    assert len(made) <= limit
    assert domain not in made
    for name in made:
        assert name.isascii()
        assert name == name.lower()
        assert all(
            0 < len(part) <= 63 and not part.startswith("-") and not part.endswith("-") for part in name.split(".")
        )


def test_a_small_number_takes_some_of_every_kind() -> None:
    assert len(set(lookalikes("example.com", len(KINDS)).values())) == len(KINDS)


@pytest.mark.parametrize("odd", ["", "localhost", "-.test", "a" * 64 + ".test", "bücher.test", "127.0.0.1"])
def test_odd_names_are_taken_or_left(odd: str) -> None:
    assert all(name.isascii() for name in lookalikes(odd, 50))
