"""When two entities are one thing: declared rules, each with the reason that it gives.

An entity offers keys by the rules of its type. Two that offer the same key are one, if the rule asks for nothing
more; names are one only when their addresses do not contradict each other.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from contracts.observations import canonical
from functions.intelligence.model.graph import entity_key

Attributes = Mapping[str, Any]


class Rule(NamedTuple):
    """Entities of these types that offer the same key are one, `why`. With `by_address` they must also have an
    address in common, unless one of them has none."""

    name: str
    types: frozenset[str]
    key: Callable[[str, str, Attributes], str | None]
    why: str
    by_address: bool = False


def _host_name(_type: str, value: str, _attributes: Attributes) -> str | None:
    return canonical("host", value) or None


def _address(_type: str, value: str, _attributes: Attributes) -> str | None:
    try:
        address = ipaddress.ip_address(value.strip())
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def _certificate(_type: str, value: str, attributes: Attributes) -> str | None:
    issuer, serial = attributes.get("issuer"), attributes.get("serial")
    if issuer and serial:
        return f"{issuer}\0{str(serial).lower().lstrip('0')}"
    digits = value.replace(":", "").replace(" ", "").lower()
    return digits if len(digits) == 64 and all(digit in "0123456789abcdef" for digit in digits) else None


def _spelling(type_: str, value: str, _attributes: Attributes) -> str | None:
    return canonical(type_, value)


SAME_SPELLING: Final = Rule(
    "same-spelling",
    frozenset({"url", "http_response", "email", "cidr"}),
    _spelling,
    "Their values are the same in canonical form (RFC 3986, section 6.2, or that of their type).",
)
RULES: Final = (
    Rule(
        "same-name-and-address",
        frozenset({"domain", "host", "mail_server"}),
        _host_name,
        "They have the same name, and no different addresses.",
        by_address=True,
    ),
    Rule("same-address", frozenset({"ip"}), _address, "They are spellings of one address (RFC 4291, section 2.5.5)."),
    Rule(
        "same-certificate",
        frozenset({"certificate"}),
        _certificate,
        "Their issuer and serial number, which name a certificate (RFC 5280, section 4.1.2.2), or their fingerprints "
        "are the same.",
    ),
    SAME_SPELLING,
)
"""What makes two entities one."""


class Merge(NamedTuple):
    """That one node is the same as another one, by which rule."""

    node: int
    other: int
    rule: str


class Identities:
    """Finds which nodes are one. Offer every node, then ask with the addresses that nodes resolve to."""

    def __init__(self) -> None:
        self._offered: dict[tuple[str, str], list[int]] = {}
        self._odd: list[tuple[int, str, str]] = []

    def offer(self, node: int, type_: str, value: str, attributes: Attributes) -> None:
        """The next node; values longer than a name can be are not compared."""
        for rule in RULES:
            if type_ in rule.types and (key := rule.key(type_, value, attributes)):
                if rule is not SAME_SPELLING:
                    self._offered.setdefault((rule.name, key), []).append(node)
                elif key != value:  # which is rare: what is spelt as it should be is found by its entity's key
                    self._odd.append((node, type_, key))

    def merges(self, addresses: Callable[[int], frozenset[str]], node_of: Callable[[str], int | None]) -> list[Merge]:
        """Each node that is the same as another one, with that one; `node_of` finds a node by its entity's key."""
        rules = {rule.name: rule for rule in RULES}
        found: list[Merge] = []
        for (name, _), nodes in self._offered.items():
            if len(nodes) > 1:
                found += _grouped(nodes, rules[name], addresses)
        spelt: dict[str, int] = {}
        for node, type_, value in self._odd:
            other = node_of(entity_key(type_, value))
            other = spelt.setdefault(type_ + value, node) if other is None else other
            if other != node:
                found.append(Merge(node, other, SAME_SPELLING.name))
        return sorted(found)


def _grouped(nodes: list[int], rule: Rule, addresses: Callable[[int], frozenset[str]]) -> list[Merge]:
    if not rule.by_address:
        return [Merge(node, nodes[0], rule.name) for node in nodes[1:]]
    groups: list[tuple[int, set[str]]] = []
    found = []
    for node in nodes:
        own = addresses(node)
        fitting = [group for group in groups if not own or not group[1] or own & group[1]]
        if not fitting:
            groups.append((node, set(own)))
            continue
        first, known = fitting[0]
        known |= own
        found.append(Merge(node, first, rule.name))
    return found
