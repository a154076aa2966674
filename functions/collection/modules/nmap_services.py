"""What runs behind a port, in the judgement of nmap, where that is installed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from contracts.modules import CostClass, ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.endpoints import host_and_port, place_of
from functions.collection.module import Config, Context, Found, Module
from functions.collection.software import software
from kernel.egress import EgressProtocolError, EgressTimeout, EgressUnreachable, Meter
from kernel.egress.addresses import parse_address

MAX_OUTPUT = 1024 * 1024
MAX_WORDS = 200
GRACE = 5.0
"""Seconds that nmap may take beyond its own time-out."""
MAX_LINE = 4096
TLS_BYTES = 5_000
"""Of a handshake with a chain of two certificates, which nmap's trace leaves out."""
SYSTEM_PACKETS, SYSTEM_BYTES = 160, 60
"""What guessing the system takes at most: five tries of sixteen probes, each answered (nmap's book, chapter 8)."""
NAMES = {"domain": "dns", "microsoft-ds": "smb", "netbios-ssn": "smb", "ms-wbt-server": "rdp", "ssl": "tls"}
"""What nmap calls by another name than we do."""
OVER_TLS = {"http": "https", "smtp": "smtps", "imap": "imaps", "pop3": "pop3s", "ldap": "ldaps", "ftp": "ftps"}
_CONNECTED = re.compile(rb"nsock_connect_\w+\(\): (TCP|SSL|UDP)")
_WRITTEN = re.compile(rb"nsock_write\(\): Write request for (\d{1,9}) bytes")
_READ = re.compile(rb"nsock_trace_handler_callback\(\): Callback: READ SUCCESS for EID \d+ \[.*?\] \((\d{1,9}) bytes")
_TRACED = re.compile(rb"NSOCK INFO \[[\d.]+s\] ")
_PROTOCOL = re.compile(r"[a-z][a-z0-9+.-]{0,40}")
_CPE = re.compile(r"cpe:/(?P<part>[ao]):(?P<vendor>[\w.~%-]+):(?P<product>[\w.~%-]+)(?::(?P<version>[\w.~%-]+))?")


class NmapMissing(EgressUnreachable):
    """nmap is not installed where scans run."""


class NmapServicesConfig(Config):
    """How hard nmap tries."""

    intensity: Annotated[int, Field(ge=0, le=9, description="Probes from 0 (few) to 9 (all).")] = 5
    timeout_seconds: Annotated[float, Field(ge=1, le=110, description="For one port.")] = 60.0
    detect_system: Annotated[
        bool, Field(description="Guess the operating system by its packets too; takes effect where scans run as root.")
    ] = False


@dataclass(frozen=True, slots=True)
class Service:
    """What nmap says of a port."""

    name: str
    product: str = ""
    version: str = ""
    extra: str = ""
    system: str = ""
    cpes: tuple[str, ...] = ()


class NmapServices(Module[Service | None]):
    """Runs nmap on one port of the one address that was checked; names are never handed to it, and it resolves and
    pings nothing."""

    face = ModuleFace(
        name="nmap_services",
        version="1.0.0",
        summary="Names the service, its software and the operating system behind a port with nmap",
        consumes=(ObservationType.PORT,),
        produces=(ObservationType.SERVICE, ObservationType.SOFTWARE, ObservationType.METADATA),
        invasiveness=Invasiveness.ACTIVE,
        cost_class=CostClass.HEAVY,
        rate_group="tcp",
        batch_size=16,
        concurrency=4,
        oracle="nmap",
    )
    config = NmapServicesConfig

    async def get(self, observation: Observation, context: Context) -> Service | None:
        """nmap's judgement, None for a port that it finds shut. Raises `NmapMissing`, `EgressError`."""
        program = shutil.which("nmap")
        if program is None:
            raise NmapMissing("nmap is not installed here: services are known by their greetings alone")
        host, port = host_and_port(observation.value)
        async with await context.session.connect(host, port) as connection:
            address = connection.address
        command = arguments(program, address, port, context.config)
        traffic = Traffic(context.session.meter)
        traffic.begins(looks_at_system="-O" in command)
        return parse(await _output(command, context.config.timeout_seconds, traffic))

    def transform(self, observation: Observation, raw: Service | None) -> Iterable[Found]:
        """The service, its software, and the system that it runs on."""
        if raw is None or not raw.name:
            return
        place = place_of(observation.value)
        said = {"protocol": raw.name, "port": place, "product": raw.product, "version": raw.version, "extra": raw.extra}
        service = Found(ObservationType.SERVICE, f"{raw.name}://{place}", said, 0.9)
        yield service
        matches = [match for name in raw.cpes if (match := _CPE.fullmatch(name))]
        for match in matches:
            if match["part"] == "a":
                version = match["version"] or raw.version.partition(" ")[0]
                yield software(match["vendor"], match["product"], version, place, parent=service)
        if raw.system or any(match["part"] == "o" for match in matches):
            names = [match[0] for match in matches if match["part"] == "o"]
            attributes = {"system": raw.system, "cpes": names, "asset": host_and_port(place)[0]}
            yield Found(ObservationType.METADATA, f"system:{host_and_port(place)[0]}", attributes, 0.7, parent=service)


def arguments(program: str, address: str, port: int, config: NmapServicesConfig) -> list[str]:
    """The command line. Raises `EgressDenied` for what is no address."""
    parse_address(address)
    looks = ["-O", "--osscan-limit"] if config.detect_system and os.geteuid() == 0 else []
    family = ["-6"] if ":" in address else []
    patience = ["--host-timeout", f"{config.timeout_seconds:.0f}s", "--max-retries", "2"]
    depth = ["-sT", "-sV", "--version-intensity", str(config.intensity), *looks]
    told = ["--packet-trace", "-oX", "-"]
    return [program, *family, *depth, *patience, "-Pn", "-n", *told, "-p", str(int(port)), "--", address]


class Traffic:
    """What nmap sends and receives, as its trace tells line by line, for the scan's budget."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._rest = b""

    def begins(self, *, looks_at_system: bool) -> None:
        """What the trace leaves out: whether the port is open, and the packets that tell the system."""
        self._meter.dialled()
        for _ in range(SYSTEM_PACKETS if looks_at_system else 0):
            self._meter.datagram(SYSTEM_BYTES)

    def feed(self, chunk: bytes) -> None:
        """Some more of the trace. Of a line, its beginning counts: what the server said comes after."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._count(line)
        self._rest = self._rest[:MAX_LINE]

    def _count(self, line: bytes) -> None:
        head = _TRACED.match(line)
        if head is None:
            return
        if connected := _CONNECTED.match(line, head.end()):
            self._meter.dialled()
            self._meter.stream(TLS_BYTES if connected[1] == b"SSL" else 0)
        elif moved := _WRITTEN.match(line, head.end()) or _READ.match(line, head.end()):
            self._meter.stream(int(moved[1]))


async def _output(command: list[str], seconds: float, traffic: Traffic) -> bytes:
    """What nmap prints. Raises `EgressTimeout`, and `EgressProtocolError` when it prints too much."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.defpath, "LC_ALL": "C"}, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    trace = asyncio.create_task(_trace(process.stderr, traffic))
    try:
        async with asyncio.timeout(seconds + GRACE):
            output = await _read(process.stdout)
            await trace
            await process.wait()
    except TimeoutError as error:
        raise EgressTimeout(f"nmap did not finish within {seconds + GRACE:g} s") from error
    finally:
        trace.cancel()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    return output


async def _trace(stream: asyncio.StreamReader, traffic: Traffic) -> None:
    while chunk := await stream.read(64 * 1024):
        traffic.feed(chunk)


async def _read(stream: asyncio.StreamReader) -> bytes:
    output = bytearray()
    while chunk := await stream.read(64 * 1024):
        output += chunk
        if len(output) > MAX_OUTPUT:
            raise EgressProtocolError("nmap prints more than it should")
    return bytes(output)


def parse(output: bytes) -> Service | None:
    """nmap's XML of one port; None when the port is not open. Raises `EgressProtocolError`."""
    from defusedxml import DefusedXmlException, ElementTree

    try:
        document = ElementTree.fromstring(output)
    except (ElementTree.ParseError, DefusedXmlException, ValueError) as error:
        raise EgressProtocolError(f"what nmap prints cannot be read: {error}") from error
    state, service = document.find(".//port/state"), document.find(".//port/service")
    if state is None or state.get("state") != "open":
        return None
    if service is None:
        return Service("")
    cpes = [(each.text or "")[:MAX_WORDS] for each in (*service.iter("cpe"), *document.iterfind(".//osclass/cpe"))]
    guess = document.find(".//osmatch")
    return Service(
        _name(service.get("name", ""), service.get("tunnel", "")),
        service.get("product", "")[:MAX_WORDS],
        service.get("version", "")[:MAX_WORDS],
        service.get("extrainfo", "")[:MAX_WORDS],
        system=((guess.get("name", "") if guess is not None else "") or service.get("ostype", ""))[:MAX_WORDS],
        cpes=tuple(dict.fromkeys(cpes))[:20],
    )


def _name(name: str, tunnel: str) -> str:
    """Our word for nmap's; empty for what it does not know."""
    name = NAMES.get(name, name)
    if tunnel == "ssl":
        name = OVER_TLS.get(name, "tls")
    return name if _PROTOCOL.fullmatch(name) and name not in ("unknown", "tcpwrapped") else ""
