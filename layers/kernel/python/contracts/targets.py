"""Targets: what a person may name for a scan, read strictly. An odd spelling is refused, never guessed."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

import msgspec

from contracts.observations import DEFAULT_PORTS, ObservationType, canonical, canonical_host

MAX_TARGET = 2048
MAX_CIDR_HOSTS = 65_536
_LABEL = re.compile(r"^(?!-)[a-z0-9_-]{1,63}(?<!-)$")
_NUMERIC = re.compile(r"^(0x[0-9a-f]+|[0-9.]+)$")
_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:")
_AWS_ACCOUNT = re.compile(r"^aws:\d{12}$")


class Target(msgspec.Struct, frozen=True):
    """A target as the first wave sees it: an observation's type and canonical value, and whom it speaks of."""

    type: str
    value: str
    host: str
    port: int | None = None


def parse(text: str) -> Target:
    """Read a domain, an address, a CIDR, `host:port`, an http(s) URL, or an AWS account (`aws:123456789012`).

    Raises ValueError that says what is wrong, for numbers that only look like addresses (`0x7f000001`, `127.1`),
    addresses that hide another one (`::ffff:…`, NAT64, 6to4), user info, and anything else.
    """
    text = text.strip()
    if not text or len(text) > MAX_TARGET or not text.isprintable() or any(c.isspace() for c in text):
        raise ValueError("a target has no spaces or control characters and at most 2,048 characters")
    if _AWS_ACCOUNT.match(text):  # it names no host: nothing is sent to it, its settings are read
        return Target(ObservationType.CLOUD_RESOURCE, text, "aws")
    if "://" in text:
        return _url(text)
    if "/" in text:
        return _cidr(text)
    if text.startswith("[") or text.count(":") == 1:
        return _host_and_port(text)
    return _host(text)


def _url(text: str) -> Target:
    parts = urlsplit(text)
    if parts.scheme.lower() not in ("http", "https"):
        raise ValueError("a URL must begin with http:// or https://")
    if "@" in parts.netloc or "\\" in text:
        raise ValueError("a URL must not carry user information")
    host = _host(parts.hostname or "").host
    value = canonical(ObservationType.URL, text)
    return Target(ObservationType.URL, value, host, _port(parts.port) or DEFAULT_PORTS[parts.scheme.lower()])


def _cidr(text: str) -> Target:
    try:
        network = ipaddress.ip_network(text, strict=True)
    except ValueError as error:
        raise ValueError(f"not a network: {error}") from None
    if network.num_addresses > MAX_CIDR_HOSTS:
        raise ValueError(f"a network has at most {MAX_CIDR_HOSTS:,} addresses; split it")
    _no_hidden_address(network.network_address)
    return Target(ObservationType.CIDR, str(network), str(network.network_address))


def _host_and_port(text: str) -> Target:
    parts = urlsplit(f"//{text}")
    port = _port(parts.port)
    if port is None:
        raise ValueError("a port must follow the colon")
    host = _host(parts.hostname or "").host
    return Target(ObservationType.PORT, f"[{host}]:{port}" if ":" in host else f"{host}:{port}", host, port)


def _host(text: str) -> Target:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        name = _name(text)
        return Target(ObservationType.DOMAIN, name, name)
    _no_hidden_address(address)
    return Target(ObservationType.IP, str(address), str(address))


def _name(text: str) -> str:
    name = canonical_host(text)
    labels = name.split(".")
    if not name or len(name) > 253 or not all(_LABEL.match(label) for label in labels):
        raise ValueError("not a domain name, address, network or URL")
    if _NUMERIC.match(name) or _NUMERIC.match(labels[-1]) or (not text.isascii() and _folds_to_digits(text)):
        raise ValueError("a number is not an address; write addresses as four numbers or in IPv6 form")
    if len(labels) == 1 and name != "localhost":
        raise ValueError("a name needs at least two labels")
    return name


def _folds_to_digits(text: str) -> bool:
    """Whether a name is made of digits in disguise, such as circled ones."""
    return all(char.isnumeric() or char in ".。．" for char in text)  # noqa: RUF001 - full stops of other scripts


def _no_hidden_address(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if isinstance(address, ipaddress.IPv6Address):
        hidden = address.ipv4_mapped or address.sixtofour or address.teredo
        nat64 = address in ipaddress.ip_network("64:ff9b::/96")
        compatible = int(address) < 2**32 and int(address) > 1
        if hidden or nat64 or compatible:
            raise ValueError("the IPv6 address hides an IPv4 address; name that one")
    if address.is_loopback:
        return
    if address.is_unspecified or address.is_multicast or address.is_reserved or address == _BROADCAST:
        raise ValueError("the address does not belong to a host")


def _port(port: int | None) -> int | None:
    if port is not None and not 1 <= port <= 65_535:
        raise ValueError("a port lies between 1 and 65,535")
    return port


_BROADCAST = ipaddress.IPv4Address("255.255.255.255")
