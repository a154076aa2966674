"""What this deployment allows the outbound client, read from the function's environment.

`SCAN_REALMS` opens `loopback` and `private` for scans (a laptop; never a shared deployment), `OWN_PORTS` and
`OWN_HOSTS` name where the deployment itself listens, `NAMESERVERS` overrides the resolvers (see DnsSettings.parse).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kernel.egress.addresses import Policy

if TYPE_CHECKING:
    from kernel.egress.dns import DnsSettings


def scan_policy() -> Policy:
    """Where scans may connect to."""
    realms = _words("SCAN_REALMS")
    return Policy.scanning(
        loopback="loopback" in realms,
        private="private" in realms,
        own_ports=[int(port) for port in _words("OWN_PORTS")],
        own_hosts=_words("OWN_HOSTS"),
    )


def partner_policy() -> Policy:
    """Where webhooks and connectors may connect to: as scans do, since both follow what a tenant typed in."""
    return scan_policy()


def dns_settings() -> DnsSettings:
    """The resolvers of this deployment."""
    from kernel.egress.dns import DnsSettings  # those who only ask what is allowed need no resolver

    return DnsSettings.parse(os.environ.get("NAMESERVERS", ""))


def _words(name: str) -> list[str]:
    return [word.strip() for word in os.environ.get(name, "").split(",") if word.strip()]
