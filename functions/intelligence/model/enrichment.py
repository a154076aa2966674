"""What follows from a value itself, without asking anybody: shown beside what was observed, and never stored."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from kernel import clock

Derived = dict[str, Any]


def enriched(type_: str, value: str, attributes: dict[str, Any]) -> Derived:
    """The attributes that follow from an entity; nothing for a value that is not what its type says."""
    derive = _BY_TYPE.get(type_)
    try:
        return derive(value, attributes) if derive else {}
    except ValueError:
        return {}


def _name(value: str, _attributes: Derived) -> Derived:
    labels = value.rstrip(".").split(".")
    found: Derived = {"labels": len(labels), "top_level": labels[-1]}
    if len(labels) > 1:
        found["parent"] = ".".join(labels[1:])
    if any(label.startswith("xn--") for label in labels):
        found["unicode"] = value.encode().decode("idna")
    return found


def _ip(value: str, _attributes: Derived) -> Derived:
    address = ipaddress.ip_address(value)
    network = ipaddress.ip_network(f"{address}/{24 if address.version == 4 else 64}", strict=False)
    return {
        "ip_version": address.version,
        "is_private": address.is_private,
        "network": str(network),
        "reverse_name": address.reverse_pointer,
    }


def _cidr(value: str, _attributes: Derived) -> Derived:
    network = ipaddress.ip_network(value, strict=False)
    return {"ip_version": network.version, "addresses": str(network.num_addresses), "is_private": network.is_private}


def _url(value: str, _attributes: Derived) -> Derived:
    parts = urlsplit(value)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    found: Derived = {"scheme": parts.scheme, "host": parts.hostname, "port": port, "path_depth": parts.path.count("/")}
    if parts.query:
        found["parameters"] = sorted({name for name, _ in parse_qsl(parts.query, keep_blank_values=True)})[:32]
    last = parts.path.rpartition("/")[2]
    if "." in last:
        found["extension"] = last.rpartition(".")[2].lower()[:16]
    return found


def _endpoint(value: str, _attributes: Derived) -> Derived:
    host, _, port = value.rpartition(":")
    return {"host": host.strip("[]"), "port": int(port)}


def _email(value: str, _attributes: Derived) -> Derived:
    local, _, domain = value.rpartition("@")
    return {"mailbox": local, "domain": domain} if local else {}


def _certificate(_value: str, attributes: Derived) -> Derived:
    ends = attributes.get("not_after")
    if not isinstance(ends, str):
        return {}
    left = datetime.fromisoformat(ends) - clock.now()
    return {"days_left": left.days, "is_expired": left.total_seconds() < 0}


def _software(value: str, _attributes: Derived) -> Derived:
    if not value.startswith("cpe:2.3:"):
        return {}
    fields = value.split(":")
    return {"vendor": fields[3], "product": fields[4], "version": fields[5]}


_BY_TYPE: Final[dict[str, Callable[[str, Derived], Derived]]] = {
    "certificate": _certificate,
    "cidr": _cidr,
    "domain": _name,
    "email": _email,
    "host": _name,
    "http_response": _url,
    "ip": _ip,
    "mail_server": _name,
    "port": _endpoint,
    "software": _software,
    "url": _url,
}
