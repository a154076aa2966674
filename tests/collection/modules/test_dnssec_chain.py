"""DNSSEC chains against zones signed by BIND's own tools, with delv as the judge."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import dns.asyncquery
import dns.message
import dns.rdatatype
import pytest
from pydantic import ValidationError

from contracts.observations import Invasiveness
from functions.collection.dnssec import Chain, Key, State, follow, weak
from functions.collection.engine import BatchResult
from functions.collection.modules.dnssec_chain import DnssecChain
from kernel.egress import DnsSettings
from tests.collection.servers import program
from tests.collection.signed import ZONES, World, signed_world
from tests.collection.world import observed, run, values

CHECKS = {
    "good.test": set(),
    "plain.test": {"dnssec-missing"},
    "island.test": {"dnssec-island"},
    "expired.test": {"dnssec-expired"},
    "soon.test": {"dnssec-expires-soon"},
    "tampered.test": {"dnssec-bogus"},
    "foreign.test": {"dnssec-bogus"},
    "opted.test": set(),
    "plain.opted.test": {"dnssec-missing"},
    "old.test": {"dnssec-weak"},
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with signed_world(tmp_path_factory.mktemp("signed")) as served:
        yield served


async def look(world: World, name: str, **config: object) -> BatchResult:
    dns = DnsSettings(nameservers=(("127.0.0.1", world.port),))
    settings = {"anchors": [world.anchor], **config}
    return await run(DnssecChain(), observed("domain", name), targets=("test", *ZONES), dns=dns, config=settings)


@pytest.mark.parametrize("name", ZONES)
async def test_every_state_of_a_chain_is_told_apart(world: World, name: str) -> None:
    result = await look(world, name)
    assert result.stats.failed == 0, result.log
    assert {o.attributes["check"] for o in result.observations if o.type == "misconfiguration"} == CHECKS[name]
    assert values(result, "metadata") == [f"dnssec:{name}"]


@pytest.mark.parametrize("name", ["good.test", "expired.test", "tampered.test", "foreign.test", "plain.test"])
async def test_delv_agrees(world: World, name: str, tmp_path: Path) -> None:
    zone, tag, algorithm, kind, digest = world.anchor.split()
    (tmp_path / "anchor").write_text(f'trust-anchors {{ {zone} static-ds {tag} {algorithm} {kind} "{digest}"; }};')
    command = [program("delv", "bind9-dnsutils"), "@127.0.0.1", "-p", str(world.port), "-a", str(tmp_path / "anchor")]
    said = subprocess.run([*command, "+root=.", name, "SOA"], capture_output=True, text=True)
    verdict = (
        "secure" if "fully validated" in said.stdout else "unsigned" if "unsigned answer" in said.stdout else "bad"
    )
    state = (await look(world, name)).observations[0].attributes["state"]
    assert {"secure": "secure", "unsigned": "unsigned"}.get(state, "bad") == verdict, said


@pytest.mark.parametrize("stripped", ["island.test", "good.test", "plain.opted.test"])
async def test_a_digest_that_is_left_out_on_the_way_is_noticed(world: World, stripped: str) -> None:
    """Who gets between can leave out the digest, but not prove that there is none."""

    async def ask(name: str, kind: str) -> dns.message.Message:
        question = dns.message.make_query(name, kind, want_dnssec=True)
        answer = await dns.asyncquery.udp(question, "127.0.0.1", port=world.port, timeout=5)
        if kind == "DS" and name == f"{stripped}.":
            answer.answer, answer.authority = [], []
        return answer

    chain = await follow(stripped, (world.anchor,), ask)
    assert chain.state is State.BOGUS
    assert "does not prove" in chain.reason


async def test_too_many_signatures_are_not_tried(world: World) -> None:
    """Hundreds of keys and signatures of one tag would keep a validator busy for minutes."""

    async def ask(name: str, kind: str) -> dns.message.Message:
        question = dns.message.make_query(name, kind, want_dnssec=True)
        answer = await dns.asyncquery.udp(question, "127.0.0.1", port=world.port, timeout=5)
        for rrset in answer.answer if kind == "DNSKEY" else ():
            if rrset.rdtype == dns.rdatatype.RRSIG:
                for serial in range(2, 300):
                    rrset.add(rrset[0].replace(original_ttl=serial))
        return answer

    began = time.monotonic()
    chain = await follow("good.test", (world.anchor,), ask)
    assert (chain.state, "would try" in chain.reason) == (State.BOGUS, True)
    assert time.monotonic() - began < 1


async def test_a_chain_that_breaks_above_the_domain_is_told_and_not_held_against_it(world: World) -> None:
    anchor = world.anchor[:-4] + ("0000" if not world.anchor.endswith("0000") else "1111")
    result = await look(world, "good.test", anchors=[anchor])
    assert values(result, "misconfiguration") == []
    (fact,) = [found for found in result.observations if found.type == "metadata"]
    assert (fact.attributes["state"], fact.attributes["zone"]) == ("bogus", ".")


async def test_an_anchor_may_lie_below_the_root(world: World) -> None:
    dns = DnsSettings(nameservers=(("127.0.0.1", world.port),))
    answer = [world.anchor.replace(".", "elsewhere.", 1)]
    result = await run(
        DnssecChain(), observed("domain", "good.test"), targets=("good.test",), dns=dns, config={"anchors": answer}
    )
    assert (result.observations, result.stats.failed) == ([], 1)
    assert "no trust anchor lies above good.test." in result.log[0].message


async def test_what_is_no_zone_of_its_own_is_not_judged(world: World) -> None:
    result = await look(world, "www.good.test")
    assert (result.observations, result.stats.failed) == ([], 0)


@pytest.mark.parametrize("anchor", ["", ". 1 8 2 zz", ". 20326 8 2", "x" * 400])
def test_an_anchor_that_is_none_is_refused(anchor: str) -> None:
    with pytest.raises(ValidationError):
        DnssecChain.config.model_validate({"anchors": [anchor]})


def test_outdated_ways_are_named() -> None:
    keys = (Key(1, 5, 2048, True), Key(2, 8, 1024, False), Key(3, 13, 256, True), Key(4, 8, 2048, True))
    said = list(weak(Chain(State.SECURE, "a.test.", keys=keys, digests=(1,), iterations=5)))
    assert len(said) == 4
    assert list(weak(Chain(State.SECURE, "a.test.", keys=keys[2:], digests=(1, 2), iterations=0))) == []


def test_it_is_passive() -> None:
    assert DnssecChain.face.invasiveness is Invasiveness.PASSIVE
