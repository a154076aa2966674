"""Webhooks: endpoints, deliveries, signatures and the rhythm of retries. Pure.

Signatures follow the Standard Webhooks specification 1.0 (HMAC-SHA256 over `id.timestamp.body`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from kernel import clock
from kernel.records import Hidden, Record, Resource

SECRET_PREFIX = "whsec_"  # noqa: S105 - the specification's prefix of a secret
SECRET_BYTES = 32
DELAYS = (0, 5, 300, 1800, 7200, 18_000, 36_000, 36_000)
"""Seconds before each attempt; with them a delivery is tried for about 27 hours and a half."""
JITTER = 0.2
MAX_RETRY_AFTER = 86_400
GIVE_UP_AFTER = timedelta(days=5)
ROTATION = timedelta(hours=24)
KEPT_DAYS = 30
GONE = 410
EVERY = "*"


class DeliveryStatus(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    RETRYING = "retrying"
    FAILED = "failed"


class Webhook(Record, pk="TENANT#{tenant_id}#WEBHOOKS", sk="WEBHOOK#{webhook_id}"):
    """An endpoint of a partner. The secrets are enveloped; the older one is still signed with while rotating."""

    location: ClassVar[str | None] = "/webhooks/{webhook_id}"

    webhook_id: str
    url: str
    description: str = ""
    event_types: tuple[str, ...] = Field(description='Event types, such as `ScanEnded.v1`; `["*"]` for all.')
    enabled: bool = True
    disabled_reason: str | None = None
    created_by: str
    created_at: str
    secret: Hidden[str] = ""
    old_secret: Hidden[str | None] = None
    old_secret_until: Hidden[str | None] = None
    failing_since: str | None = None

    def wants(self, event_type: str) -> bool:
        """Whether an event goes to this endpoint."""
        return self.enabled and (EVERY in self.event_types or event_type in self.event_types)

    def rotate(self, sealed: str) -> None:
        """Sign with a new secret, and for a day with the old one too."""
        self.old_secret, self.secret = self.secret, sealed
        self.old_secret_until = clock.timestamp(clock.now() + ROTATION)

    def current_secrets(self) -> list[tuple[str, str]]:
        """Field and ciphertext of each secret to sign with, the newest first."""
        found = [("secret", self.secret)]
        if self.old_secret and self.old_secret_until and clock.parse(self.old_secret_until) > clock.now():
            found.append(("secret", self.old_secret))
        return found

    def record_outcome(self, outcome: Outcome) -> str | None:
        """Take in an attempt's outcome; why the endpoint is disabled by it, if it is. It is disabled once."""
        if outcome.delivered:
            self.failing_since = None
            return None
        self.failing_since = self.failing_since or clock.timestamp()
        if not self.enabled:
            return None
        if outcome.status == GONE:
            return self._disable("The endpoint answered 410 Gone.")
        if clock.now() - clock.parse(self.failing_since) > GIVE_UP_AFTER:
            return self._disable("The endpoint has failed for five days.")
        return None

    def _disable(self, reason: str) -> str:
        self.enabled, self.disabled_reason = False, reason
        return reason


class NewWebhook(Webhook):
    """An endpoint just registered, with the secret that is shown this once."""

    confidential: ClassVar[bool] = True

    signing_secret: str = Field(description="Verifies the signatures; it is not shown again.")


class Attempt(Resource):
    """One try."""

    at: str
    status: int | None = Field(default=None, description="HTTP status; absent when there was no answer.")
    error: str | None = None
    milliseconds: int


class Delivery(Record, pk="TENANT#{tenant_id}#WEBHOOKS#{webhook_id}", sk="DELIVERY#{event_id}"):
    """One event on its way to one endpoint. Its key is the event's, so that an event seen twice is sent once."""

    webhook_id: str
    event_id: str
    event_type: str
    status: DeliveryStatus = DeliveryStatus.PENDING
    created_at: str
    attempts: list[Attempt] = Field(default_factory=list)
    next_attempt_at: str | None = None
    payload: Hidden[str]


class Outcome(Resource):
    """How an attempt ended."""

    status: int | None = None
    error: str | None = None
    retry_after: int | None = None
    milliseconds: int = 0

    @property
    def delivered(self) -> bool:
        """Whether the endpoint has acknowledged; a redirect has not."""
        return self.status is not None and 200 <= self.status < 300


def new_secret() -> str:
    """A signing secret."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signature(secret: str, message_id: str, at: int, body: str) -> str:
    """The signature of a message, as one element of the `webhook-signature` header."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    digest = hmac.digest(key, f"{message_id}.{at}.{body}".encode(), hashlib.sha256)
    return "v1," + base64.b64encode(digest).decode()


def headers(signing: list[str], message_id: str, at: datetime, body: str) -> dict[str, str]:
    """The headers of a delivery, signed with every secret that is current."""
    seconds = int(at.timestamp())
    return {
        "content-type": "application/json",
        "user-agent": "Palisade-Webhooks/1.0",
        "webhook-id": message_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(signature(secret, message_id, seconds, body) for secret in signing),
    }


def next_delay(attempts: int, spread: float, retry_after: int | None = None) -> float | None:
    """Seconds to wait after `attempts` tries, or None when there is none left.

    `spread` in 0..1 places the try within the jitter; a Retry-After of the endpoint can lengthen the wait, up to a day.
    """
    if attempts >= len(DELAYS):
        return None
    delay = DELAYS[attempts] * (1 + JITTER * spread)
    return max(delay, min(retry_after or 0, MAX_RETRY_AFTER))


def give_up(delivery: Delivery) -> None:
    """No try is left, or there is nobody to try with."""
    delivery.status, delivery.next_attempt_at = DeliveryStatus.FAILED, None


def record_attempt(delivery: Delivery, outcome: Outcome, spread: float) -> float | None:
    """Add a try to a delivery; seconds until the next one, or None when it is over."""
    attempt = Attempt(
        at=clock.timestamp(), status=outcome.status, error=outcome.error, milliseconds=outcome.milliseconds
    )
    delivery.attempts.append(attempt)
    delivery.next_attempt_at = None
    if outcome.delivered:
        delivery.status = DeliveryStatus.DELIVERED
        return None
    delay = None if outcome.status == GONE else next_delay(len(delivery.attempts), spread, outcome.retry_after)
    if delay is None:
        give_up(delivery)
        return None
    delivery.status = DeliveryStatus.RETRYING
    delivery.next_attempt_at = clock.timestamp(clock.now() + timedelta(seconds=delay))
    return delay
