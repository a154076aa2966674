"""Addresses to names."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from itertools import islice
from typing import Annotated

from pydantic import Field

from contracts.modules import CostClass, ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.module import Config, Context, Found, Module
from kernel.egress import EgressError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class ReverseDnsConfig(Config):
    """How much of a network is asked about."""

    max_addresses: Annotated[int, Field(ge=1, le=65_536, description="Addresses of one network.")] = 1024


class ReverseDns(Module[dict[str, list[str]]]):
    """Asks for the PTR records of an address, or of every address of a network."""

    face = ModuleFace(
        name="reverse_dns",
        version="1.0.0",
        summary="Finds the names of addresses and sweeps networks for them",
        consumes=(ObservationType.IP, ObservationType.CIDR),
        produces=(ObservationType.HOST, ObservationType.IP, ObservationType.DNS_RECORD),
        invasiveness=Invasiveness.PASSIVE,
        cost_class=CostClass.MEDIUM,
        rate_group="dns",
        concurrency=50,
        data_source="DNS",
        oracle="dig",
    )
    config = ReverseDnsConfig

    async def get(self, observation: Observation, context: Context) -> dict[str, list[str]]:
        """Names by address; addresses without one are left out."""
        names: dict[str, list[str]] = {}
        network: Iterable[Address] = ipaddress.ip_network(observation.value)
        for address in islice(network, context.config.max_addresses):
            if context.is_over:
                break
            if found := await _names_of(address, context):
                names[str(address)] = found
        return names

    def transform(self, observation: Observation, raw: dict[str, list[str]]) -> Iterable[Found]:
        """The names; of a network also the addresses that have one."""
        for address, names in raw.items():
            source = None
            if address != observation.value:
                source = Found(ObservationType.IP, address, consumed=True)
                yield source
            for name in names:
                yield Found(ObservationType.HOST, name, {"address": address}, confidence=0.8, parent=source)


async def _names_of(address: Address, context: Context) -> list[str]:
    try:
        answer = await context.session.query(address.reverse_pointer, "PTR", about=str(address))
    except EgressError as error:
        context.log.debug("%s: %s", address, error)
        return []
    return sorted(name.rstrip(".").lower() for name in answer.records("PTR"))
