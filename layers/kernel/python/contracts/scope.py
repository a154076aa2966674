"""Scope: what a scan may touch. Pure, so that planner and worker reach the same verdict."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from pydantic import BaseModel, ConfigDict, Field, field_validator

from contracts.observations import canonical_host

Pattern = Annotated[str, Field(min_length=1, max_length=253)]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
MAX_PATTERNS = 1000
REGEX = "re:"


class Scope(BaseModel):
    """Which hosts belong to a scan. A pattern is a host (`www.example.com`), a domain with everything below it
    (`*.example.com`), an address, a CIDR, or a regular expression for whole names in RE2's syntax
    (`re:db[0-9]+\\.example\\.com`). Deny beats allow; the targets themselves are always allowed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    allow: tuple[Pattern, ...] = Field(default=(), max_length=MAX_PATTERNS)
    deny: tuple[Pattern, ...] = Field(default=(), max_length=MAX_PATTERNS)
    max_distance: Annotated[int, Field(ge=0, le=5)] = 1

    @field_validator("allow", "deny")
    @classmethod
    def _readable(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            if pattern.startswith(REGEX):
                _expression(pattern)
        return patterns


class ScopeProof(msgspec.Struct, frozen=True):
    """Why a host may be sent packets: the pattern that admits it. Every packet-sending task carries one."""

    host: str
    pattern: str


def host_of(value: str) -> str:
    """The host that a fact's value speaks of: of a URL, `host:port`, e-mail address, name, address or CIDR."""
    if "://" in value:
        try:
            return canonical_host(urlsplit(value).hostname or "")
        except ValueError:
            return ""
    value = value.rpartition("@")[2].partition("/")[0]
    if value.startswith("["):
        return value[1:].partition("]")[0]
    return canonical_host(value.partition(":")[0] if value.count(":") == 1 else value)


def prove(scope: Scope, targets: tuple[str, ...], host: str) -> ScopeProof | None:
    """The proof that `host` lies in scope, or None. `targets` are patterns too: a target that is a domain
    admits the names below it."""
    if not host or any(admits(pattern, host) for pattern in scope.deny):
        return None
    for pattern in scope.allow:
        if admits(pattern, host):
            return ScopeProof(host, pattern)
    for target in targets:
        if any(admits(pattern, host) for pattern in target_patterns(target)):
            return ScopeProof(host, target)
    return None


def target_patterns(target: str) -> tuple[str, ...]:
    """What a target admits: a URL or `host:port` its own host alone, a domain also all names below it."""
    if "://" in target or target.count(":") == 1:
        return (host_of(target),)
    if "/" in target or _address(target) or "." not in target:
        return (target,)
    return (target, f"*.{canonical_host(target)}")


def admits(pattern: str, host: str) -> bool:
    """Whether a scope pattern covers a host name or an address."""
    if pattern.startswith(REGEX):
        return bool(_expression(pattern).fullmatch(host))
    address = _address(host)
    if address is not None:
        network = network_of(pattern)
        return network is not None and address.version == network.version and address in network
    pattern = pattern.rstrip(".").lower()
    if pattern.startswith("*."):
        return host.endswith(pattern[1:])
    return host == canonical_host(pattern)


@lru_cache(maxsize=256)
def _expression(pattern: str) -> Any:
    """The regular expression of a pattern. RE2 takes time linear in the name, whatever the expression. Raises
    ValueError."""
    import re2  # type: ignore[import-untyped]  # few scopes have one

    try:
        return re2.compile(pattern.removeprefix(REGEX))
    except re2.error as error:
        raise ValueError(f"{pattern!r} is no regular expression that RE2 reads: {error}") from None


def _address(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def network_of(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """The network (of one address, for an address) that a pattern names, or None."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
