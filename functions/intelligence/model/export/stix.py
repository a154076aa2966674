"""The graph as a STIX 2.1 bundle (OASIS Standard, 10 June 2021).

What STIX has an object for becomes one; the rest becomes a note. What STIX cannot say of an object (our type, our
confidence, who reported it) stands in an extension, by which it is read back as it was. Identifiers are made of what
they name, so that two exports of the same fact are the same object (section 2.9).
"""

from __future__ import annotations

import ipaddress
import json
import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from functions.intelligence.model.graph import Entity, Relation
from kernel import clock

Object = dict[str, Any]

OBSERVABLES: Final = uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
"""The namespace of cyber-observable objects, as the standard gives it."""
OURS: Final = uuid.uuid5(uuid.NAMESPACE_URL, "https://palisade.dev/stix")
EXTENSION: Final = f"extension-definition--{uuid.uuid5(OURS, 'facts')}"
CREATOR: Final = f"identity--{uuid.uuid5(OURS, 'palisade')}"
BORN: Final = "2026-01-01T00:00:00.000Z"
CONTRIBUTING: Final = {
    "autonomous-system": ("number",),
    "network-traffic": ("start", "end", "src_ref", "dst_ref", "src_port", "dst_port", "protocols", "extensions"),
    "software": ("name", "cpe", "swid", "vendor", "version"),
    "user-account": ("account_type", "user_id", "account_login"),
    "x509-certificate": ("hashes", "serial_number"),
}
"""The properties of which an observable's identifier is made, where they are not its value (section 6)."""
_LABEL: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_LOCAL: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_URL: Final = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*://[A-Za-z0-9._-]+(:\d{1,5})?"
    r"(/([A-Za-z0-9._~:/@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)?(\?([A-Za-z0-9._~:/?@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)?"
)
"""What every reader takes for a URL; one that is odder than that becomes a note."""
NETWORK_NAMES: Final = frozenset({"domain", "host", "mail_server"})


def stix(entities: Iterable[Entity], relations: Iterable[Relation], exported_at: str) -> Iterator[str]:
    """The graph as chunks of one bundle. Relations to entities that are not given are left out."""
    yield f'{{"type":"bundle","id":"bundle--{uuid.uuid4()}","objects":['
    yield _text(_creator())
    yield "," + _text(_definition())
    written = {CREATOR, EXTENSION}
    ids: dict[str, str] = {}
    for entity in entities:
        objects = stix_objects(entity, exported_at)
        ids[entity.key] = objects[0]["id"]
        for each in reversed(objects):
            if each["id"] not in written:
                written.add(each["id"])
                yield "," + _text(each)
    for relation in relations:
        ends = ids.get(relation.source), ids.get(relation.target)
        if None not in ends and ends[0] != ends[1]:
            yield "," + _text(_relationship(relation, str(ends[0]), str(ends[1])))
    yield "]}\n"


def stix_objects(entity: Entity, exported_at: str) -> list[Object]:
    """The object that an entity becomes, and those that it refers to."""
    make = _BY_TYPE.get(entity.type, _note)
    try:
        objects = make(entity)
    except ValueError:  # its value is not what its type says
        objects = _note(entity)
    first = objects[0]
    first["extensions"] = {**first.get("extensions", {}), EXTENSION: _facts(entity)}
    for each in objects:
        each["spec_version"] = "2.1"
        each.setdefault("id", _id(each))
        if each["type"] in ("vulnerability", "identity", "note"):
            each |= {"created": entity.first_seen or exported_at, "modified": entity.last_seen or exported_at}
            each["created_by_ref"] = CREATOR
            each["confidence"] = round(entity.confidence * 100)
    return objects


def _facts(entity: Entity) -> Object:
    return {
        "extension_type": "property-extension",
        "fact_type": entity.type,
        "fact_value": entity.value,
        "fact_confidence": round(entity.confidence, 6),
        "fact_risk": entity.risk or "none",
        "fact_first_seen": entity.first_seen,
        "fact_last_seen": entity.last_seen,
        "fact_observations": entity.count,
        "fact_attributes": json.dumps(entity.attributes, sort_keys=True, default=str),
    }


def _name(entity: Entity) -> list[Object]:
    return [{"type": "domain-name", "value": _host(entity.value)}]


def _host(value: str) -> str:
    """A name that RFC 5890 allows. Raises ValueError for another one."""
    labels = value.split(".")
    odd = [label for label in labels if label[2:4] == "--" and not label.lower().startswith("xn--")]
    if odd or len(value) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError(value)
    value.encode().decode("idna")
    return value


def _address(entity: Entity) -> list[Object]:
    return [{"type": f"ipv{ipaddress.ip_network(entity.value, strict=False).version}-addr", "value": entity.value}]


def _asn(entity: Entity) -> list[Object]:
    return [{"type": "autonomous-system", "number": int(entity.value.upper().removeprefix("AS"))}]


def _url(entity: Entity) -> list[Object]:
    if not _URL.fullmatch(entity.value):
        raise ValueError(entity.value)
    host = urlsplit(entity.value).hostname or ""
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        _host(host)
    return [{"type": "url", "value": entity.value}]


def _email(entity: Entity) -> list[Object]:
    local, _, domain = entity.value.rpartition("@")
    if not _LOCAL.fullmatch(local) or "." not in domain:
        raise ValueError(entity.value)
    _host(domain)
    return [{"type": "email-addr", "value": entity.value}]


def _endpoint(entity: Entity) -> list[Object]:
    """A port is traffic to it: that is how STIX speaks of one."""
    host, _, port = entity.value.rpartition(":")
    host = host.strip("[]")
    if not host or not 0 <= int(port) <= 65535:
        raise ValueError(entity.value)
    try:
        target: Object = {"type": f"ipv{ipaddress.ip_address(host).version}-addr", "value": host}
    except ValueError:
        target = {"type": "domain-name", "value": _host(host)}
    target["id"] = _id(target)
    protocol = str(entity.attributes.get("protocol") or "tcp").lower()
    return [
        {
            "type": "network-traffic",
            "dst_ref": target["id"],
            "dst_port": int(port),
            "protocols": [protocol if protocol in ("tcp", "udp", "sctp") else "tcp"],
        },
        target,
    ]


def _software(entity: Entity) -> list[Object]:
    fields = entity.value.split(":")
    if entity.value.startswith("cpe:2.3:") and len(fields) == 13:
        found: Object = {"type": "software", "name": fields[4], "cpe": entity.value, "vendor": fields[3]}
        return [found | ({"version": fields[5]} if fields[5] not in ("*", "-", "") else {})]
    return [{"type": "software", "name": entity.value}]


def _certificate(entity: Entity) -> list[Object]:
    digest = str(entity.attributes.get("sha256") or entity.value)
    if not re.fullmatch(r"[0-9a-fA-F]{64}", digest):
        raise ValueError(entity.value)
    found: Object = {"type": "x509-certificate", "hashes": {"SHA-256": digest}}
    for ours, theirs in (("issuer", "issuer"), ("subject", "subject"), ("serial", "serial_number")):
        if text := entity.attributes.get(ours):
            found[theirs] = str(text)
    for ours, theirs in (("not_before", "validity_not_before"), ("not_after", "validity_not_after")):
        if text := entity.attributes.get(ours):
            found[theirs] = clock.timestamp(clock.parse(str(text)))
    return [found]


def _account(entity: Entity) -> list[Object]:
    return [{"type": "user-account", "account_login": entity.value}]


def _weakness(entity: Entity) -> list[Object]:
    told = entity.attributes
    found: Object = {
        "type": "vulnerability",
        "id": f"vulnerability--{uuid.uuid5(OURS, entity.key)}",
        "name": str(told.get("title") or entity.value),
    }
    if description := told.get("description"):
        found["description"] = str(description)
    known = re.search(r"CVE-\d{4}-\d{4,}", f"{entity.value} {told.get('check', '')}")
    if known:
        found["external_references"] = [{"source_name": "cve", "external_id": known.group()}]
    return [found]


def _identity(kind: str) -> Callable[[Entity], list[Object]]:
    def make(entity: Entity) -> list[Object]:
        id_ = f"identity--{uuid.uuid5(OURS, entity.key)}"
        return [{"type": "identity", "id": id_, "name": entity.value, "identity_class": kind}]

    return make


def _note(entity: Entity) -> list[Object]:
    return [
        {
            "type": "note",
            "id": f"note--{uuid.uuid5(OURS, entity.key)}",
            "abstract": entity.type,
            "content": entity.value or "(empty)",
            "object_refs": [CREATOR],
        }
    ]


_BY_TYPE: Final[dict[str, Callable[[Entity], list[Object]]]] = {
    **dict.fromkeys(NETWORK_NAMES, _name),
    **dict.fromkeys(("ip", "cidr"), _address),
    **dict.fromkeys(("url", "http_response"), _url),
    **dict.fromkeys(("port", "service"), _endpoint),
    **dict.fromkeys(("software", "technology"), _software),
    **dict.fromkeys(("vulnerability", "misconfiguration", "exposure"), _weakness),
    "asn": _asn,
    "certificate": _certificate,
    "email": _email,
    "organisation": _identity("organization"),
    "person": _identity("individual"),
    "username": _account,
}


def _relationship(relation: Relation, source: str, target: str) -> Object:
    """STIX knows few relations between observables; ours are told in the description."""
    resolves = relation.name == "resolves_to" and source.startswith("domain-name--") and "-addr--" in target
    return {
        "type": "relationship",
        "spec_version": "2.1",
        "id": f"relationship--{uuid.uuid5(OURS, '|'.join((source, relation.name, target)))}",
        "created_by_ref": CREATOR,
        "created": relation.first_seen or BORN,
        "modified": relation.last_seen or relation.first_seen or BORN,
        "relationship_type": "resolves-to" if resolves else "related-to",
        "description": relation.name,
        "source_ref": source,
        "target_ref": target,
        "confidence": round(relation.confidence * 100),
    }


def _creator() -> Object:
    return {
        "type": "identity",
        "spec_version": "2.1",
        "id": CREATOR,
        "created": BORN,
        "modified": BORN,
        "name": "Palisade",
        "identity_class": "system",
    }


def _definition() -> Object:
    return {
        "type": "extension-definition",
        "spec_version": "2.1",
        "id": EXTENSION,
        "created_by_ref": CREATOR,
        "created": BORN,
        "modified": BORN,
        "name": "Palisade facts",
        "description": "What a scan knows of an object: its type and value as they were observed, and how sure it is.",
        "schema": "https://palisade.dev/stix/facts.json",
        "version": "1.0.0",
        "extension_types": ["property-extension"],
    }


def _id(observable: Object) -> str:
    """An observable's identifier (section 2.9): of its contributing properties in canonical JSON."""
    named = CONTRIBUTING.get(observable["type"], ("value",))
    parts = {name: observable[name] for name in named if name in observable and name != "extensions"}
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"{observable['type']}--{uuid.uuid5(OBSERVABLES, canonical.encode('utf-8', 'replace').decode())}"


def _text(value: Object) -> str:
    return json.dumps(value, ensure_ascii=True, default=str)
