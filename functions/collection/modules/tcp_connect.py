"""Open TCP ports, found by connecting to them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from contracts.modules import CostClass, ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.endpoints import endpoint
from functions.collection.module import Config, Context, Found, Module
from kernel.egress import EgressError

COMMON_PORTS = (
    21, 22, 23, 25, 53, 80, 81, 88, 110, 111, 113, 119, 135, 139, 143, 179, 389, 443, 444, 445, 465, 514, 548, 554,
    587, 631, 636, 646, 873, 902, 990, 993, 995, 1025, 1080, 1194, 1433, 1521, 1723, 1883, 2049, 2082, 2083, 2121,
    2181, 2222, 2375, 2376, 3000, 3128, 3268, 3306, 3389, 4443, 4444, 4848, 5000, 5060, 5222, 5432, 5555, 5601, 5672,
    5900, 5985, 5986, 6000, 6379, 6443, 7001, 8000, 8008, 8009, 8080, 8081, 8088, 8443, 8888, 9000, 9042, 9090, 9092,
    9100, 9200, 9300, 9418, 10000, 11211, 15672, 27017, 50000,
)  # fmt: skip


class TcpConnectConfig(Config):
    """Which ports, and how patiently."""

    ports: Annotated[tuple[int, ...], Field(max_length=65_535, description="Ports to try.")] = COMMON_PORTS
    timeout_seconds: Annotated[float, Field(gt=0, le=30, description="Wait for one port.")] = 1.5
    own_machine: Annotated[
        bool, Field(description="Also try the ports of the machine that the scan runs on (loopback).")
    ] = False


class TcpConnect(Module[list[int]]):
    """Connects to each port and closes again. The scanner's own machine is left out unless it is asked for."""

    face = ModuleFace(
        name="tcp_connect",
        version="1.0.0",
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
        """The open ports, in the order tried."""
        address = observation.value
        if not context.config.own_machine and await context.session.is_own_machine(address):
            return []
        answers = await asyncio.gather(*(_is_open(address, port, context) for port in context.config.ports))
        return [port for port, is_open in zip(context.config.ports, answers, strict=True) if is_open]

    def transform(self, observation: Observation, raw: list[int]) -> Iterable[Found]:
        """The open ports."""
        for port in raw:
            yield Found(ObservationType.PORT, endpoint(observation.value, port), {"protocol": "tcp"})


async def _is_open(address: str, port: int, context: Context) -> bool:
    try:
        wait = context.config.timeout_seconds
        async with await context.session.connect(address, port, timeout_seconds=wait):
            return True
    except EgressError:
        return False
