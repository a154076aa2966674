"""What can be wrong with a webhook."""

from __future__ import annotations

from kernel.errors import Conflict, Invalid


class BadEndpoint(Invalid):
    """The address cannot be called."""

    slug, title = "bad-webhook-url", "The webhook's address cannot be called"


class UnknownEventType(Invalid):
    """The catalogue has no such event."""

    slug, title = "unknown-event-type", "There is no such event type"


class TooManyWebhooks(Conflict):
    """The organisation has as many endpoints as it may."""

    slug, title = "too-many-webhooks", "The organisation has as many webhooks as it may"
