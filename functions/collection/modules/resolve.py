"""Names to addresses."""

from __future__ import annotations

from collections.abc import Iterable

from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.dns_facts import records_of
from functions.collection.module import Context, Found, Module
from functions.collection.session import Answer


class Resolve(Module[list[Answer]]):
    """Asks the resolver for a name's A and AAAA records; aliases on the way are facts too."""

    face = ModuleFace(
        name="resolve",
        version="1.0.0",
        summary="Resolves names to IPv4 and IPv6 addresses and follows aliases",
        consumes=(ObservationType.DOMAIN, ObservationType.HOST, ObservationType.MAIL_SERVER),
        produces=(ObservationType.IP, ObservationType.HOST, ObservationType.DNS_RECORD),
        invasiveness=Invasiveness.PASSIVE,
        rate_group="dns",
        batch_size=500,
        concurrency=100,
        data_source="DNS",
        oracle="dig",
    )

    async def get(self, observation: Observation, context: Context) -> list[Answer]:
        """The answers for A and AAAA."""
        return [await context.session.query(observation.value, record_type) for record_type in ("A", "AAAA")]

    def transform(self, observation: Observation, raw: list[Answer]) -> Iterable[Found]:
        """Addresses, aliases, and the records that say so."""
        for answer in raw:
            yield from records_of(answer, "A", "AAAA", "CNAME")
            for alias in answer.aliases:
                yield Found(ObservationType.HOST, alias, {"alias_of": observation.value})
            for address in answer.addresses:
                yield Found(ObservationType.IP, address)
