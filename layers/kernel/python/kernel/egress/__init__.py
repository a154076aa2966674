"""The outbound client. Scans, webhooks and connectors reach other people's machines through it and nothing else."""

from kernel.egress.addresses import Policy, Realm
from kernel.egress.client import Egress, Request, Response, careless_context
from kernel.egress.dns import DnsSettings
from kernel.egress.errors import (
    EgressDenied,
    EgressError,
    EgressProtocolError,
    EgressTimeout,
    EgressTlsError,
    EgressTooLarge,
    EgressUnreachable,
)
from kernel.egress.limits import Limits
from kernel.egress.streams import Connection

__all__ = [
    "Connection",
    "DnsSettings",
    "Egress",
    "EgressDenied",
    "EgressError",
    "EgressProtocolError",
    "EgressTimeout",
    "EgressTlsError",
    "EgressTooLarge",
    "EgressUnreachable",
    "Limits",
    "Policy",
    "Realm",
    "Request",
    "Response",
    "careless_context",
]
