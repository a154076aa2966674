"""The right to scan: stated by a person, kept by the platform."""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from palisade.api import Api


def attest(api: Api, targets: list[str], statement: str) -> list[dict[str, Any]]:
    """State the right to scan each target that is not approved yet; what was stated."""
    known = {item["pattern"] for item in api.listed("/targets", None)["items"] if item["approved"]}
    stated = []
    for pattern in sorted({pattern_of(target) for target in targets} - known):
        body = {"pattern": pattern, "method": "attestation", "statement": statement}
        stated.append(api.post("/targets", body))
    return stated


def pattern_of(target: str) -> str:
    """What a target's right is about: the host of a URL or of `host:port`; a domain, address or network is its own."""
    if "://" in target:
        return urlsplit(target).hostname or target
    if target.startswith("["):
        return target[1:].partition("]")[0]
    return target.partition(":")[0] if target.count(":") == 1 else target


def is_private(target: str) -> bool:
    """Whether a target is an address of this machine or of a private network, which needs no statement where the
    deployment allows such targets at all."""
    pattern = pattern_of(target)
    try:
        network = ipaddress.ip_network(pattern, strict=False)
    except ValueError:
        return pattern == "localhost"
    return network.is_loopback or network.is_private
