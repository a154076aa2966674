"""Observations: the facts that a scan gathers, and how each is named."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
from enum import StrEnum
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import msgspec

DEFAULT_PORTS = {"http": 80, "https": 443}
BODY, VALIDATORS, UNCHANGED = "body", "validators", "unchanged_since"
"""Attributes of an answer: where its body is kept (in the scan that fetched it alone); its ETag and Last-Modified, and
the whole of its Content-Type; and, of one that was taken over, when its body was fetched."""
INCIDENTAL = frozenset({BODY, VALIDATORS, UNCHANGED})
"""Attributes that say how something was had and where it is kept, and nothing of what it is."""


class ObservationType(StrEnum):
    """The kinds of fact; a module declares which it consumes and which it produces."""

    DOMAIN = "domain"
    HOST = "host"
    IP = "ip"
    CIDR = "cidr"
    ASN = "asn"
    PORT = "port"
    SERVICE = "service"
    BANNER = "banner"
    SOFTWARE = "software"
    URL = "url"
    HTTP_RESPONSE = "http_response"
    WEB_FORM = "web_form"
    WEB_PARAM = "web_param"
    TECHNOLOGY = "technology"
    CERTIFICATE = "certificate"
    TLS_CONFIG = "tls_config"
    DNS_RECORD = "dns_record"
    MAIL_SERVER = "mail_server"
    EMAIL = "email"
    USERNAME = "username"
    PHONE = "phone"
    SECRET = "secret"  # noqa: S105 - a kind of fact, not a secret
    FILE = "file"
    METADATA = "metadata"
    VULNERABILITY = "vulnerability"
    MISCONFIGURATION = "misconfiguration"
    EXPOSURE = "exposure"
    CLOUD_RESOURCE = "cloud_resource"
    ORGANISATION = "organisation"
    PERSON = "person"


WEAKNESS_TYPES = frozenset({"vulnerability", "misconfiguration", "exposure"})
"""Facts that are weaknesses: each carries `check`, `asset`, `title`, `severity`, `description` and `remedy`."""


class Invasiveness(StrEnum):
    """What a fact cost its subject: nothing, ordinary packets, or packets that may disturb."""

    PASSIVE = "passive"
    ACTIVE = "active"
    INTRUSIVE = "intrusive"


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """One fact, with its provenance. `id` names the same fact the same way on every run of a scan.

    `value` is canonical (see `canonical`), `scope_distance` counts hops outside the scope (0 is inside),
    `confidence` lies in 0..1, `observed_at` is RFC 3339 UTC with milliseconds. `consumed` lists the modules
    that have processed this fact already, so that the planner does not hand it to them again.
    """

    id: str
    type: str
    value: str
    source_id: str
    module: str
    module_version: str
    observed_at: str
    attributes: dict[str, Any] = {}
    scope_distance: int = 0
    confidence: float = 1.0
    invasiveness: str = Invasiveness.PASSIVE.value
    consumed: tuple[str, ...] = ()


def observation_id(scan_id: str, type_: str, value: str, source_id: str) -> str:
    """The id of a fact: `obs_` and 26 base32 characters of BLAKE2b over scan, type, canonical value and source."""
    digest = hashlib.blake2b("\x00".join((scan_id, type_, value, source_id)).encode(), digest_size=16).digest()
    return "obs_" + base64.b32encode(digest).decode().rstrip("=").lower()


def canonical(type_: str, value: str) -> str:
    """The one spelling of a value; a value that cannot be normalised is returned stripped."""
    value = value.strip()
    if type_ in (ObservationType.DOMAIN, ObservationType.HOST, ObservationType.MAIL_SERVER):
        return canonical_host(value)
    if type_ in (ObservationType.IP, ObservationType.CIDR):
        return _canonical_address(value)
    if type_ in (ObservationType.URL, ObservationType.HTTP_RESPONSE):
        return canonical_url(value)
    if type_ == ObservationType.EMAIL:
        local, _, domain = value.rpartition("@")
        return f"{local}@{canonical_host(domain)}" if local else value.lower()
    return value


def canonical_host(name: str) -> str:
    """A DNS name in lower case without its root dot, internationalised labels in their ASCII form."""
    name = name.strip().rstrip(".").lower()
    if name.isascii():
        return name
    try:
        return name.encode("idna").decode()
    except UnicodeError:
        return name


def canonical_url(url: str) -> str:
    """A URL per RFC 3986 section 6.2: scheme and host in lower case, no default port, no fragment, a path."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return url
    host = canonical_host(parts.hostname or "")
    if ":" in host:
        host = f"[{host}]"
    scheme = parts.scheme.lower()
    netloc = host if port in (None, DEFAULT_PORTS.get(scheme)) else f"{host}:{port}"
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=-._~")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=-._~?[]")
    return urlunsplit((scheme, netloc, path, query, ""))


def _canonical_address(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value, strict=False) if "/" in value else ipaddress.ip_address(value))
    except ValueError:
        return value


def derived_id(scan_id: str, known_id: str) -> str:
    """The id of a fact in a scan that took it over from another one, in which it is `known_id`."""
    digest = hashlib.blake2b(f"{scan_id}\x00{known_id}".encode(), digest_size=16).digest()
    return "obs_" + base64.b32encode(digest).decode().rstrip("=").lower()
