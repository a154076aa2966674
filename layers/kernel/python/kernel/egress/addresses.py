"""Which addresses may be dialled.

The tables are explicit, because `ipaddress.is_global` is wrong where it matters: it takes NAT64, 6to4,
multicast and 168.63.129.16 for public. They follow the IANA special-purpose registries for IPv4 and IPv6
and add the metadata services of the clouds.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from kernel.egress.errors import EgressDenied

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Realm(StrEnum):
    """What an address belongs to; a policy opens realms, and `NEVER` cannot be opened."""

    PUBLIC = "public"
    PRIVATE = "private"
    LOOPBACK = "loopback"
    NEVER = "never"


_RULES: tuple[tuple[str, Realm, str], ...] = (
    # Metadata services first: some lie inside ranges that a policy may open.
    ("168.63.129.16/32", Realm.NEVER, "the Azure platform address"),
    ("100.100.100.200/32", Realm.NEVER, "the Alibaba Cloud metadata service"),
    ("fd00:ec2::/32", Realm.NEVER, "the AWS metadata and resolver range"),
    ("fd20:ce::/32", Realm.NEVER, "the Google Cloud metadata range"),
    ("169.254.0.0/16", Realm.NEVER, "link-local, where clouds serve metadata"),
    ("0.0.0.0/8", Realm.NEVER, "this network"),
    ("192.0.0.0/24", Realm.NEVER, "reserved for IETF protocols"),
    ("192.0.2.0/24", Realm.NEVER, "documentation"),
    ("198.51.100.0/24", Realm.NEVER, "documentation"),
    ("203.0.113.0/24", Realm.NEVER, "documentation"),
    ("192.88.99.0/24", Realm.NEVER, "6to4 relay"),
    ("224.0.0.0/4", Realm.NEVER, "multicast"),
    ("240.0.0.0/4", Realm.NEVER, "reserved or broadcast"),
    ("127.0.0.0/8", Realm.LOOPBACK, "loopback"),
    ("10.0.0.0/8", Realm.PRIVATE, "private use"),
    ("172.16.0.0/12", Realm.PRIVATE, "private use"),
    ("192.168.0.0/16", Realm.PRIVATE, "private use"),
    ("100.64.0.0/10", Realm.PRIVATE, "carrier-grade NAT"),
    ("198.18.0.0/15", Realm.PRIVATE, "benchmarking"),
    ("::1/128", Realm.LOOPBACK, "loopback"),
    ("fc00::/7", Realm.PRIVATE, "unique local"),
    ("::/96", Realm.NEVER, "IPv4-compatible or unspecified"),
    ("::ffff:0:0/96", Realm.NEVER, "IPv4-mapped; name the IPv4 address itself"),
    ("::ffff:0:0:0/96", Realm.NEVER, "IPv4-translated"),
    ("64:ff9b::/96", Realm.NEVER, "NAT64"),
    ("64:ff9b:1::/48", Realm.NEVER, "local-use NAT64"),
    ("100::/64", Realm.NEVER, "discard-only"),
    ("2001::/23", Realm.NEVER, "Teredo, ORCHID and other IETF assignments"),
    ("2001:db8::/32", Realm.NEVER, "documentation"),
    ("3fff::/20", Realm.NEVER, "documentation"),
    ("2002::/16", Realm.NEVER, "6to4"),
    ("fe80::/10", Realm.NEVER, "link-local"),
    ("fec0::/10", Realm.NEVER, "site-local"),
    ("ff00::/8", Realm.NEVER, "multicast"),
)
_TABLE: tuple[tuple[Network, Realm, str], ...] = tuple(
    (ipaddress.ip_network(cidr), realm, reason) for cidr, realm, reason in _RULES
)
_GLOBAL_UNICAST_V6 = ipaddress.IPv6Network("2000::/3")


@lru_cache(maxsize=4096)
def classify(address: str) -> tuple[Realm, str]:
    """The realm of an address in canonical text, with the reason in words. Raises `EgressDenied` if it is none."""
    parsed = parse_address(address)
    for network, realm, reason in _TABLE:
        if parsed.version == network.version and parsed in network:
            return realm, reason
    if parsed.version == 6 and parsed not in _GLOBAL_UNICAST_V6:
        return Realm.NEVER, "outside global unicast"
    return Realm.PUBLIC, "public"


def parse_address(text: str) -> Address:
    """The address that `text` spells canonically. Raises `EgressDenied` for anything else, zone ids included."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise EgressDenied(f"{text!r} is not an IP address") from error
    if "%" in text:
        raise EgressDenied(f"{text!r} names a network interface")
    return address


def is_address(host: str) -> bool:
    """Whether a host in its one spelling is an address and not a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Policy:
    """Where a client may connect to.

    `realms` beyond the public one are opened by the deployment. `own_ports` are the ports on which this
    deployment itself listens on loopback or private addresses, `own_hosts` the names under which it is reached:
    neither may be dialled, whatever else is open. Nor may what lies in the networks of `denied`, by whatever name.
    """

    realms: frozenset[Realm] = frozenset()
    own_ports: frozenset[int] = frozenset()
    own_hosts: frozenset[str] = frozenset()
    denied: tuple[Network, ...] = ()

    @classmethod
    def public(cls, own_hosts: Iterable[str] = ()) -> Policy:
        """The public internet alone: webhooks, ServiceNow, and scans in a shared deployment."""
        return cls(own_hosts=frozenset(own_hosts))

    @classmethod
    def scanning(
        cls,
        *,
        loopback: bool = False,
        private: bool = False,
        own_ports: Iterable[int] = (),
        own_hosts: Iterable[str] = (),
    ) -> Policy:
        """For scans: the public internet, and loopback or private ranges where the deployment allows them."""
        opened = {Realm.LOOPBACK: loopback, Realm.PRIVATE: private}
        realms = frozenset(realm for realm, is_open in opened.items() if is_open)
        return cls(realms, frozenset(own_ports), frozenset(own_hosts))

    def check(self, address: str, port: int) -> None:
        """Raises `EgressDenied` unless this address and port may be dialled."""
        if not 1 <= port <= 65535:
            raise EgressDenied(f"port {port} is outside 1..65535")
        realm, reason = classify(address)
        if self.denied and any(parse_address(address) in network for network in self.denied):
            raise EgressDenied(f"address {address} is refused: it lies in a network that is denied")
        if realm is Realm.PUBLIC:
            return
        if realm not in self.realms:
            raise EgressDenied(f"address {address} is refused: {reason}")
        if port in self.own_ports:
            raise EgressDenied(f"{address} port {port} is refused: it belongs to this deployment")

    def check_host(self, host: str) -> None:
        """Raises `EgressDenied` when the name is one of this deployment's own."""
        if host in self.own_hosts:
            raise EgressDenied(f"host {host} is refused: it belongs to this deployment")
