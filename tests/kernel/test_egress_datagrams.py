"""Datagrams: to the address that was checked and no other, bounded, and from a port that nobody can foresee."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable

import dns.message
import pytest

from kernel.egress import DnsSettings, Egress, EgressDenied, EgressTimeout, EgressUnreachable, Policy
from kernel.egress.dns import QUESTIONS_OF_PORT, DnsClient

Answer = Callable[[bytes], list[bytes]]


class Echo(asyncio.DatagramProtocol):
    """Answers with what a function says, and remembers who asked."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.askers: list[tuple[str, int]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.askers.append(addr)
        for each in self._answer(data):
            self.transport.sendto(each, addr)  # type: ignore[attr-defined]


@contextlib.asynccontextmanager
async def udp_server(answer: Answer) -> AsyncIterator[tuple[int, Echo]]:
    loop = asyncio.get_running_loop()
    transport, echo = await loop.create_datagram_endpoint(lambda: Echo(answer), local_addr=("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")[1], echo
    finally:
        transport.close()


async def test_an_answer_comes_back() -> None:
    async with udp_server(lambda data: [data.upper()]) as (port, _), Egress(Policy.scanning(loopback=True)) as egress:
        assert await egress.ask("127.0.0.1", port, b"hello") == b"HELLO"


async def test_the_policy_holds_for_datagrams_too() -> None:
    async with udp_server(lambda data: [data]) as (port, echo), Egress(Policy.public()) as egress:
        for host in ("127.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "0.0.0.0", "2130706433", "127.1"):
            with pytest.raises(EgressDenied):
                await egress.ask(host, port, b"hello")
        assert echo.askers == []


async def test_a_name_is_checked_before_anything_is_sent() -> None:
    """A name with one address outside and one inside is refused as a whole."""

    def zone(data: bytes) -> list[bytes]:
        question = dns.message.from_wire(data)
        answer = dns.message.make_response(question)
        name, kind = question.question[0].name, question.question[0].rdtype
        if kind == 1:
            for address in ("127.0.0.1", "169.254.169.254"):
                answer.answer.append(dns.rrset.from_text(name, 1, "IN", "A", address))
        return [answer.to_wire()]

    async with udp_server(zone) as (dns_port, _), udp_server(lambda data: [data]) as (port, echo):
        settings = DnsSettings(nameservers=(("127.0.0.1", dns_port),))
        async with Egress(Policy.scanning(loopback=True), dns=settings) as egress:
            with pytest.raises(EgressDenied):
                await egress.ask("two.test", port, b"hello")
    assert echo.askers == []


async def test_silence_ends_and_the_question_is_repeated() -> None:
    async with udp_server(lambda _data: []) as (port, echo), Egress(Policy.scanning(loopback=True)) as egress:
        with pytest.raises(EgressTimeout):
            await egress.ask("127.0.0.1", port, b"hello", timeout_seconds=0.05, tries=3)
    assert len(echo.askers) == 3


async def test_a_closed_port_is_told_apart_from_silence() -> None:
    async with udp_server(lambda _data: []) as (port, _):
        pass
    async with Egress(Policy.scanning(loopback=True)) as egress:
        with pytest.raises(EgressUnreachable):
            await egress.ask("127.0.0.1", port, b"hello")


async def test_a_flood_of_wrong_answers_is_passed_over() -> None:
    def flood(_data: bytes) -> list[bytes]:
        return [b"x" * 60_000] * 30 + [b"right"]

    async with udp_server(flood) as (port, _), Egress(Policy.scanning(loopback=True)) as egress:
        try:
            answer = await egress.ask("127.0.0.1", port, b"?", timeout_seconds=0.5, accepts=lambda a: a == b"right")
            assert answer == b"right"
        except EgressTimeout:
            pass  # the kernel may drop what does not fit; what counts is that the wait ends


async def test_every_conversation_has_a_port_of_its_own() -> None:
    async with udp_server(lambda data: [data]) as (port, echo), Egress(Policy.scanning(loopback=True)) as egress:
        for _ in range(5):
            await egress.ask("127.0.0.1", port, b"hello")
    assert len({asker[1] for asker in echo.askers}) == 5


async def test_dns_questions_leave_from_changing_ports_with_changing_ids() -> None:
    ids: list[int] = []

    def nothing_there(data: bytes) -> list[bytes]:
        ids.append(int.from_bytes(data[:2], "big"))
        return [dns.message.make_response(dns.message.from_wire(data)).to_wire()]

    asked = 2 * QUESTIONS_OF_PORT + 10
    async with udp_server(nothing_there) as (port, echo):
        client = DnsClient()
        names = iter(range(asked))

        async def ask() -> None:
            for number in names:
                await client.query(f"n{number}.test", "A", (("127.0.0.1", port),))

        await asyncio.gather(*(ask() for _ in range(100)))
        client.close()
    ports = [sum(1 for asker in echo.askers if asker == each) for each in set(echo.askers)]
    assert len(ports) == 3
    assert max(ports) <= QUESTIONS_OF_PORT
    assert len(set(ids)) > asked * 0.95
    steps = {(after - before) % 65536 for before, after in itertools.pairwise(ids)}
    assert len(steps) > asked * 0.9, "ids that follow each other can be foreseen"


async def test_an_answer_to_another_question_is_not_taken() -> None:
    """The id alone is not enough: the question must be ours (RFC 5452 section 9.1)."""

    def forged(data: bytes) -> list[bytes]:
        other = dns.message.make_query("other.test", "A", id=int.from_bytes(data[:2], "big"))
        false, right = dns.message.make_response(other), dns.message.make_response(dns.message.from_wire(data))
        false.answer.append(dns.rrset.from_text("other.test.", 1, "IN", "A", "192.0.2.66"))
        return [false.to_wire(), b"", b"\x00", data[:2] + b"garbage", right.to_wire()]

    async with udp_server(forged) as (port, _):
        client = DnsClient()
        answer = await client.query("mine.test", "A", (("127.0.0.1", port),))
        client.close()
    assert answer.answer == []
    assert str(answer.question[0].name) == "mine.test."


async def test_signatures_are_asked_for_when_wanted() -> None:
    flags: list[tuple[bool, bool]] = []

    def note(data: bytes) -> list[bytes]:
        question = dns.message.from_wire(data)
        flags.append((bool(question.ednsflags & 0x8000), bool(question.flags & 0x0010)))
        return [dns.message.make_response(question).to_wire()]

    async with udp_server(note) as (port, _):
        settings = DnsSettings(nameservers=(("127.0.0.1", port),))
        async with Egress(Policy.public(), dns=settings) as egress:
            await egress.query("a.test", "A")
            await egress.query("a.test", "A", dnssec=True)
    assert flags == [(False, False), (True, True)]
