"""Webhooks publish what happens to the endpoints that partners registered."""

from __future__ import annotations

from kernel.events import Event


class WebhookRegistered(Event, context="webhooks"):
    """An endpoint was registered."""

    webhook_id: str
    url: str
    event_types: list[str]


class WebhookChanged(Event, context="webhooks"):
    """An endpoint was changed, or its secret rotated."""

    webhook_id: str
    url: str
    enabled: bool
    rotated: bool = False


class WebhookDisabled(Event, context="webhooks"):
    """The platform gave an endpoint up."""

    webhook_id: str
    url: str
    reason: str


class WebhookDeleted(Event, context="webhooks"):
    """An endpoint was removed."""

    webhook_id: str
    url: str
