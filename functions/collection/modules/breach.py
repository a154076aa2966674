"""Addresses of a domain in known breaches of other services."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field, SecretStr

from contracts.findings import Severity
from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.module import Context, Found, Module
from functions.collection.providers import FeedConfig, Secret, Url, ask_quietly, items, mapping, text, texts
from functions.collection.weakness import Check, exposure

MAX_ALIASES = 2_000
MAX_BREACHES = 100
BREACHED = exposure(
    "address-in-breach", Severity.MEDIUM, "An address of the domain is in a known breach",
    "The address, with what else the breached service knew, is in the hands of strangers. A password used there may be"
    " tried elsewhere.",
    "Have the person change every password like it, and ask for a second factor.",
    "https://attack.mitre.org/techniques/T1589/",
)  # fmt: skip
WITH_PASSWORD = exposure(
    "password-in-breach", Severity.HIGH, "A password of somebody at the domain is in a known breach",
    "A breached service lost passwords together with the address. It will be tried at every log-in of the domain.",
    "Have the person change every password like it, and ask for a second factor.",
    "https://attack.mitre.org/techniques/T1110/004/",
)  # fmt: skip


class BreachConfig(FeedConfig):
    """The service, and the key that it asks for. The domain must have been proven to the service."""

    base_url: Annotated[Url, Field(description="A service that answers as Have I Been Pwned does.")] = (
        "https://haveibeenpwned.com"
    )
    api_key: Annotated[Secret, Field(description="The key of the service.", json_schema_extra={"writeOnly": True})] = (
        SecretStr("")
    )


@dataclass(frozen=True, slots=True)
class Breaches:
    """Breaches by the part of an address before the `@`, and what is known of each breach."""

    by_alias: dict[str, list[str]] = field(default_factory=dict)
    known: dict[str, dict[str, Any]] = field(default_factory=dict)


class Breach(Module[Breaches]):
    """Asks for all addresses of a domain at once; single addresses are never asked about."""

    face = ModuleFace(
        name="breach",
        version="1.1.0",
        summary="Finds addresses of a domain in known breaches (Have I Been Pwned)",
        consumes=(ObservationType.DOMAIN,),
        produces=(ObservationType.EMAIL, ObservationType.EXPOSURE),
        invasiveness=Invasiveness.PASSIVE,
        rate_group="provider-hibp",
        rate_per_second=0.15,
        concurrency=1,
        licence="Have I Been Pwned terms; breach descriptions CC BY 4.0",
        data_source="Have I Been Pwned, API v3: breached domain, breaches",
    )
    config = BreachConfig

    async def get(self, observation: Observation, context: Context) -> Breaches:
        """The breaches; none when switched off or without a key."""
        config: BreachConfig = context.config
        key = config.api_key.get_secret_value()
        if not config.enabled:
            return Breaches()
        if not key:
            context.log.warning("the breach service asks for a key, and none is set")
            return Breaches()
        headers, about = (("hibp-api-key", key),), observation.value
        found = await ask_quietly(
            context, config.base_url, f"/api/v3/breacheddomain/{about}", about=about, headers=headers
        )
        by_alias = {
            alias: texts(names, MAX_BREACHES)
            for alias, names in list(mapping(found).items())[:MAX_ALIASES]
            if texts(names)
        }
        if not by_alias:
            return Breaches()
        listed = items(await ask_quietly(context, config.base_url, "/api/v3/breaches", about=about))
        return Breaches(by_alias, {text(entry.get("Name")): entry for entry in listed})

    def transform(self, observation: Observation, raw: Breaches) -> Iterable[Found]:
        """Each address, and the exposure that its breaches are: graver where passwords were lost."""
        for alias, names in sorted(raw.by_alias.items()):
            address = f"{alias}@{observation.value}"
            lost = sorted({item for name in names for item in texts(mapping(raw.known.get(name)).get("DataClasses"))})
            email = Found(ObservationType.EMAIL, address, {"from": "breach"}, 0.8)
            yield email
            check: Check = WITH_PASSWORD if "Passwords" in lost else BREACHED
            evidence = {
                "count": len(names),
                "breaches": [
                    {"name": name, "date": text(mapping(raw.known.get(name)).get("BreachDate"))}
                    for name in sorted(names)
                ],
                "lost": lost,
            }
            yield check.at(address, evidence, confidence=0.9, parent=email)
