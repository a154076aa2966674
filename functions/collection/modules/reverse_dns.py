"""Addresses to names."""

from __future__ import annotations

from collections.abc import Iterable

from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.dns_facts import records_of
from functions.collection.module import Context, Found, Module
from functions.collection.session import Answer
from kernel.egress.addresses import parse_address


class ReverseDns(Module[Answer | None]):
    """Asks for the PTR records of an address. A loopback address is the scanner's own and has nothing to tell."""

    face = ModuleFace(
        name="reverse_dns",
        version="1.0.0",
        summary="Finds the names of addresses",
        consumes=(ObservationType.IP,),
        produces=(ObservationType.HOST, ObservationType.DNS_RECORD),
        invasiveness=Invasiveness.PASSIVE,
        rate_group="dns",
        batch_size=500,
        concurrency=100,
        data_source="DNS",
        oracle="dig",
    )

    async def get(self, observation: Observation, context: Context) -> Answer | None:
        """The answer. Raises `EgressError`."""
        address = parse_address(observation.value)
        if address.is_loopback:
            return None
        return await context.session.query(address.reverse_pointer, "PTR", about=observation.value)

    def transform(self, observation: Observation, raw: Answer | None) -> Iterable[Found]:
        """The names, and the records that say so."""
        if raw is None:
            return
        yield from records_of(raw, "PTR")
        for name in raw.records("PTR"):
            yield Found(ObservationType.HOST, name, {"address": observation.value}, confidence=0.8)
