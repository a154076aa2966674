"""Ownership: who may scan what actively, and how it is shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from dnslib import QTYPE, RR, TXT
from dnslib.server import BaseResolver, DNSLogger, DNSServer

from functions.scans import api
from functions.scans.errors import NotVerified
from functions.scans.gateways import PublishedProofs
from functions.scans.schemas import CreateTarget
from functions.scans.service import targets
from functions.scans.store import Store
from kernel.actor import Actor
from tests.kit import Answer, actor, call, committed_events
from tests.memory_table import memory_table

pytestmark = pytest.mark.usefixtures("cloud")
STATEMENT = "The owner has ordered this scan in writing."


def approve(who: Actor, pattern: str) -> Answer:
    body = {"pattern": pattern, "method": "attestation", "statement": STATEMENT}
    return call(api.handler, "POST", "/targets", who, body)


def scan(who: Actor, target: str, **fields: Any) -> Answer:
    return call(api.handler, "POST", "/scans", who, {"name": "S", "targets": [target], **fields})


@pytest.mark.parametrize(
    ("approved", "target", "owned"),
    [
        ("example.com", "example.com", True),
        ("example.com", "deep.www.example.com", True),
        ("example.com", "https://www.example.com/path", True),
        ("example.com", "www.example.com:8443", True),
        ("EXAMPLE.com.", "example.com", True),
        ("example.com", "example.com.evil.org", False),
        ("example.com", "notexample.com", False),
        ("www.example.com", "example.com", False),
        ("1.1.1.7", "1.1.1.7", True),
        ("1.1.1.7", "1.1.1.8", False),
        ("1.1.1.0/24", "1.1.1.128/25", True),
        ("1.1.1.0/24", "1.1.1.7", True),
        ("1.1.1.0/24", "1.1.0.0/23", False),
        ("1.1.1.0", "1.1.1.0/24", False),
        ("1.1.1.0/25", "1.1.1.0/24", False),
        ("2606:4700::/112", "2606:4700::1", True),
        ("2606:4700::/112", "1.1.1.1", False),
    ],
)
def test_a_target_is_owned_when_all_of_it_is_covered(approved: str, target: str, owned: bool) -> None:
    who = actor()
    assert approve(who, approved).status == 201
    refused = scan(who, target)
    assert refused.status == (201 if owned else 403), refused.body
    assert scan(actor(), target).status == 403


def test_a_passive_scan_needs_no_proof_and_neither_does_the_own_machine() -> None:
    who = actor()
    assert scan(who, "example.com", profile="stealth").status == 201
    assert scan(who, "127.0.0.1").status == 201
    assert scan(who, "localhost").status == 201
    assert scan(who, "10.0.0.0/24").status == 201


def test_an_attestation_needs_words() -> None:
    bare = call(api.handler, "POST", "/targets", actor(), {"pattern": "example.com", "method": "attestation"})
    assert (bare.status, bare.body["errors"][0]["pointer"]) == (422, "/statement")
    short = {"pattern": "example.com", "method": "attestation", "statement": "yes"}
    assert call(api.handler, "POST", "/targets", actor(), short).status == 422


@pytest.mark.parametrize(
    "pattern", ["com", "0x7f000001", "a b", "*.example.com", "http://u:p@example.com/", "::ffff:1.2.3.4"]
)
def test_a_pattern_is_read_as_strictly_as_a_target(pattern: str) -> None:
    answer = approve(actor(), pattern)
    assert (answer.status, answer.problem) == (422, "bad-target")
    assert committed_events() == []


def test_a_pattern_names_a_host_or_a_network() -> None:
    who = actor()
    assert approve(who, "https://www.Example.com/a/b").body["pattern"] == "www.example.com"
    assert approve(who, "1.1.1.0/24").body["pattern"] == "1.1.1.0/24"
    listed = call(api.handler, "GET", "/targets", who).body["items"]
    assert [each["pattern"] for each in listed] == ["www.example.com", "1.1.1.0/24"]
    one = call(api.handler, "GET", f"/targets/{listed[0]['target_id']}", who)
    assert one.body == listed[0]
    assert call(api.handler, "GET", f"/targets/{listed[0]['target_id']}", actor()).status == 404


class Noticeboard:
    """Proofs as a test puts them up."""

    def __init__(self, *challenges: str) -> None:
        self.challenges = challenges
        self.asked: list[tuple[str, str]] = []

    async def found(self, method: str, pattern: str, challenge: str) -> bool:
        self.asked.append((method, pattern))
        return challenge in self.challenges

    def place(self, method: str, pattern: str) -> str:
        return f"{method} of {pattern}"


async def test_a_proof_approves_once_and_its_lack_says_where_it_was_sought() -> None:
    store, who = Store(memory_table()), actor()
    target = targets.create_target(store, who, CreateTarget(pattern="example.com"))
    assert not target.approved
    with pytest.raises(NotVerified, match=r"dns_txt of example\.com") as caught:
        await targets.verify_target(store, Noticeboard("another"), who, target.target_id)
    assert target.challenge in caught.value.detail
    board = Noticeboard(target.challenge)
    assert (await targets.verify_target(store, board, who, target.target_id)).approved
    assert (await targets.verify_target(store, Noticeboard(), who, target.target_id)).approved
    assert board.asked == [("dns_txt", "example.com")]


def test_challenges_cannot_be_guessed() -> None:
    store, who = Store(memory_table()), actor()
    seen = {targets.create_target(store, who, CreateTarget(pattern="example.com")).challenge for _ in range(50)}
    assert len(seen) == 50
    assert all(len(each) > 40 for each in seen)


class Zone(BaseResolver):
    """A name server that tells one TXT record."""

    name, texts = "", ()

    def resolve(self, request: Any, _handler: Any) -> Any:
        reply = request.reply()
        if str(request.q.qname) == self.name and request.q.qtype == QTYPE.TXT:
            for text in self.texts:
                reply.add_answer(RR(request.q.qname, QTYPE.TXT, rdata=TXT(text), ttl=0))
        return reply


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Zone]:
    resolver = Zone()
    server = DNSServer(resolver, port=0, address="127.0.0.1", logger=DNSLogger("-request,-reply"))
    server.start_thread()
    monkeypatch.setenv("NAMESERVERS", f"127.0.0.1:{server.server.server_address[1]}")
    yield resolver
    server.stop()
    server.server.server_close()
    server.thread.join()


def test_a_txt_record_is_a_proof(zone: Zone) -> None:
    who = actor()
    target = call(api.handler, "POST", "/targets", who, {"pattern": "example.test"}).body
    verify = f"/targets/{target['target_id']}/verify"
    missing = call(api.handler, "POST", verify, who)
    assert (missing.status, missing.problem) == (409, "target-not-verified")
    assert "_palisade.example.test" in missing.body["detail"]
    zone.name, zone.texts = "_palisade.example.test.", ("v=spf1 -all", target["challenge"] + "x")
    assert call(api.handler, "POST", verify, who).status == 409
    zone.texts = ("v=spf1 -all", target["challenge"])
    assert call(api.handler, "POST", verify, actor()).status == 404
    assert call(api.handler, "POST", verify, who).body["approved"] is True
    assert [event.type for event in committed_events()] == ["TargetApproved.v1"]


@pytest.mark.parametrize("method", ["dns_txt", "well_known"])
@pytest.mark.parametrize("pattern", ["127.0.0.1", "10.0.0.0/24", "nowhere.invalid", "a" * 60 + ".example"])
async def test_what_cannot_be_reached_holds_no_proof(zone: Zone, method: str, pattern: str) -> None:
    proofs = PublishedProofs()
    assert await proofs.found(method, pattern, "challenge") is False
    assert pattern in proofs.place(method, pattern)
