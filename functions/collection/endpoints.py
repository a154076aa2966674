"""Host and port as one text, and back."""

from __future__ import annotations

from contracts.observations import ObservationType
from functions.collection.module import Found
from kernel.egress.errors import EgressDenied


def endpoint(host: str, port: int) -> str:
    """Host and port as the value of a `port` fact: `192.0.2.1:80`, `[2001:db8::1]:80`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def host_and_port(value: str) -> tuple[str, int]:
    """A `port` fact's value as its parts; a service's value (`ssh://host:22`) likewise. Raises `EgressDenied`."""
    host, _, port = value.rpartition("://")[2].rpartition(":")
    if not host or not port.isascii() or not port.isdecimal():
        raise EgressDenied(f"{value[:100]!r} names no port of a host")
    return host.removeprefix("[").removesuffix("]"), int(port[:6])


def place_of(value: str) -> str:
    """Where a `port` or a `service` fact lies: `192.0.2.1:6379`."""
    return value.rpartition("://")[2]


def spoken_at(protocol: str, value: str) -> Found:
    """The `service` fact that a place speaks a protocol, from the module that spoke it there already."""
    place = place_of(value)
    return Found(ObservationType.SERVICE, f"{protocol}://{place}", {"protocol": protocol, "port": place}, consumed=True)
