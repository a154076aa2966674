"""The outbound client. Scans, webhooks and connectors reach other people's machines through it and nothing else.

Names are imported when they are first used: most doors ask what is allowed, and few send anything.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
    from kernel.egress.meter import Meter
    from kernel.egress.streams import Connection

_HOMES = {
    "Connection": "streams",
    "DnsSettings": "dns",
    "Egress": "client",
    "EgressDenied": "errors",
    "EgressError": "errors",
    "EgressProtocolError": "errors",
    "EgressTimeout": "errors",
    "EgressTlsError": "errors",
    "EgressTooLarge": "errors",
    "EgressUnreachable": "errors",
    "Limits": "limits",
    "Meter": "meter",
    "Policy": "addresses",
    "Realm": "addresses",
    "Request": "client",
    "Response": "client",
    "careless_context": "client",
}

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
    "Meter",
    "Policy",
    "Realm",
    "Request",
    "Response",
    "careless_context",
]


def __getattr__(name: str) -> Any:
    """A public name, from the module that has it. Raises AttributeError for any other."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
