"""What the webhooks context does: register endpoints, deliver events, try again, keep the log."""

from __future__ import annotations

import asyncio
import json
import random
import time

from contracts import all_events
from contracts.webhooks import WebhookChanged, WebhookDeleted, WebhookDisabled, WebhookRegistered
from functions.webhooks.errors import BadEndpoint, TooManyWebhooks, UnknownEventType
from functions.webhooks.gateways import Endpoint, Retries
from functions.webhooks.model import (
    EVERY,
    KEPT_DAYS,
    Delivery,
    DeliveryStatus,
    NewWebhook,
    Outcome,
    Webhook,
    give_up,
    headers,
    new_secret,
    record_attempt,
)
from functions.webhooks.schemas import ChangeWebhook, RegisterWebhook
from functions.webhooks.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.crypto import Envelope as Sealer
from kernel.egress.addresses import is_address
from kernel.egress.deployment import partner_policy
from kernel.egress.errors import EgressDenied
from kernel.egress.urls import parse_url
from kernel.errors import PreconditionFailed
from kernel.events import Envelope
from kernel.ids import new_id

MAX_WEBHOOKS = 50
TEST_EVENT = "WebhookTest.v1"
FIELD = "secret"
ATTEMPTS = 5


def register(store: Store, sealer: Sealer, actor: Actor, command: RegisterWebhook) -> NewWebhook:
    """Register an endpoint; the answer holds its signing secret, this once."""
    _demand_callable(command.url)
    _demand_known(command.event_types)
    if len(store.webhooks(actor)) >= MAX_WEBHOOKS:
        raise TooManyWebhooks(f"At most {MAX_WEBHOOKS}.")
    secret, webhook_id = new_secret(), new_id("webhook")
    webhook = Webhook(
        tenant_id=actor.tenant_id,
        webhook_id=webhook_id,
        url=command.url,
        description=command.description,
        event_types=tuple(command.event_types),
        created_by=actor.user_id,
        created_at=clock.timestamp(),
        secret=sealer.encrypt(actor, webhook_id, FIELD, secret),
    )
    shown = NewWebhook(**webhook.model_dump(exclude={"version"}), version=1, signing_secret=secret)
    registered = WebhookRegistered(webhook_id=webhook_id, url=webhook.url, event_types=list(webhook.event_types))
    store.add(actor, webhook, shown, registered)
    return shown


def change(store: Store, actor: Actor, webhook_id: str, command: ChangeWebhook, if_match: int | None) -> Webhook:
    """Change an endpoint; its secret stays."""
    webhook = _read(store, actor, webhook_id, if_match)
    _demand_callable(command.url)
    _demand_known(command.event_types)
    webhook.url, webhook.description = command.url, command.description
    webhook.event_types = tuple(command.event_types)
    if command.enabled and not webhook.enabled:
        webhook.failing_since = webhook.disabled_reason = None
    webhook.enabled = command.enabled
    store.save(actor, webhook, [_changed(webhook)])
    return webhook


def rotate(store: Store, sealer: Sealer, actor: Actor, webhook_id: str) -> NewWebhook:
    """A new signing secret; deliveries carry both signatures for a day."""
    webhook = _read(store, actor, webhook_id, None)
    secret = new_secret()
    webhook.rotate(sealer.encrypt(actor, webhook_id, FIELD, secret))
    shown = NewWebhook(**webhook.model_dump(exclude={"version"}), version=webhook.version + 1, signing_secret=secret)
    store.save(actor, webhook, [_changed(webhook, rotated=True)], answer=shown)
    return shown


def remove(store: Store, actor: Actor, webhook_id: str, if_match: int | None) -> None:
    """Remove an endpoint."""
    webhook = _read(store, actor, webhook_id, if_match)
    store.remove(actor, webhook, WebhookDeleted(webhook_id=webhook_id, url=webhook.url))


async def send_test(store: Store, sealer: Sealer, endpoint: Endpoint, actor: Actor, webhook_id: str) -> Delivery:
    """Send one test event now and say how it went; it is logged when it is over, and not tried again."""
    store.demand_fresh(actor)
    webhook = store.webhook(actor, webhook_id)
    event_id = new_id("evt")
    body = json.dumps(
        {"id": event_id, "type": TEST_EVENT, "timestamp": clock.timestamp(), "data": {"webhook_id": webhook_id}}
    )
    delivery = _delivery(actor, webhook, event_id, TEST_EVENT, body)
    outcome = await endpoint.post(webhook.url, _headers(sealer, actor, webhook, delivery), delivery.payload)
    record_attempt(delivery, outcome, 0)
    if not outcome.delivered:
        give_up(delivery)
    store.answer_delivery(actor, delivery)
    return delivery


async def dispatch(store: Store, sealer: Sealer, endpoint: Endpoint, retries: Retries, envelope: Envelope) -> None:
    """Send an event to every endpoint that wants it. They are called at once, and none waits for a slower one."""
    actor = envelope.actor()
    wanting = [webhook for webhook in store.webhooks(actor) if webhook.wants(envelope.type)]
    body = payload(envelope)

    async def deliver(webhook: Webhook) -> None:
        opened = _delivery(actor, webhook, envelope.id, envelope.type, body)
        delivery = store.open_delivery(actor, opened)
        if delivery.status is DeliveryStatus.PENDING:
            await attempt(store, sealer, endpoint, retries, actor, webhook, delivery)

    outcomes = await asyncio.gather(*map(deliver, wanting), return_exceptions=True)
    for failure in filter(None, outcomes):
        raise failure


async def retry(
    store: Store,
    sealer: Sealer,
    endpoint: Endpoint,
    retries: Retries,
    actor: Actor,
    webhook_id: str,
    event_id: str,
    version: int,
) -> None:
    """Try a delivery again, unless it went on since the try was arranged (`version`): it was delivered, or sent once
    more by a user, which arranges tries of its own. It has failed when its endpoint was disabled meanwhile."""
    webhook = store.find_webhook(actor, webhook_id)
    if webhook is None:
        return
    delivery = store.delivery(actor, webhook_id, event_id)
    if delivery.status is not DeliveryStatus.RETRYING or delivery.version > version:
        return
    if webhook.enabled:
        await attempt(store, sealer, endpoint, retries, actor, webhook, delivery)
        return
    give_up(delivery)
    store.save_delivery(delivery)


async def replay(
    store: Store, sealer: Sealer, endpoint: Endpoint, retries: Retries, actor: Actor, webhook_id: str, event_id: str
) -> Delivery:
    """Send a delivery once more at a user's wish, whatever became of it."""
    store.demand_fresh(actor)
    webhook = store.webhook(actor, webhook_id)
    delivery = store.delivery(actor, webhook_id, event_id)
    delivery.attempts = []
    outcome = await _send(sealer, endpoint, retries, actor, webhook, delivery)
    store.answer_delivery(actor, delivery)
    _record_health(store, actor, webhook_id, outcome)
    return delivery


async def attempt(
    store: Store,
    sealer: Sealer,
    endpoint: Endpoint,
    retries: Retries,
    actor: Actor,
    webhook: Webhook,
    delivery: Delivery,
) -> None:
    """One try: send, log, and arrange the next one. The next try is arranged before the log says so, so that a crash
    in between repeats a try and loses none."""
    outcome = await _send(sealer, endpoint, retries, actor, webhook, delivery)
    store.save_delivery(delivery)
    _record_health(store, actor, webhook.webhook_id, outcome)


def list_deliveries(
    store: Store, actor: Actor, webhook_id: str, limit: int, cursor: str | None
) -> tuple[list[Delivery], str | None]:
    """The delivery log of an endpoint. Raises NotFound."""
    store.webhook(actor, webhook_id)
    found = store.deliveries(actor, webhook_id, limit, cursor)
    return found.items, found.next_cursor


def payload(envelope: Envelope) -> str:
    """An event as partners see it."""
    return json.dumps(
        {
            "id": envelope.id,
            "type": envelope.type,
            "timestamp": envelope.at,
            "organization_id": envelope.tenant_id,
            "sequence": envelope.sequence,
            "data": envelope.data,
        }
    )


async def _send(
    sealer: Sealer, endpoint: Endpoint, retries: Retries, actor: Actor, webhook: Webhook, delivery: Delivery
) -> Outcome:
    """Send a delivery, note how it went, and arrange the next try for the version that the note will have."""
    outcome = await endpoint.post(webhook.url, _headers(sealer, actor, webhook, delivery), delivery.payload)
    delay = record_attempt(delivery, outcome, random.random())  # noqa: S311 - jitter
    if delay is not None:
        retries.start(actor.tenant_id, webhook.webhook_id, delivery.event_id, delivery.version + 1, delay)
    return outcome


def _record_health(store: Store, actor: Actor, webhook_id: str, outcome: Outcome) -> None:
    """Note on the endpoint that it fails or works again; give it up when it is time."""
    for _ in range(ATTEMPTS):
        webhook = store.find_webhook(actor, webhook_id)
        if webhook is None:
            return
        before = webhook.model_copy()
        reason = webhook.record_outcome(outcome)
        if webhook == before:
            return
        events = [WebhookDisabled(webhook_id=webhook_id, url=webhook.url, reason=reason)] if reason else []
        try:
            store.save(actor, webhook, events)
        except PreconditionFailed:
            continue
        return


def _read(store: Store, actor: Actor, webhook_id: str, if_match: int | None) -> Webhook:
    webhook = store.webhook(actor, webhook_id)
    if if_match is not None and if_match != webhook.version:
        raise PreconditionFailed()
    return webhook


def _delivery(actor: Actor, webhook: Webhook, event_id: str, event_type: str, body: str) -> Delivery:
    return Delivery(
        tenant_id=actor.tenant_id,
        webhook_id=webhook.webhook_id,
        event_id=event_id,
        event_type=event_type,
        created_at=clock.timestamp(),
        payload=body,
        expires_at=int(time.time()) + KEPT_DAYS * 86_400,
    )


def _headers(sealer: Sealer, actor: Actor, webhook: Webhook, delivery: Delivery) -> dict[str, str]:
    signing = [sealer.decrypt(actor, webhook.webhook_id, field, sealed) for field, sealed in webhook.current_secrets()]
    return headers(signing, delivery.event_id, clock.now(), delivery.payload)


def _changed(webhook: Webhook, rotated: bool = False) -> WebhookChanged:
    return WebhookChanged(webhook_id=webhook.webhook_id, url=webhook.url, enabled=webhook.enabled, rotated=rotated)


def _demand_callable(url: str) -> None:
    """Refuse at once what the outbound client would refuse later; names are checked again at each delivery."""
    try:
        target = parse_url(url)
        policy = partner_policy()
        policy.check_host(target.host)
        if is_address(target.host):
            policy.check(target.host, target.port)
    except EgressDenied as error:
        raise BadEndpoint(errors=[{"pointer": "/url", "detail": str(error)}]) from None


def _demand_known(types: list[str]) -> None:
    unknown = [name for name in types if name != EVERY and name not in all_events()]
    if unknown:
        raise UnknownEventType(
            errors=[{"pointer": "/event_types", "detail": f"there is no event {name!r}"} for name in unknown]
        )
