"""Services that answer datagrams: name servers, clocks and management agents, found by asking in their own words."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from contracts.findings import Severity
from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.endpoints import endpoint
from functions.collection.module import Config, Context, Found, Module
from functions.collection.snmp import discovery, engine
from functions.collection.weakness import exposure
from kernel.egress import EgressError

Port = Annotated[int, Field(ge=1, le=65_535)]
READ_VARIABLES = bytes.fromhex("160200010000000000000000")
"""A control message of NTP (RFC 9327 section 2): version 2, mode 6, opcode 2, sequence 1."""
NTP_CONTROL = exposure(
    "ntp-control", Severity.MEDIUM, "A clock answers control questions of strangers",
    "The NTP server answers control messages (mode 6). A small question with a forged sender is answered to the "
    "victim with many times as much, and the answer tells the system's version.",
    "Add `restrict default noquery` to the server's configuration.",
    "https://www.rfc-editor.org/rfc/rfc8633#section-3.4",
)  # fmt: skip
SNMP_REACHABLE = exposure(
    "snmp-reachable", Severity.LOW, "A management agent answers strangers",
    "The SNMP agent can be asked from outside. Its names and passwords can be guessed, and older versions send them "
    "in clear.",
    "Shut UDP port 161 at the border, and allow version 3 with encryption from management stations only.",
    "https://www.cisa.gov/news-events/alerts/2017/06/05/reducing-risk-snmp-abuse",
)  # fmt: skip
VENDORS = {9: "Cisco", 11: "HPE", 674: "Dell", 2011: "Huawei", 2636: "Juniper", 8072: "Net-SNMP", 14988: "MikroTik"}
"""Makers of SNMP engines by IANA's enterprise numbers."""


class UdpProbeConfig(Config):
    """Where each protocol is looked for, and how patiently."""

    dns_ports: Annotated[tuple[Port, ...], Field(max_length=16, description="Ports of name servers.")] = (53,)
    ntp_ports: Annotated[tuple[Port, ...], Field(max_length=16, description="Ports of clocks.")] = (123,)
    snmp_ports: Annotated[tuple[Port, ...], Field(max_length=16, description="Ports of agents.")] = (161,)
    timeout_seconds: Annotated[float, Field(gt=0, le=10, description="Wait for one answer.")] = 2.0
    own_machine: Annotated[bool, Field(description="Also ask the machine that the scan runs on.")] = False


@dataclass(frozen=True, slots=True)
class Heard:
    """A service that answered, what it said of itself, and whether it also answers control questions."""

    protocol: str
    port: int
    said: dict[str, object]
    control: bool = False


class UdpProbe(Module[list[Heard]]):
    """One question for each protocol; silence means that nothing is there, or that it is filtered."""

    face = ModuleFace(
        name="udp_probe",
        version="1.0.0",
        summary="Finds name servers, clocks and SNMP agents that answer over UDP",
        consumes=(ObservationType.IP,),
        produces=(ObservationType.SERVICE, ObservationType.METADATA, ObservationType.EXPOSURE),
        invasiveness=Invasiveness.ACTIVE,
        rate_group="udp",
        concurrency=50,
        oracle="nmap",
    )
    config = UdpProbeConfig

    async def get(self, observation: Observation, context: Context) -> list[Heard]:
        """The services that answer."""
        address, config = observation.value, context.config
        await context.session.resolve(address)  # a refusal is told once, and not for every port
        if not config.own_machine and await context.session.is_own_machine(address):
            return []
        asked = [
            *(_name_server(address, port, context) for port in config.dns_ports),
            *(_clock(address, port, context) for port in config.ntp_ports),
            *(_agent(address, port, context) for port in config.snmp_ports),
        ]
        return [heard for heard in await asyncio.gather(*asked) if heard]

    def transform(self, observation: Observation, raw: list[Heard]) -> Iterable[Found]:
        """The services, what they said, and the weaknesses."""
        for heard in raw:
            place = endpoint(observation.value, heard.port)
            attributes = {"protocol": heard.protocol, "port": place, "transport": "udp"}
            service = Found(ObservationType.SERVICE, f"{heard.protocol}://{place}", attributes)
            yield service
            said = {**heard.said, "asset": place}
            yield Found(ObservationType.METADATA, f"{heard.protocol}:{place}", said, parent=service)
            if heard.control:
                yield NTP_CONTROL.at(place, heard.said, parent=service)
            if heard.protocol == "snmp":
                yield SNMP_REACHABLE.at(place, heard.said, parent=service)


async def _name_server(address: str, port: int, context: Context) -> Heard | None:
    try:
        answer = await context.session.query_at((address, port), ".", "NS", about=address, recursive=True)
    except EgressError:
        return None
    return Heard("dns", port, {"rcode": answer.rcode})


async def _clock(address: str, port: int, context: Context) -> Heard | None:
    import ntplib

    question = ntplib.NTPPacket(version=4, mode=3, tx_timestamp=ntplib.system_to_ntp_time(time.time())).to_data()
    answer = await _ask(address, port, question, context, lambda data: data[24:32] == question[40:48])
    if answer is None or len(answer) < 48:
        return None
    packet = ntplib.NTPPacket()
    packet.from_data(answer)
    control = await _ask(address, port, READ_VARIABLES, context, lambda data: data[:4] == b"\x16\x82\x00\x01", tries=1)
    return Heard("ntp", port, {"stratum": packet.stratum, "version": packet.version}, control is not None)


async def _agent(address: str, port: int, context: Context) -> Heard | None:
    question = discovery()
    answer = await _ask(address, port, question, context, lambda data: engine(question, data) is not None)
    if answer is None:
        return None
    id_ = engine(question, answer) or b""
    maker = int.from_bytes(id_[:4], "big") & 0x7FFFFFFF
    return Heard("snmp", port, {"engine": id_.hex(), "maker": VENDORS.get(maker, str(maker))})


async def _ask(
    address: str, port: int, question: bytes, context: Context, accepts: Callable[[bytes], bool], tries: int = 2
) -> bytes | None:
    wait = context.config.timeout_seconds
    try:
        return await context.session.ask(address, port, question, timeout_seconds=wait, tries=tries, accepts=accepts)
    except EgressError:
        return None
