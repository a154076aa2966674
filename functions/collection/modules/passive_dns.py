"""What others have seen names resolve to, and addresses be called: hosts of the past and of today."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import Field, SecretStr

from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType, canonical_host
from functions.collection.module import Context, Found, Module
from functions.collection.providers import FeedConfig, Secret, Url, ask_quietly, items, mapping, text
from kernel.egress.addresses import is_address

MAX_RECORDS = 5_000
_RECORDS = frozenset({"A", "AAAA", "CNAME", "MX", "NS", "TXT", "SOA"})


class PassiveDnsConfig(FeedConfig):
    """Where records are asked for."""

    base_url: Annotated[Url, Field(description="A service that answers as AlienVault OTX does.")] = (
        "https://otx.alienvault.com"
    )
    api_key: Annotated[
        Secret,
        Field(
            description="The service's key; it answers without one, but seldom.", json_schema_extra={"writeOnly": True}
        ),
    ] = SecretStr("")


class PassiveDns(Module[list[dict[str, Any]]]):
    """Asks for all records seen of a domain or an address."""

    face = ModuleFace(
        name="passive_dns",
        version="1.0.0",
        summary="Finds names and addresses by the DNS records that others have seen",
        consumes=(ObservationType.DOMAIN, ObservationType.IP),
        produces=(ObservationType.HOST, ObservationType.DNS_RECORD),
        invasiveness=Invasiveness.PASSIVE,
        rate_group="provider-otx",
        rate_per_second=1.0,
        concurrency=1,
        licence="AlienVault OTX terms of use",
        data_source="AlienVault OTX, passive DNS (API v1)",
    )
    config = PassiveDnsConfig

    async def get(self, observation: Observation, context: Context) -> list[dict[str, Any]]:
        """The records; none when switched off."""
        config: PassiveDnsConfig = context.config
        if not config.enabled:
            return []
        version = "IPv6" if ":" in observation.value else "IPv4"
        kind = version if is_address(observation.value) else "domain"
        key = config.api_key.get_secret_value()
        headers = (("X-OTX-API-KEY", key),) if key else ()
        path = f"/api/v1/indicators/{kind}/{observation.value}/passive_dns"
        found = await ask_quietly(context, config.base_url, path, about=observation.value, headers=headers)
        return items(mapping(found).get("passive_dns"), MAX_RECORDS)

    def transform(self, observation: Observation, raw: list[dict[str, Any]]) -> Iterable[Found]:
        """Names below the domain, or of the address, and the records as they were seen."""
        of_address = is_address(observation.value)
        for record in raw:
            name = canonical_host(text(record.get("hostname"), 253))
            kind, value = text(record.get("record_type"), 10).upper(), text(record.get("address"))
            if (
                not name
                or "." not in name
                or " " in name
                or (not of_address and not _is_below(name, observation.value))
            ):
                continue
            seen = {"first_seen": text(record.get("first"), 40), "last_seen": text(record.get("last"), 40)}
            host = Found(ObservationType.HOST, name, {"from": "passive DNS", **seen}, 0.6)
            yield host
            if kind in _RECORDS and value:
                attributes = {"name": name, "type": kind, "data": value, "passive": True, **seen}
                yield Found(ObservationType.DNS_RECORD, f"{name} {kind} {value}"[:1000], attributes, 0.6, parent=host)


def _is_below(name: str, domain: str) -> bool:
    return name == domain or name.endswith(f".{domain}")
