"""Servers that say nothing, never stop, talk nonsense or send a hundred megabytes: each module ends, keeps little in
memory, and its log says what happened."""

from __future__ import annotations

import asyncio
import contextlib
import random
import resource
import time
from collections.abc import Callable

import pytest

from contracts.modules import ModuleFace
from functions.collection.modules import (
    all_modules,
    ldap_audit,
    login_audit,
    memcached_audit,
    mqtt_audit,
    redis_audit,
    smtp_audit,
    ssh_audit,
)
from functions.collection.reader import BatchLimits
from tests.collection.world import observed, run
from tests.kernel.egress_servers import Handler, tcp_server

PROTOCOLS = {
    "banner": "port", "certificate": "https", "ldap_audit": "ldap", "login_audit": ("ftp", "imap", "pop3"),
    "memcached_audit": "memcached", "mqtt_audit": "mqtt", "redis_audit": "redis", "smb_audit": "smb",
    "smtp_audit": "smtp", "ssh_audit": "ssh", "tls_config": "https",
}  # fmt: skip
CASES = [
    (name, protocol)
    for name, protocols in PROTOCOLS.items()
    for protocol in (protocols if isinstance(protocols, tuple) else (protocols,))
]
SECONDS = 3.0
MEGABYTE = 1024 * 1024
GREETINGS = {
    "ftp": b"220 x\r\n", "imap": b"* OK x\r\n", "pop3": b"+OK x\r\n", "smtp": b"220 x ESMTP\r\n",
    "ssh": b"SSH-2.0-x\r\n",
    "redis": b"$104857600\r\n", "memcached": b"VERSION ", "mqtt": b"\x20\xff\xff\xff\x7f",
    "ldap": b"\x30\x84\x7f\xff\xff\xff", "smb": b"\x00\xff\xff\xff", "https": b"\x16\x03\x01\x40\x00",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a server may take for each of its words: seconds in earnest, less here."""
    import functions.collection.smb as smb

    rooms = (ldap_audit, login_audit, memcached_audit, mqtt_audit, redis_audit, smtp_audit, ssh_audit, smb)
    for room in rooms:
        monkeypatch.setattr(room, "WAIT", 0.3)


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


def _sending(make: Callable[[], bytes], total: int) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sent = 0
        while sent < total:
            data = make()
            writer.write(data)
            sent += len(data)
            await writer.drain()
        await reader.read()

    return handler


def _trickle(greeting: bytes) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for byte in greeting + b"x" * 10_000:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.05)

    return handler


def _hangs_up(greeting: bytes) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await writer.drain()

    return handler


def hostile(protocol: str) -> dict[str, Handler]:
    chance = random.Random(27183)
    greeting = GREETINGS.get(protocol, b"")
    lines = {"imap": b"* more\r\n", "pop3": b"+OK more\r\n", "ftp": b"220-more\r\n", "smtp": b"220-more\r\n"}
    return {
        "silent": _silent,
        "silent after a greeting": _sending(lambda: greeting or b"\x00", 1),
        "hangs up": _hangs_up(b""),
        "hangs up after a greeting": _hangs_up(greeting),
        "a byte at a time": _trickle(greeting),
        "garbage": _sending(lambda: chance.randbytes(4096), MEGABYTE),
        "lines without end": _sending(lambda: lines.get(protocol, b"x\r\n") * 1000, 20 * MEGABYTE),
        "a line of 100 MB": _sending(lambda: b"x" * MEGABYTE, 100 * MEGABYTE),
        "a promise of 100 MB": _sending(lambda: greeting + b"\x00" * MEGABYTE, 100 * MEGABYTE),
    }


@pytest.mark.parametrize(("name", "protocol"), CASES, ids=[f"{name}-{protocol}" for name, protocol in CASES])
@pytest.mark.slow
@pytest.mark.parametrize("manner", hostile(""))
async def test_a_hostile_server_is_survived(name: str, protocol: str, manner: str) -> None:
    began, before = time.monotonic(), _peak()
    async with tcp_server(_tolerant(hostile(protocol)[manner])) as port:
        where = f"127.0.0.1:{port}" if protocol == "port" else f"{protocol}://127.0.0.1:{port}"
        fact = observed("port" if protocol == "port" else "service", where)
        config = {"wait_seconds": 0.3} if name == "banner" else None
        limits = BatchLimits(observation_seconds=SECONDS)
        result = await run(all_modules()[name](), fact, config=config, limits=limits, seconds=SECONDS)
    assert time.monotonic() - began < SECONDS + 4
    assert _peak() - before < 60, "megabytes more than before"
    assert not {o.type for o in result.observations} & {"vulnerability", "exposure"}
    assert not any(entry.level == "error" and "finish in time" not in entry.message for entry in result.log), result.log
    if not result.observations and name != "banner":
        assert result.log or name == "tls_config"


def _tolerant(handler: Handler) -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ConnectionError):
            await handler(reader, writer)

    return handle


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def test_every_module_that_talks_to_ports_is_here() -> None:
    """A module that connects by itself is listed, or is one whose hostile servers are tested where it is."""
    elsewhere = {"nmap_services", "tcp_connect", "dns_server", "snmp_communities", "udp_probe"}
    talks: Callable[[ModuleFace], bool] = lambda face: face.rate_group in ("tcp", "udp")  # noqa: E731
    assert {name for name, module in all_modules().items() if talks(module.face)} <= {*PROTOCOLS, *elsewhere}
