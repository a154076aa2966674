"""The DNS modules against BIND, with dig as the judge of what it says."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.collection.dns_facts import texts
from functions.collection.modules.dangling_alias import DanglingAlias
from functions.collection.modules.dns_server import DnsServer
from functions.collection.modules.mail_policy import MailPolicy, judge_dmarc, judge_spf, rsa_bits, tags
from functions.collection.modules.records import Records
from functions.collection.modules.resolve import Resolve
from functions.collection.modules.reverse_dns import ReverseDns
from functions.collection.modules.subdomains import Subdomains
from functions.collection.modules.zone_transfer import ZoneTransfer
from kernel.egress import DnsSettings
from tests.collection.servers import named, program
from tests.collection.world import facts, observed, run, session, values

TARGETS = ("example.test", "wild.test", "192.0.2.0/24", "127.0.0.1")


@pytest.fixture(scope="module")
def bind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A careful server."""
    with named(tmp_path_factory.mktemp("named")) as port:
        yield port


@pytest.fixture(scope="module")
def careless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """One that transfers, recurses and tells its version."""
    with named(tmp_path_factory.mktemp("named"), transfers=True, recursion=True, version='"9.18.1"') as port:
        yield port


def at(port: int) -> DnsSettings:
    server = (("127.0.0.1", port),)
    return DnsSettings(nameservers=server, zones={"example.test": server, "wild.test": server})


def dig(port: int, *question: str) -> list[str]:
    """What dig says, a record a line."""
    command = [program("dig", "bind9-dnsutils"), "@127.0.0.1", "-p", str(port), "+short", "+tries=1", *question]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [line for line in done.stdout.splitlines() if line]


@pytest.mark.parametrize("name", ["example.test", "www.example.test", "web.example.test", "dev.example.test"])
async def test_resolve_agrees_with_dig(bind: int, name: str) -> None:
    result = await run(Resolve(), observed("host", name), targets=TARGETS, dns=at(bind))
    said = {line for kind in ("A", "AAAA") for line in dig(bind, name, kind)}
    assert set(values(result, "ip")) == {line for line in said if not line.endswith(".")}
    assert set(values(result, "host")) == {line.rstrip(".") for line in said if line.endswith(".")}


async def test_a_name_that_does_not_exist_yields_nothing(bind: int) -> None:
    result = await run(Resolve(), observed("host", "no.example.test"), targets=TARGETS, dns=at(bind))
    assert (result.observations, result.stats.failed) == ([], 0)


@pytest.mark.parametrize("kind", ["MX", "NS", "TXT", "SOA", "CAA"])
async def test_records_agree_with_dig(bind: int, kind: str) -> None:
    result = await run(Records(), observed("domain", "example.test"), targets=TARGETS, dns=at(bind))
    found = {o.attributes["data"] for o in result.observations if o.attributes.get("type") == kind}
    assert found == set(dig(bind, "example.test", kind))


async def test_records_name_hosts_and_judge_caa(bind: int) -> None:
    result = await run(Records(), observed("domain", "example.test"), targets=TARGETS, dns=at(bind))
    assert values(result, "mail_server") == ["mail.elsewhere.test", "mail.example.test"]
    assert [o.scope_distance for o in result.observations if o.type == "mail_server"] == [1, 0]
    assert values(result, "host") == ["ns1.example.test", "ns2.example.test"]
    assert values(result, "misconfiguration") == []
    wild = await run(Records(), observed("domain", "wild.test"), targets=TARGETS, dns=at(bind))
    assert values(wild, "misconfiguration") == ["caa-missing:wild.test"]


async def test_an_answer_too_long_for_udp_is_fetched_over_tcp(bind: int) -> None:
    async with session(*TARGETS, dns=at(bind)) as outside:
        answer = await outside.query("long.example.test", "TXT")
    assert [len(text) for text in texts(answer)] == [1500]


async def test_reverse_names_agree_with_dig(bind: int) -> None:
    result = await run(ReverseDns(), observed("ip", "192.0.2.1"), targets=TARGETS, dns=at(bind))
    assert set(values(result, "host")) == {name.rstrip(".") for name in dig(bind, "-x", "192.0.2.1")}
    assert len(values(result, "host")) == 2
    nobody = await run(ReverseDns(), observed("ip", "127.0.0.1"), targets=TARGETS, dns=at(bind))
    assert nobody.observations == []


async def test_a_zone_that_is_given_away_is_read_whole(careless: int) -> None:
    result = await run(ZoneTransfer(), observed("domain", "example.test"), targets=TARGETS, dns=at(careless))
    lines = dig(careless, "example.test", "AXFR", "+noshort", "+noall", "+answer", "+onesoa")
    said = {(line.split()[0].rstrip("."), line.split()[3]) for line in lines if not line.startswith(";")}
    found = {(o.attributes["name"], o.attributes["type"]) for o in result.observations if o.type == "dns_record"}
    assert found == said
    assert values(result, "misconfiguration") == ["zone-transfer:example.test"]
    assert {"dev.example.test", "xn--bcher-kva.example.test"} <= set(values(result, "host"))


async def test_a_zone_that_is_kept_yields_nothing(bind: int) -> None:
    result = await run(ZoneTransfer(), observed("domain", "example.test"), targets=TARGETS, dns=at(bind))
    assert (result.observations, result.stats.failed) == ([], 0)


async def test_subdomains_are_found_by_name(bind: int) -> None:
    result = await run(Subdomains(), observed("domain", "example.test"), targets=TARGETS, dns=at(bind))
    assert values(result, "host") == [f"{n}.example.test" for n in ("dev", "mail", "ns1", "ns2", "web", "www")]


async def test_a_wildcard_zone_shows_only_what_differs(bind: int) -> None:
    result = await run(Subdomains(), observed("domain", "wild.test"), targets=TARGETS, dns=at(bind))
    assert values(result, "host") == ["www.wild.test"]


async def test_subdomains_take_their_words_from_the_configuration(bind: int) -> None:
    config = {"words": ["dev", "nope"]}
    result = await run(Subdomains(), observed("domain", "example.test"), targets=TARGETS, dns=at(bind), config=config)
    assert values(result, "host") == ["dev.example.test"]


async def test_mail_policies_that_are_good_pass(bind: int) -> None:
    result = await run(MailPolicy(), observed("domain", "example.test"), targets=TARGETS, dns=at(bind))
    assert facts(result) == set()
    wild = await run(MailPolicy(), observed("domain", "wild.test"), targets=TARGETS, dns=at(bind))
    assert set(values(wild, "misconfiguration")) == {"spf-missing:wild.test", "dmarc-missing:wild.test"}


async def test_a_dangling_alias_is_found(bind: int) -> None:
    names = [observed("host", f"{name}.example.test") for name in ("gone", "www", "dev")]
    result = await run(DanglingAlias(), *names, targets=TARGETS, dns=at(bind))
    assert values(result, "vulnerability") == ["dangling-alias:gone.example.test"]


async def test_a_careless_server_is_told_from_a_careful_one(bind: int, careless: int) -> None:
    domain = observed("domain", "example.test")
    bad = await run(DnsServer(), domain, targets=TARGETS, dns=at(careless))
    assert facts(bad) == {
        ("exposure", f"open-resolver:127.0.0.1:{careless}"),
        ("misconfiguration", f"dns-server-name-disclosed:127.0.0.1:{careless}"),
        ("misconfiguration", f"dns-version-disclosed:127.0.0.1:{careless}"),
        ("software", "cpe:2.3:a:isc:bind:9.18.1:*:*:*:*:*:*:*"),
    }
    good = await run(DnsServer(), domain, targets=TARGETS, dns=at(bind))
    assert facts(good) == set()


async def test_a_name_out_of_scope_is_never_asked_for(bind: int) -> None:
    result = await run(Resolve(), observed("host", "elsewhere.test"), targets=TARGETS, dns=at(bind))
    assert result.observations == []
    assert result.log[0].message == "elsewhere.test is outside the scope"


async def test_many_questions_share_a_socket(bind: int) -> None:
    async with session(*TARGETS, dns=at(bind)) as outside:
        answers = await asyncio.gather(*(outside.query(f"n{n}.wild.test", "A") for n in range(2000)))
    assert all(answer.addresses == ["192.0.2.200"] for answer in answers)


@pytest.mark.parametrize(
    ("records", "checks"),
    [
        ([], {"spf-missing"}),
        (["v=spf1 -all"], set()),
        (["v=spf1 ~all"], set()),
        (["v=spf1 redirect=_spf.example.net"], set()),
        (["v=spf1 +all"], {"spf-allows-all"}),
        (["v=spf1 a all"], {"spf-allows-all"}),
        (["v=spf1 ?all"], {"spf-neutral"}),
        (["v=spf1 a mx"], {"spf-neutral"}),
        (["v=spf1 -all", "v=spf1 a -all"], {"spf-multiple"}),
        (["v=spf1 " + " ".join(f"include:s{n}.example" for n in range(11)) + " -all"], {"spf-too-many-lookups"}),
        (["v=spf1 " + " ".join(f"ip4:192.0.2.{n}" for n in range(30)) + " -all"], set()),
    ],
)
def test_spf_is_judged(records: list[str], checks: set[str]) -> None:
    assert {found.attributes["check"] for found in judge_spf("example.test", records)} == checks


@pytest.mark.parametrize(
    ("records", "checks"),
    [
        ([], {"dmarc-missing"}),
        (["v=DMARC1; p=reject; rua=mailto:a@b.example"], set()),
        (["v=DMARC1;p=none;rua=mailto:a@b.example"], {"dmarc-not-enforced"}),
        (["v=DMARC1; p=reject; pct=20; rua=mailto:a@b.example"], {"dmarc-not-enforced"}),
        (["v=DMARC1; p=quarantine"], {"dmarc-no-reports"}),
    ],
)
def test_dmarc_is_judged(records: list[str], checks: set[str]) -> None:
    assert {found.attributes["check"] for found in judge_dmarc("example.test", records)} == checks


def test_a_dkim_key_is_measured(tmp_path: Path) -> None:
    from base64 import b64encode

    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = rsa.generate_private_key(65537, 1024).public_key()
    der = b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    assert rsa_bits(tags(f"v=DKIM1; k=rsa; p={der[:40]} {der[40:]}")["p"]) == 1024
    other = ed25519.Ed25519PrivateKey.generate().public_key()
    assert rsa_bits(b64encode(other.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()) is None
    assert rsa_bits("") is None
    assert rsa_bits("not base64!") is None
