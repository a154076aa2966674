"""Why the egress client did not bring an answer home; each failure has its own type."""

from __future__ import annotations


class EgressError(Exception):
    """Base of every failure of an outbound request."""


class EgressDenied(EgressError):
    """The destination, or the request itself, is refused by policy; nothing was sent."""


class EgressTimeout(EgressError):
    """The time allowed for the request ran out."""


class EgressTooLarge(EgressError):
    """The answer is larger than the caller allowed."""


class EgressUnreachable(EgressError):
    """The destination does not exist, does not answer, or refuses the connection."""


class EgressTlsError(EgressUnreachable):
    """The TLS handshake failed: a certificate that is expired, foreign or for another host, or no common cipher."""


class EgressProtocolError(EgressError):
    """The other side does not speak the protocol, or redirects without end."""
