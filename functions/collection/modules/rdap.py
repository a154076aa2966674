"""Registration data (RDAP, RFC 9083): who holds a domain or a network, since when and until when."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from typing import Annotated, Any

from pydantic import Field

from contracts.findings import Severity
from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.module import Context, Found, Module
from functions.collection.providers import FeedConfig, Url, ask_quietly, items, mapping, text, texts
from functions.collection.weakness import misconfiguration
from kernel.clock import now
from kernel.egress.addresses import is_address

SOON_DAYS = 30
EXPIRES = misconfiguration(
    "domain-expires",
    Severity.HIGH,
    "The registration of the domain ends soon",
    "A domain that is not renewed can be registered by anybody, who then receives its mail and visitors.",
    "Renew the registration, and let it be renewed by itself.",
    "https://cwe.mitre.org/data/definitions/672.html",
)
UNLOCKED = misconfiguration(
    "domain-transfer-unlocked",
    Severity.LOW,
    "The domain can be transferred",
    "No lock keeps the domain from being moved to another registrar.",
    "Ask the registrar to lock it (clientTransferProhibited).",
    "https://www.icann.org/resources/pages/epp-status-codes-2014-06-16-en",
)


class RdapConfig(FeedConfig):
    """Where registration data is asked for."""

    base_url: Annotated[Url, Field(description="An RDAP server, or one that sends on to the right one.")] = (
        "https://rdap.org"
    )


class Rdap(Module[dict[str, Any]]):
    """Asks about registered domains and addresses; names below a domain are not asked about."""

    face = ModuleFace(
        name="rdap",
        version="1.0.0",
        summary="Reads who holds a domain or a network, and until when (RDAP)",
        consumes=(ObservationType.DOMAIN, ObservationType.IP),
        produces=(
            ObservationType.ORGANISATION,
            ObservationType.PERSON,
            ObservationType.EMAIL,
            ObservationType.CIDR,
            ObservationType.METADATA,
            ObservationType.MISCONFIGURATION,
        ),
        invasiveness=Invasiveness.PASSIVE,
        rate_group="provider-rdap",
        rate_per_second=1.0,
        concurrency=2,
        licence="terms of each registry",
        data_source="the registries' RDAP servers (RFC 9083), found through rdap.org",
    )
    config = RdapConfig

    async def get(self, observation: Observation, context: Context) -> dict[str, Any]:
        """The registration, as the server tells it; empty when switched off or unknown."""
        if not context.config.enabled:
            return {}
        kind = "ip" if is_address(observation.value) else "domain"
        path = f"/{kind}/{observation.value}"
        return mapping(await ask_quietly(context, context.config.base_url, path, about=observation.value))

    def transform(self, observation: Observation, raw: dict[str, Any]) -> Iterable[Found]:
        """The registration, who stands in it, and whether it ends soon."""
        if not raw:
            return
        events = {text(e.get("eventAction")): text(e.get("eventDate")) for e in items(raw.get("events"), 50)}
        statuses = sorted({status.lower() for status in texts(raw.get("status"))})
        attributes = {
            "kind": "registration",
            "handle": text(raw.get("handle")),
            "registered": events.get("registration", ""),
            "changed": events.get("last changed", ""),
            "expires": events.get("expiration", ""),
            "status": statuses,
            "name_servers": sorted(text(n.get("ldhName")).lower() for n in items(raw.get("nameservers"), 50)),
            "dnssec": bool(mapping(raw.get("secureDNS")).get("delegationSigned")),
        }
        about = Found(ObservationType.METADATA, f"registration of {observation.value}", attributes)
        yield about
        yield from _networks(raw, about)
        for entity in items(raw.get("entities"), 50):
            yield from _entity(entity, about, 0)
        if observation.type == ObservationType.DOMAIN:
            yield from _weaknesses(observation.value, attributes, about)


def _networks(raw: dict[str, Any], about: Found) -> Iterator[Found]:
    for block in items(raw.get("cidr0_cidrs"), 20):
        prefix = text(block.get("v4prefix")) or text(block.get("v6prefix"))
        if prefix and isinstance(block.get("length"), int):
            attributes = {"name": text(raw.get("name")), "country": text(raw.get("country"))}
            yield Found(ObservationType.CIDR, f"{prefix}/{block['length']}", attributes, parent=about)


def _entity(entity: dict[str, Any], about: Found, depth: int) -> Iterator[Found]:
    """Whoever stands in a registration, by the fields of a vCard (RFC 7095); those behind others included."""
    fields = _vcard(entity)
    roles = sorted(set(texts(entity.get("roles"))))
    organisation = fields.get("org") or (fields.get("fn", "") if fields.get("kind") == "org" else "")
    if organisation:
        yield Found(ObservationType.ORGANISATION, organisation, {"roles": roles}, 0.9, parent=about)
    elif fields.get("fn"):
        yield Found(ObservationType.PERSON, fields["fn"], {"roles": roles}, 0.7, parent=about)
    if "@" in fields.get("email", ""):
        yield Found(ObservationType.EMAIL, fields["email"], {"roles": roles}, 0.9, parent=about)
    for inner in items(entity.get("entities"), 20) if depth < 3 else ():
        yield from _entity(inner, about, depth + 1)


def _vcard(entity: dict[str, Any]) -> dict[str, str]:
    array = entity.get("vcardArray")
    rows = array[1] if isinstance(array, list) and len(array) == 2 and isinstance(array[1], list) else []
    found: dict[str, str] = {}
    for row in rows[:100]:
        if isinstance(row, list) and len(row) >= 4 and isinstance(row[0], str):
            value = row[3][0] if isinstance(row[3], list) and row[3] else row[3]
            found.setdefault(row[0].lower(), text(value, 200))
    return found


def _weaknesses(domain: str, attributes: dict[str, Any], about: Found) -> Iterator[Found]:
    days = _days_until(attributes["expires"])
    if days is not None and days <= SOON_DAYS:
        yield EXPIRES.at(domain, {"expires": attributes["expires"], "days": days}, parent=about)
    statuses = "".join(attributes["status"]).replace(" ", "")
    if attributes["status"] and "transferprohibited" not in statuses:
        yield UNLOCKED.at(domain, {"status": attributes["status"]}, confidence=0.8, parent=about)


def _days_until(moment: str) -> int | None:
    try:
        return (datetime.datetime.fromisoformat(moment).astimezone(datetime.UTC) - now()).days
    except ValueError:
        return None
