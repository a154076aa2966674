"""What can be wrong with a message on a WebSocket."""

from __future__ import annotations

from kernel.errors import Invalid


class UnknownAction(Invalid):
    """The frame asks for nothing that is known."""

    slug, title = "unknown-action", 'Send {"action": "subscribe" | "unsubscribe" | "ping", "topic": "scan:<id>"}'
