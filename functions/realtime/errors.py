"""What can be wrong with a message on a WebSocket."""

from __future__ import annotations

from kernel.errors import Conflict, Invalid, Unauthenticated


class UnknownAction(Invalid):
    """The frame asks for nothing that is known."""

    slug, title = "unknown-action", 'Send {"action": "subscribe" | "unsubscribe" | "ping", "topic": "scan:<id>"}'


class TooManyTopics(Conflict):
    """A connection listens to a bounded number of topics."""

    slug, title = "too-many-topics", "The connection listens to as many topics as it may: unsubscribe from some"


class SessionOver(Unauthenticated):
    """Who opened the connection is no longer logged in."""

    slug, title = "session-over", "The session is over: log in again and reconnect"
