"""Open TCP ports, found by connecting to them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Annotated

from pydantic import Field

from contracts.modules import CostClass, ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.endpoints import endpoint
from functions.collection.module import Config, Context, Found, Module
from kernel.egress import Connection, EgressError

COMMON_PORTS = (
    21, 22, 23, 25, 53, 80, 81, 88, 110, 111, 113, 119, 135, 139, 143, 179, 389, 443, 444, 445, 465, 514, 548, 554,
    587, 631, 636, 646, 873, 902, 990, 993, 995, 1025, 1080, 1194, 1433, 1521, 1723, 1883, 2049, 2082, 2083, 2121,
    2181, 2222, 2375, 2376, 3000, 3128, 3268, 3306, 3389, 4443, 4444, 4848, 5000, 5060, 5222, 5432, 5555, 5601, 5672,
    5900, 5985, 5986, 6000, 6379, 6443, 7001, 8000, 8008, 8009, 8080, 8081, 8088, 8443, 8888, 9000, 9042, 9090, 9092,
    9100, 9200, 9300, 9418, 10000, 11211, 15672, 27017, 50000,
)  # fmt: skip


Port = Annotated[int, Field(ge=1, le=65_535)]


class TcpConnectConfig(Config):
    """Which ports, and how patiently."""

    ports: Annotated[tuple[Port, ...], Field(max_length=65_535, description="Ports to try.")] = COMMON_PORTS
    every_port: Annotated[bool, Field(description="Try all 65,535 ports instead.")] = False
    concurrency: Annotated[
        int, Field(ge=1, le=1000, description="Attempts in flight, as far as the scan's pace allows.")
    ] = 200
    timeout_seconds: Annotated[float, Field(gt=0, le=30, description="Wait for one port.")] = 1.5
    own_machine: Annotated[
        bool, Field(description="Also try the ports of the machine that the scan runs on (loopback).")
    ] = False

    def wanted(self) -> Sequence[int]:
        """The ports to try, each once, in order."""
        return range(1, 65_536) if self.every_port else tuple(dict.fromkeys(self.ports))


class TcpConnect(Module[list[int]]):
    """Connects to each port and closes again. The scanner's own machine is left out unless it is asked for."""

    face = ModuleFace(
        name="tcp_connect",
        version="1.1.0",
        summary="Finds open TCP ports by connecting to them",
        consumes=(ObservationType.IP,),
        produces=(ObservationType.PORT,),
        invasiveness=Invasiveness.ACTIVE,
        cost_class=CostClass.HEAVY,
        rate_group="tcp",
        batch_size=16,
        concurrency=8,
        oracle="nmap",
    )
    config = TcpConnectConfig

    async def get(self, observation: Observation, context: Context) -> list[int]:
        """The open ports, in the order tried; those that the deadline cuts off are left out."""
        address, config = observation.value, context.config
        await context.session.resolve(address)  # a refusal is told once, and not for every port
        if not config.own_machine and await context.session.is_own_machine(address):
            return []
        waiting, found = iter(config.wanted()), set[int]()

        async def work() -> None:
            for port in waiting:
                if await _is_open(address, port, context):
                    found.add(port)
                if context.is_over:
                    return

        await asyncio.gather(*(work() for _ in range(min(config.concurrency, len(config.wanted())))))
        if left := sum(1 for _ in waiting):
            context.log.warning("%s: the last %d ports were not tried in time", address, left)
        return [port for port in config.wanted() if port in found]

    def transform(self, observation: Observation, raw: list[int]) -> Iterable[Found]:
        """The open ports."""
        for port in raw:
            yield Found(ObservationType.PORT, endpoint(observation.value, port), {"protocol": "tcp"})


async def _is_open(address: str, port: int, context: Context) -> bool:
    try:
        wait = context.config.timeout_seconds
        async with await context.session.connect(address, port, timeout_seconds=wait) as connection:
            return not leads_back(connection)
    except EgressError:
        return False


def leads_back(connection: Connection) -> bool:
    """Whether a connection has met itself: on the scanner's own machine, the port that it goes out from may be the
    very one that it tries (a simultaneous open, RFC 9293 section 3.5)."""
    own, other = (connection.writer.get_extra_info(name) for name in ("sockname", "peername"))
    return own is not None and own == other
