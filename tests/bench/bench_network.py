"""The network as a scan uses it: questions a second through the session, and every port of a host."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from functions.collection.modules.tcp_connect import TcpConnect
from kernel.egress import DnsSettings
from tests.bench.figure import Figure
from tests.bench.surroundings import Surroundings
from tests.collection.servers import named
from tests.collection.world import observed, run, session

GROUP = "network"
QUESTIONS, IN_FLIGHT = 20_000, 200
QUESTIONS_A_SECOND = 3_000.0
AMASS_A_SECOND = 1_200.0
"""At best, as this project's design states."""
PORTS = 65_535
SCAN_SECONDS = 20.0


def figures(_surroundings: Surroundings) -> Iterator[Figure]:
    """DNS against BIND, and a connect scan, both on loopback."""
    with tempfile.TemporaryDirectory(prefix="palisade-named-") as folder, named(Path(folder)) as port:
        rate = asyncio.run(questions_a_second(port))
    name = f"{QUESTIONS:,} DNS questions through the session"
    yield Figure(GROUP, name, rate, "/s", QUESTIONS_A_SECOND, better="higher")
    yield Figure(GROUP, name, rate, "/s", AMASS_A_SECOND, "higher", "Amass (stated)", is_peer=True)
    yield Figure(GROUP, f"connect scan of {PORTS:,} ports", asyncio.run(scan_seconds()), "s", SCAN_SECONDS)


async def questions_a_second(port: int) -> float:
    """Names that were never asked before, one question each."""
    dns = DnsSettings(nameservers=(("127.0.0.1", port),))
    names = iter(range(QUESTIONS))
    async with session("wild.test", dns=dns) as outside:

        async def ask() -> None:
            for number in names:
                answer = await outside.query(f"n{number}.wild.test", "A")
                assert answer.addresses == ["192.0.2.200"]

        began = time.perf_counter()
        await asyncio.gather(*(ask() for _ in range(IN_FLIGHT)))
        return QUESTIONS / (time.perf_counter() - began)


async def scan_seconds() -> float:
    """Seconds of the module with its pace as it comes, for the whole of one host."""
    config = {"every_port": True, "own_machine": True}
    began = time.perf_counter()
    result = await run(TcpConnect(), observed("ip", "127.0.0.1"), config=config, seconds=600)
    assert result.stats.handled == 1
    return time.perf_counter() - began
