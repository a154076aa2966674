"""STIX 2.1 bundles: our own, which are read back as they were, and those of others."""

from __future__ import annotations

import re
from typing import Any, Final

from functions.intelligence.model.export.stix import CREATOR, EXTENSION
from functions.intelligence.model.imports.items import Fault, Faulty, Reading, json_of, text_of

Object = dict[str, Any]
SILENT: Final = frozenset({"extension-definition", "marking-definition", "relationship", "bundle", "language-content"})
_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,249}--[0-9a-fA-F-]{36}")


def read_stix(body: bytes, reading: Reading) -> None:
    """A bundle. What has no counterpart here is counted and left out. Raises Faulty."""
    bundle = json_of(text_of(body))
    if not isinstance(bundle, dict) or bundle.get("type") != "bundle" or not isinstance(bundle.get("objects"), list):
        raise Faulty([Fault(1, "This is no STIX bundle: an object of type 'bundle' with a list of 'objects'.")])
    by_id: dict[str, Object] = {}
    for number, each in enumerate(bundle["objects"], 1):
        if not isinstance(each, dict) or not _ID.fullmatch(str(each.get("id"))):
            reading.fault(number, "An object has a STIX identifier (type--UUID).")
        elif each.get("spec_version") == "2.0" or "objects" in each:
            reading.fault(number, "This is STIX 2.0; 2.1 is read.")
        else:
            by_id[each["id"]] = each
    for number, each in enumerate(bundle["objects"], 1):
        if isinstance(each, dict) and str(each.get("id")) in by_id:
            _take(number, each, by_id, reading)
    for each in by_id.values():
        if each.get("type") == "relationship":
            reading.lead(str(each.get("source_ref")), str(each.get("target_ref")))


def _take(number: int, each: Object, by_id: dict[str, Object], reading: Reading) -> None:
    kind = str(each.get("type"))
    if kind in SILENT or each["id"] == CREATOR:
        return
    fact = _ours(each, reading, number) or _theirs(each, kind, by_id)
    if fact is None:
        reading.skip(kind)
        return
    type_, value, attributes = fact
    extension = _extension(each)
    seen = extension.get("fact_last_seen") or each.get("modified") or ""
    reading.add(
        number,
        type_,
        value,
        name=each["id"],
        observed_at=reading.time(number, str(seen)),
        module="stix",
        confidence=_confidence(each, extension),
        attributes=attributes,
    )


def _ours(each: Object, reading: Reading, number: int) -> tuple[str, str, Object] | None:
    """The fact that our own extension tells of."""
    extension = _extension(each)
    if not extension:
        return None
    try:
        attributes = json_of(str(extension.get("fact_attributes") or "{}"))
    except Faulty as faulty:
        reading.fault(number, f"The attributes cannot be read. {faulty}")
        attributes = {}
    told = attributes if isinstance(attributes, dict) else {}
    return str(extension.get("fact_type")), str(extension.get("fact_value")), told


def _extension(each: Object) -> Object:
    extensions = each.get("extensions")
    extension = extensions.get(EXTENSION) if isinstance(extensions, dict) else None
    return extension if isinstance(extension, dict) else {}


def _theirs(each: Object, kind: str, by_id: dict[str, Object]) -> tuple[str, str, Object] | None:
    value = each.get("value")
    match kind:
        case "domain-name" if isinstance(value, str):
            return "domain", value, {}
        case "ipv4-addr" | "ipv6-addr" if isinstance(value, str):
            return ("cidr" if "/" in value else "ip"), value, {}
        case "url" if isinstance(value, str):
            return "url", value, {}
        case "email-addr" if isinstance(value, str):
            return "email", value, {}
        case "autonomous-system" if isinstance(each.get("number"), int):
            return "asn", f"AS{each['number']}", _texts(each, "name", "rir")
        case "network-traffic":
            return _endpoint(each, by_id)
        case "software":
            return _named(each, "software", "cpe", "name", "vendor", "version")
        case "user-account":
            return _named(each, "username", "account_login", "user_id", "display_name")
        case "x509-certificate":
            return _certificate(each)
        case "file":
            return _named(each, "file", "name")
        case "vulnerability":
            return _vulnerability(each)
        case "identity":
            type_ = "person" if each.get("identity_class") == "individual" else "organisation"
            return _named(each, type_, "name", "description")
    return None


def _endpoint(each: Object, by_id: dict[str, Object]) -> tuple[str, str, Object] | None:
    target = by_id.get(str(each.get("dst_ref")), {})
    host, port = target.get("value"), each.get("dst_port")
    if not isinstance(host, str) or not isinstance(port, int):
        return None
    protocols = each.get("protocols")
    protocol = str(protocols[0]) if isinstance(protocols, list) and protocols else "tcp"
    return "port", f"[{host}]:{port}" if ":" in host else f"{host}:{port}", {"protocol": protocol}


def _certificate(each: Object) -> tuple[str, str, Object] | None:
    hashes = each.get("hashes")
    digest = hashes.get("SHA-256") if isinstance(hashes, dict) else None
    value = digest or each.get("serial_number")
    if not isinstance(value, str):
        return None
    told = _texts(each, "issuer", "subject")
    serial = each.get("serial_number")
    return "certificate", value.lower(), told | ({"serial": str(serial)} if serial else {})


def _vulnerability(each: Object) -> tuple[str, str, Object] | None:
    name = each.get("name")
    if not isinstance(name, str):
        return None
    references = each.get("external_references")
    known = [
        str(one["external_id"])
        for one in (references if isinstance(references, list) else ())
        if isinstance(one, dict) and one.get("external_id")
    ]
    told = {"check": known[0] if known else name, "asset": name, "title": name, "severity": "info"}
    return "vulnerability", known[0] if known else name, told | _texts(each, "description")


def _named(each: Object, type_: str, *fields: str) -> tuple[str, str, Object] | None:
    """A thing whose value is the first of these fields that it has."""
    value = next((each[field] for field in fields if isinstance(each.get(field), str) and each[field]), None)
    return (type_, value, _texts(each, *fields)) if value else None


def _texts(each: Object, *fields: str) -> Object:
    return {field: each[field] for field in fields if isinstance(each.get(field), str)}


def _confidence(each: Object, extension: Object) -> float:
    own, theirs = extension.get("fact_confidence"), each.get("confidence")
    if isinstance(own, int | float) and not isinstance(own, bool):
        return float(own)
    return theirs / 100 if isinstance(theirs, int) and 0 <= theirs <= 100 else 1.0
