"""Name servers that say nothing, talk nonsense, repeat the question, send too much or never stop: each DNS module ends
in time, keeps little, believes none of it, and its log says what happened."""

from __future__ import annotations

import asyncio
import contextlib
import random
import resource
import time
from collections.abc import AsyncIterator, Callable

import dns.flags
import dns.message
import dns.rrset
import pytest

from functions.collection.engine import BatchResult
from functions.collection.modules import all_modules
from functions.collection.reader import BatchLimits
from kernel.egress import DnsSettings
from tests.collection.world import observed, run
from tests.kernel.egress_servers import tcp_server
from tests.kernel.test_egress_datagrams import Echo

MODULES = tuple(sorted(name for name, module in all_modules().items() if module.face.rate_group == "dns"))
SECONDS = 3.0
MEGABYTE = 1024 * 1024
PIECE = 16 * 1024
Answer = Callable[[bytes], list[bytes]]
_chance = random.Random(27183)


def _cut(data: bytes) -> list[bytes]:
    """Come over TCP, where something else waits."""
    answer = dns.message.make_response(dns.message.from_wire(data))
    answer.flags |= dns.flags.TC
    return [answer.to_wire()]


def _many(data: bytes) -> list[bytes]:
    """As many records as a datagram holds, of odd names."""
    answer = dns.message.make_response(dns.message.from_wire(data))
    name = answer.question[0].name
    answer.answer.append(
        dns.rrset.from_text_list(name, 1, "IN", "A", [f"192.0.{n // 250}.{n % 250}" for n in range(900)])
    )
    answer.answer.append(dns.rrset.from_text(name, 1, "IN", "TXT", '"\\000\\255=cmd|x" "' + "y" * 200 + '"'))
    return [answer.to_wire(max_size=65535)]


def _loop(data: bytes) -> list[bytes]:
    """An alias of itself."""
    answer = dns.message.make_response(dns.message.from_wire(data))
    name = answer.question[0].name
    answer.answer.append(dns.rrset.from_text(name, 1, "IN", "CNAME", name.to_text()))
    return [answer.to_wire()]


def _pointers(data: bytes) -> list[bytes]:
    """A name that points to itself (RFC 1035 section 4.1.4)."""
    return [data[:2] + b"\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00" + b"\xc0\x0c\x00\x01\x00\x01" * 50]


MANNERS: dict[str, Answer] = {
    "silent": lambda _data: [],
    "garbage": lambda data: [data[:2] + _chance.randbytes(500) for _ in range(5)],
    "the question": lambda data: [data],
    "a flood": lambda _data: [_chance.randbytes(1000) for _ in range(200)],
    "many records": _many,
    "an alias of itself": _loop,
    "pointers in a circle": _pointers,
    "more over TCP": _cut,
}


@contextlib.asynccontextmanager
async def hostile(answer: Answer) -> AsyncIterator[int]:
    """The manner over UDP; over TCP a hundred megabytes that are no messages."""

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            for _ in range(100 * MEGABYTE // PIECE):
                writer.write(b"\xff" * PIECE)
                await writer.drain()

    async with tcp_server(endless) as port:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: Echo(answer), local_addr=("127.0.0.1", port))
        try:
            yield port
        finally:
            transport.close()


@pytest.mark.slow
@pytest.mark.parametrize("manner", MANNERS)
async def test_a_hostile_name_server_is_survived(manner: str) -> None:
    """All modules at once, each with a server of its own."""
    began, before = time.monotonic(), _peak()
    results = await asyncio.gather(*(attempt(name, MANNERS[manner]) for name in MODULES))
    assert time.monotonic() - began < SECONDS + 6
    assert _peak() - before < 120, "megabytes more than before"
    for name, result in zip(MODULES, results, strict=True):
        faults = [entry for entry in result.log if entry.level == "error" and "finish in time" not in entry.message]
        assert faults == [], name
        assert "vulnerability" not in {each.type for each in result.observations}, name


async def attempt(name: str, answer: Answer) -> BatchResult:
    face = all_modules()[name].face
    kind = next(kind for kind in ("domain", "host", "ip") if kind in face.consumes)
    async with hostile(answer) as port:
        server = (("127.0.0.1", port),)
        return await run(
            all_modules()[name](),
            observed(kind, "192.0.2.1" if kind == "ip" else "example.test"),
            targets=("example.test", "192.0.2.1"),
            dns=DnsSettings(nameservers=server, zones={"example.test": server}),
            limits=BatchLimits(observation_seconds=SECONDS),
            seconds=SECONDS,
        )


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def test_the_list_is_not_empty() -> None:
    assert len(MODULES) >= 9
