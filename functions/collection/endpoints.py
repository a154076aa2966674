"""Host and port as one text, and back."""

from __future__ import annotations


def endpoint(host: str, port: int) -> str:
    """Host and port as the value of a `port` fact: `192.0.2.1:80`, `[2001:db8::1]:80`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def host_and_port(value: str) -> tuple[str, int]:
    """A `port` fact's value as its parts; a service's value (`ssh://host:22`) likewise. Raises ValueError."""
    host, _, port = value.rpartition("://")[2].rpartition(":")
    return host.strip("[]"), int(port)
