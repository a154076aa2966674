"""The world outside: the partners' endpoints, and the machine that waits between tries."""

from __future__ import annotations

import json
import time
from email.utils import parsedate_to_datetime
from typing import Protocol

from functions.webhooks.model import MAX_RETRY_AFTER, Outcome
from kernel import aws, clock
from kernel.egress import Egress, EgressError, Limits, Request, Response
from kernel.egress.deployment import dns_settings, partner_policy

TIMEOUT_SECONDS = 15.0
MAX_ANSWER = 65_536


class Endpoint(Protocol):
    """Where deliveries go."""

    async def post(self, url: str, headers: dict[str, str], body: str) -> Outcome:
        """Send a delivery; whatever goes wrong is part of the outcome."""


class HttpEndpoint:
    """Endpoint over HTTP, through the outbound client: no redirects, 15 seconds, a bounded answer."""

    async def post(self, url: str, headers: dict[str, str], body: str) -> Outcome:
        """Send a delivery."""
        limits = Limits(total_seconds=TIMEOUT_SECONDS, body=MAX_ANSWER, truncate=True)
        request = Request("POST", url, tuple(headers.items()), body.encode())
        began = time.monotonic()
        try:
            async with Egress(partner_policy(), limits=limits, dns=dns_settings()) as egress:
                response = await egress.send(request)
        except EgressError as error:
            return Outcome(error=str(error)[:300], milliseconds=_since(began))
        return Outcome(status=response.status, retry_after=_retry_after(response), milliseconds=_since(began))


class Retries(Protocol):
    """Tries again later."""

    def start(self, tenant_id: str, webhook_id: str, event_id: str, version: int, seconds: float) -> None:
        """Try a delivery again after some time, unless it has gone beyond `version` by then. A second request for
        the same try is the first."""


class RetryMachine:
    """Retries on a state machine, which waits for nothing but its price per step."""

    def start(self, tenant_id: str, webhook_id: str, event_id: str, version: int, seconds: float) -> None:
        """Start the delivery's execution, named after the try."""
        client = aws.client("stepfunctions")
        delivery = {
            "tenant_id": tenant_id,
            "webhook_id": webhook_id,
            "event_id": event_id,
            "version": version,
            "seconds": round(seconds),
        }
        try:
            client.start_execution(
                stateMachineArn=aws.setting("DELIVERY_MACHINE_ARN"),
                name=f"{webhook_id[-26:]}-{event_id[-26:]}-{version}",
                input=json.dumps(delivery),
            )
        except client.exceptions.ExecutionAlreadyExists:
            return


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


def _retry_after(response: Response) -> int | None:
    """The seconds that the endpoint asks for, as a number or an HTTP date; None when it says nothing sensible."""
    value = response.header("retry-after").strip()
    if value.isascii() and value.isdigit():
        return min(int(value[:9]), MAX_RETRY_AFTER)
    try:
        return max(0, round((parsedate_to_datetime(value) - clock.now()).total_seconds()))
    except (ValueError, TypeError):
        return None
