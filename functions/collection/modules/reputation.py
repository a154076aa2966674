"""What others say of an address: reports of abuse that came from it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import Field, SecretStr

from contracts.findings import Severity
from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.module import Context, Found, Module
from functions.collection.providers import FeedConfig, Secret, Url, ask_quietly, mapping, text
from functions.collection.weakness import exposure
from kernel.egress.addresses import Realm, classify

REPORTED = exposure(
    "address-reported",
    Severity.MEDIUM,
    "The address is reported for abuse",
    "Others report attacks or spam from the address: a machine behind it may be in the hands of strangers,"
    " and mail from it may be refused.",
    "Look at the machine for traces of an intrusion; ask for the listing to be removed once it is clean.",
    "https://attack.mitre.org/techniques/T1584/",
)


class ReputationConfig(FeedConfig):
    """The service, the key that it asks for, and from which score on an address is worth a finding."""

    base_url: Annotated[Url, Field(description="A service that answers as AbuseIPDB does.")] = (
        "https://api.abuseipdb.com"
    )
    api_key: Annotated[Secret, Field(description="The key of the service.", json_schema_extra={"writeOnly": True})] = (
        SecretStr("")
    )
    least_score: Annotated[int, Field(ge=1, le=100, description="Least confidence of abuse, in per cent.")] = 25
    days: Annotated[int, Field(ge=1, le=365, description="How far reports are looked back at.")] = 90


class Reputation(Module[tuple[dict[str, Any], int]]):
    """Asks about public addresses alone."""

    face = ModuleFace(
        name="reputation",
        version="1.1.0",
        summary="Reads whether an address is reported for abuse (AbuseIPDB)",
        consumes=(ObservationType.IP,),
        produces=(ObservationType.METADATA, ObservationType.ORGANISATION, ObservationType.EXPOSURE),
        invasiveness=Invasiveness.PASSIVE,
        rate_group="provider-abuseipdb",
        rate_per_second=1.0,
        concurrency=1,
        licence="AbuseIPDB terms of service",
        data_source="AbuseIPDB, API v2: check",
    )
    config = ReputationConfig

    async def get(self, observation: Observation, context: Context) -> tuple[dict[str, Any], int]:
        """The report and the score from which on it matters; empty when switched off."""
        config: ReputationConfig = context.config
        key, least = config.api_key.get_secret_value(), config.least_score
        if not config.enabled or classify(observation.value)[0] is not Realm.PUBLIC:
            return {}, least
        if not key:
            context.log.warning("the reputation service asks for a key, and none is set")
            return {}, least
        path = f"/api/v2/check?ipAddress={observation.value.replace(':', '%3A')}&maxAgeInDays={config.days}"
        found = await ask_quietly(context, config.base_url, path, about=observation.value, headers=(("Key", key),))
        return mapping(mapping(found).get("data")), least

    def transform(self, observation: Observation, raw: tuple[dict[str, Any], int]) -> Iterable[Found]:
        """What is said of the address, who holds it, and whether that is bad."""
        data, least = raw
        if not data:
            return
        score = data.get("abuseConfidenceScore")
        score = score if isinstance(score, int) and 0 <= score <= 100 else 0
        reports, reporters = data.get("totalReports"), data.get("numDistinctUsers")
        attributes = {
            "kind": "reputation",
            "score": score,
            "reports": reports if isinstance(reports, int) else 0,
            "reporters": reporters if isinstance(reporters, int) else 0,
            "last_reported": text(data.get("lastReportedAt"), 40),
            "usage": text(data.get("usageType"), 100),
            "country": text(data.get("countryCode"), 2),
            "domain": text(data.get("domain"), 253),
        }
        about = Found(ObservationType.METADATA, f"reputation of {observation.value}", attributes, 0.8)
        yield about
        if text(data.get("isp"), 200):
            yield Found(ObservationType.ORGANISATION, text(data["isp"], 200), {"role": "provider"}, 0.7, parent=about)
        if score >= least and not data.get("isWhitelisted"):
            yield REPORTED.at(observation.value, attributes, confidence=score / 100, parent=about)
