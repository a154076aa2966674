"""memcached: does it talk to strangers, and over UDP, where its answers drown others?"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from contracts.findings import Severity
from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.endpoints import host_and_port, place_of, spoken_at
from functions.collection.module import Context, Found, Module
from functions.collection.software import software
from functions.collection.weakness import exposure
from kernel.egress import EgressError, EgressProtocolError

WAIT = 5.0
GUIDE = "https://docs.memcached.org/features/tls/"
WITHOUT_PASSWORD = exposure(
    "memcached-without-password", Severity.HIGH, "memcached serves everybody",
    "The cache answers without authentication. Who reaches it reads what applications keep there, sessions included, "
    "and can change it.",
    "Bind the server to internal addresses, and require SASL or TLS client certificates.", GUIDE,
)  # fmt: skip
AMPLIFIES = exposure(
    "memcached-udp", Severity.HIGH, "memcached answers over UDP",
    "A question of a few bytes with a forged sender is answered to the victim with many thousand times as much; such "
    "servers carry the largest denial-of-service attacks.",
    "Start the server with -U 0, and shut UDP port 11211 at the border.",
    "https://www.cve.org/CVERecord?id=CVE-2018-1000115",
)  # fmt: skip
VERSION = re.compile(rb"VERSION ([\w.+-]{1,40})\r\n")


@dataclass(frozen=True, slots=True)
class Answers:
    """The version that the server told, empty when it wants a password; and whether it answers over UDP."""

    version: str
    over_udp: bool


class MemcachedAudit(Module[Answers]):
    """Asks for the version, over both transports."""

    face = ModuleFace(
        name="memcached_audit",
        version="1.0.0",
        summary="Finds memcached servers that answer without a password, and over UDP",
        consumes=(ObservationType.PORT, ObservationType.SERVICE),
        produces=(ObservationType.SERVICE, ObservationType.SOFTWARE, ObservationType.EXPOSURE),
        matching=r"^memcached?://|^[^/]+:11211$",
        invasiveness=Invasiveness.ACTIVE,
        rate_group="tcp",
        oracle="nmap",
    )

    async def get(self, observation: Observation, context: Context) -> Answers:
        """What the server says. Raises `EgressProtocolError` for one that is none."""
        host, port = host_and_port(observation.value)
        async with await context.session.connect(host, port) as connection:
            await connection.send(b"version\r\n", WAIT)
            line = await connection.read_line(WAIT)
        match = VERSION.fullmatch(line)
        if not match and not line.startswith((b"ERROR", b"CLIENT_ERROR unauthenticated")):
            raise EgressProtocolError("it does not answer as a memcached server")
        return Answers(match[1].decode() if match else "", await _over_udp(host, port, context))

    def transform(self, observation: Observation, raw: Answers) -> Iterable[Found]:
        """The service and its weaknesses."""
        place, service = place_of(observation.value), spoken_at("memcached", observation.value)
        yield service
        if raw.version:
            yield software("memcached", "memcached", raw.version, place, parent=service)
            yield WITHOUT_PASSWORD.at(place, {"version": raw.version}, parent=service)
        if raw.over_udp:
            yield AMPLIFIES.at(place, {"question": "version"}, parent=service)


async def _over_udp(host: str, port: int, context: Context) -> bool:
    """Whether a datagram is answered. Its frame is the request's number, datagram 0 of 1, and two zeros."""
    number = secrets.token_bytes(2)
    frame = number + b"\x00\x00\x00\x01\x00\x00"
    try:
        await context.session.ask(
            host, port, frame + b"version\r\n", timeout_seconds=1.0, tries=1,
            accepts=lambda answer: answer.startswith(number) and b"VERSION " in answer[:20],
        )  # fmt: skip
    except EgressError:
        return False
    return True
