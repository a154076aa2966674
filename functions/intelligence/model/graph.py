"""The knowledge graph: entities, relations, and how what several waves say of one thing becomes one thing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from contracts.findings import SEVERITY_ORDER
from functions.intelligence.model.confidence import noisy_or

MAX_OBSERVATION_IDS: Final = 20
MAX_ATTRIBUTES: Final = 32
MAX_ATTRIBUTE_CHARACTERS: Final = 512
MAX_ATTRIBUTE_ITEMS: Final = 32
SORT_CHARACTERS: Final = 256
FALLBACK_RELATION: Final = "leads_to"

RELATIONS: Final[Mapping[tuple[str, str], str]] = {
    ("domain", "domain"): "related_domain",
    ("domain", "host"): "has_host",
    ("domain", "ip"): "resolves_to",
    ("domain", "dns_record"): "has_record",
    ("domain", "mail_server"): "receives_mail_at",
    ("domain", "email"): "has_mailbox",
    ("domain", "organisation"): "registered_to",
    ("host", "host"): "related_host",
    ("host", "ip"): "resolves_to",
    ("host", "port"): "listens_on",
    ("host", "url"): "serves",
    ("host", "dns_record"): "has_record",
    ("host", "certificate"): "presents",
    ("host", "cloud_resource"): "hosted_on",
    ("mail_server", "ip"): "resolves_to",
    ("ip", "host"): "named",
    ("ip", "domain"): "named",
    ("ip", "port"): "listens_on",
    ("ip", "asn"): "announced_by",
    ("ip", "cidr"): "part_of",
    ("cidr", "ip"): "contains",
    ("port", "service"): "runs",
    ("port", "banner"): "answers",
    ("port", "certificate"): "presents",
    ("port", "tls_config"): "negotiates",
    ("port", "url"): "serves",
    ("service", "banner"): "answers",
    ("service", "software"): "runs",
    ("service", "url"): "serves",
    ("service", "certificate"): "presents",
    ("service", "tls_config"): "negotiates",
    ("banner", "software"): "names",
    ("certificate", "host"): "issued_for",
    ("certificate", "domain"): "issued_for",
    ("certificate", "organisation"): "issued_to",
    ("dns_record", "host"): "points_to",
    ("dns_record", "ip"): "points_to",
    ("dns_record", "mail_server"): "points_to",
    ("url", "url"): "links_to",
    ("url", "http_response"): "answers",
    ("url", "web_form"): "has_form",
    ("url", "web_param"): "has_parameter",
    ("url", "technology"): "built_with",
    ("url", "file"): "exposes",
    ("url", "email"): "mentions",
    ("url", "secret"): "leaks",
    ("url", "phone"): "mentions",
    ("http_response", "url"): "links_to",
    ("http_response", "web_form"): "has_form",
    ("http_response", "web_param"): "has_parameter",
    ("http_response", "technology"): "built_with",
    ("http_response", "email"): "mentions",
    ("http_response", "secret"): "leaks",
    ("file", "metadata"): "carries",
    ("software", "vulnerability"): "affected_by",
    ("technology", "vulnerability"): "affected_by",
}
"""What an edge is called, by the types at its ends."""

_WEAKNESS_RELATIONS: Final[Mapping[str, str]] = {
    "vulnerability": "affected_by",
    "misconfiguration": "misconfigured_as",
    "exposure": "exposes",
}


class Entity(msgspec.Struct, array_like=True, gc=False):
    """A node: one (type, value), and all that is known of it.

    `sources` holds the best confidence that each independent source gave. `observations` lists the ids that show
    the entity, at most `MAX_OBSERVATION_IDS` of `count`. `edges_left_out` counts the edges beyond the fan-out cap.
    """

    key: str
    type: str
    value: str
    first_seen: str = ""
    last_seen: str = ""
    sources: dict[str, float] = {}
    attributes: dict[str, Any] = {}
    observations: list[str] = []
    count: int = 0
    distance: int = 0
    risk: str = ""
    edges_left_out: int = 0

    @property
    def confidence(self) -> float:
        """The noisy-or of the independent sources."""
        return noisy_or(self.sources.values())

    @property
    def order(self) -> tuple[str, str, str]:
        """Where the entity stands in a sorted run."""
        return (self.type, self.value[:SORT_CHARACTERS], self.key)

    def absorb(self, later: Entity) -> None:
        """Take in what a later part of the scan says of the same entity. Associative."""
        self.distance = min(self.distance, later.distance)
        self.first_seen, self.last_seen = _span(self, later)
        merge_sources(self.sources, later.sources)
        merge_attributes(self.attributes, later.attributes)
        merge_ids(self.observations, later.observations)
        self.count += later.count
        self.risk = worse(self.risk, later.risk)
        self.edges_left_out += later.edges_left_out
        self.value = max(self.value, later.value, key=len)


class Relation(msgspec.Struct, array_like=True, gc=False):
    """An edge between two entities' keys. Its fields are those of `Entity` of the same name."""

    source: str
    target: str
    name: str
    first_seen: str = ""
    last_seen: str = ""
    sources: dict[str, float] = {}
    observations: list[str] = []
    count: int = 0

    @property
    def confidence(self) -> float:
        """The noisy-or of the independent sources."""
        return noisy_or(self.sources.values())

    @property
    def order(self) -> tuple[str, str, str]:
        """Where the relation stands in a sorted run."""
        return (self.source, self.target, self.name)

    def absorb(self, later: Relation) -> None:
        """Take in what a later part of the scan says of the same relation. Associative."""
        self.first_seen, self.last_seen = _span(self, later)
        merge_sources(self.sources, later.sources)
        merge_ids(self.observations, later.observations)
        self.count += later.count


def fact_digest(type_: str, value: str) -> bytes:
    """16 bytes that name a (type, value): two facts share one only if BLAKE2b collides."""
    return hashlib.blake2b(f"{type_}\0{value}".encode("utf-8", "surrogatepass"), digest_size=16).digest()


def entity_key(type_: str, value: str) -> str:
    """The key of the entity that a fact speaks of: 32 hexadecimal digits."""
    return fact_digest(type_, value).hex()


def relation_name(source_type: str, target_type: str) -> str:
    """What the edge between two types is called."""
    weakness = _WEAKNESS_RELATIONS.get(target_type)
    return RELATIONS.get((source_type, target_type)) or weakness or FALLBACK_RELATION


def worse(one: str, other: str) -> str:
    """The graver of two severities; an empty or unknown one is the least."""
    last = len(SEVERITY_ORDER)
    return one if SEVERITY_ORDER.get(one, last) <= SEVERITY_ORDER.get(other, last) else other


def merge_sources(into: dict[str, float], more: Mapping[str, float]) -> None:
    """Keep each source's best confidence; a source that says it twice says it once."""
    for name, confidence in more.items():
        if confidence > into.get(name, -1.0):
            into[name] = confidence


def merge_attributes(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Fill the gaps, first come first kept, up to `MAX_ATTRIBUTES`; what is too large for a graph stays out."""
    for name, value in more.items():
        if name not in into and len(into) < MAX_ATTRIBUTES and _fits(value):
            into[name] = value


def merge_ids(into: list[str], more: list[str]) -> None:
    """Append ids up to the cap."""
    into.extend(more[: max(0, MAX_OBSERVATION_IDS - len(into))])


def _fits(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_ATTRIBUTE_CHARACTERS
    if isinstance(value, list | tuple):
        short = len(value) <= MAX_ATTRIBUTE_ITEMS
        return short and all(not isinstance(item, list | tuple | dict) and _fits(item) for item in value)
    return value is None or isinstance(value, bool | int | float)


def _span(one: Entity | Relation, other: Entity | Relation) -> tuple[str, str]:
    firsts = [time for time in (one.first_seen, other.first_seen) if time]
    return (min(firsts, default=""), max(one.last_seen, other.last_seen))
