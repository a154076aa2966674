"""The session: nothing leaves without a proof, permission and the policy's consent."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import pytest

from contracts.scope import Scope
from functions.collection.module import Context
from functions.collection.modules.dangling_alias import UNCLAIMED, DanglingAlias
from functions.collection.session import OutOfScope, Session, ZoneServer
from kernel.egress import DnsSettings, Egress, EgressDenied, Policy, Request, Response
from tests.collection.world import MemoryBlobs, observed, session
from tests.kernel.egress_servers import Zone, answering, dns_server, http, sinkhole, tcp_server


class Counting:
    """A rate limit that counts what it lets through."""

    def __init__(self) -> None:
        self.groups: list[str] = []

    async def acquire(self, group: str) -> None:
        self.groups.append(group)


async def test_nothing_is_sent_outside_the_scope() -> None:
    async with sinkhole() as hole, session("example.test") as outside:
        with pytest.raises(OutOfScope):
            await outside.fetch(f"http://127.0.0.1:{hole.port}/")
        with pytest.raises(OutOfScope):
            await outside.connect("127.0.0.1", hole.port)
        for asked in (outside.query("other.test", "A"), outside.resolve("other.test"), outside.zone_servers("o.test")):
            with pytest.raises(OutOfScope):
                await asked
        with pytest.raises(OutOfScope):
            await outside.transfer(("127.0.0.1", hole.port), "other.test")
        with pytest.raises(OutOfScope):
            await outside.query_at(("127.0.0.1", hole.port), "a.example.test", "A", about="other.test")
        assert hole.touched == 0


async def test_scope_does_not_open_what_the_policy_shuts() -> None:
    async with sinkhole() as hole, session("127.0.0.1", policy=Policy.public()) as outside:
        with pytest.raises(EgressDenied):
            await outside.fetch(f"http://127.0.0.1:{hole.port}/")
        with pytest.raises(EgressDenied):
            await outside.connect("127.0.0.1", hole.port)
        assert hole.touched == 0


async def test_a_denied_host_stays_denied_below_an_allowed_one() -> None:
    async with Egress(Policy.public()) as egress:
        outside = Session(egress, Scope(allow=("*.lab.test",), deny=("secret.lab.test",)), ("example.test",))
        assert outside.prove("www.lab.test") is not None
        assert outside.prove("a.example.test") is not None
        with pytest.raises(OutOfScope, match=r"secret\.lab\.test is outside"):
            outside.require("secret.lab.test")
        assert outside.target_domains() == ("example.test",)


async def test_every_packet_asks_for_permission() -> None:
    rate = Counting()
    with dns_server(Zone(("127.0.0.1",))) as dns_port:
        settings = DnsSettings(nameservers=(("127.0.0.1", dns_port),))
        async with (
            tcp_server(answering(http(b""))) as port,
            Egress(Policy.scanning(loopback=True), dns=settings) as egress,
        ):
            outside = Session(egress, Scope(), ("127.0.0.1", "example.test"), rate_limit=rate, rate_group="http")
            await outside.fetch(f"http://127.0.0.1:{port}/")
            async with await outside.connect("127.0.0.1", port):
                pass
            await outside.query("a.example.test", "A")
            await outside.query_at(("127.0.0.1", dns_port), "a.example.test", "A", about="example.test")
    assert rate.groups == ["http", "http", "dns", "dns"]


@pytest.mark.parametrize(
    ("status", "method", "requests"), [("200 OK", "GET", 1), ("503 Busy", "GET", 3), ("503 Busy", "POST", 1)]
)
async def test_only_safe_requests_are_repeated(status: str, method: str, requests: int) -> None:
    seen = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        await reader.readuntil(b"\r\n\r\n")
        seen += 1
        writer.write(http(b"", "Retry-After: 0", "Connection: close", status=status))
        await writer.drain()

    async with tcp_server(handler) as port, session("127.0.0.1") as outside:
        response = await outside.http(Request(method, f"http://127.0.0.1:{port}/"))
    assert (f"{response.status}", seen) == (status[:3], requests)


async def test_the_scanners_own_machine_is_known() -> None:
    with dns_server(Zone(("127.0.0.1",))) as port:
        settings = DnsSettings(nameservers=(("127.0.0.1", port),))
        async with session("127.0.0.1", "example.test", dns=settings) as outside:
            assert await outside.is_own_machine("127.0.0.1")
            assert await outside.is_own_machine("www.example.test")
        async with session("127.0.0.1", policy=Policy.public()) as outside:
            assert not await outside.is_own_machine("127.0.0.1")
    with dns_server(Zone(("192.0.2.1",), ())) as port:
        settings = DnsSettings(nameservers=(("127.0.0.1", port),))
        async with session("example.test", dns=settings) as outside:
            assert not await outside.is_own_machine("www.example.test")


def test_a_zone_server_is_a_name_and_a_place() -> None:
    assert ZoneServer("ns1.example.test", ("192.0.2.1", 53)).endpoint == ("192.0.2.1", 53)


class FakeWorld:
    """The outside world of a module, at the session's edge: aliases of a hosting service that answers web requests."""

    def __init__(self, alias: str, body: bytes) -> None:
        self._alias, self._body = alias, body

    async def query(self, name: str, record_type: str, *, about: str | None = None) -> Any:
        class Answer:
            aliases = [self._alias]
            addresses = ["192.0.2.1"]
            rcode = "NOERROR"

        return Answer()

    async def fetch(self, url: str) -> Response:
        return Response(url, 404, (), self._body)


@pytest.mark.parametrize("suffix", sorted(UNCLAIMED))
async def test_a_host_that_its_service_disowns_can_be_taken_over(suffix: str) -> None:
    host = observed("host", "shop.example.test")
    for body, found in ((UNCLAIMED[suffix].encode(), 1), (b"Welcome to our shop", 0)):
        world: Any = FakeWorld(f"shop{suffix}", body)
        context = Context(None, world, MemoryBlobs(), time.monotonic() + 5, logging.getLogger())
        module = DanglingAlias()
        facts = list(module.transform(host, await module.get(host, context)))
        assert [fact.value for fact in facts] == ["subdomain-takeover:shop.example.test"] * found
