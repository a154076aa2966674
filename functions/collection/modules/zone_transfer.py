"""Name servers that hand out a whole zone to anybody."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from contracts.findings import Severity
from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.dns_facts import records_in
from functions.collection.module import Context, Found, Module
from functions.collection.weakness import misconfiguration
from kernel.egress import EgressError

if TYPE_CHECKING:
    from dns.message import Message

NAMING = frozenset({"A", "AAAA", "CNAME", "MX", "SRV"})
TRANSFER_ALLOWED = misconfiguration(
    "zone-transfer",
    Severity.HIGH,
    "The whole zone can be copied by anybody",
    "A name server answers a zone transfer (AXFR) from any address, which lists every host of the zone, internal "
    "ones included.",
    "Allow transfers only to the secondary servers, by address and TSIG key.",
    "https://www.rfc-editor.org/rfc/rfc5936",
    "https://cwe.mitre.org/data/definitions/200.html",
)


class ZoneTransfer(Module[dict[str, "list[Message]"]]):
    """Asks each server of a zone for a transfer."""

    face = ModuleFace(
        name="zone_transfer",
        version="1.0.0",
        summary="Asks a domain's name servers for the whole zone",
        consumes=(ObservationType.DOMAIN,),
        produces=(ObservationType.DNS_RECORD, ObservationType.HOST, ObservationType.MISCONFIGURATION),
        invasiveness=Invasiveness.ACTIVE,
        rate_group="dns",
        data_source="DNS",
        oracle="dig",
    )

    async def get(self, observation: Observation, context: Context) -> dict[str, list[Message]]:
        """The messages of each server that allowed a transfer."""
        transfers = {}
        for server in await context.session.zone_servers(observation.value):
            try:
                messages = await context.session.transfer(server.endpoint, observation.value)
            except EgressError as error:
                context.log.debug("%s: %s", server.name, error)
                continue
            if messages:
                transfers[server.name] = messages
        return transfers

    def transform(self, observation: Observation, raw: dict[str, list[Message]]) -> Iterable[Found]:
        """Every record and every host of the zone, once, and the weakness."""
        zone = observation.value
        records = {
            found.value: found for messages in raw.values() for message in messages for found in records_in(message)
        }
        yield from records.values()
        owners = {f.attributes["name"] for f in records.values() if f.attributes["type"] in NAMING}
        for name in sorted(owners - {zone}):
            if "*" not in name:
                yield Found(ObservationType.HOST, name)
        if raw:
            yield TRANSFER_ALLOWED.at(zone, {"servers": sorted(raw), "records": len(records)})
