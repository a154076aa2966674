"""The webhooks context's items."""

from __future__ import annotations

from collections.abc import Sequence

from functions.webhooks.model import Delivery, NewWebhook, Webhook
from kernel.actor import Actor
from kernel.errors import Conflict
from kernel.events import Event
from kernel.idempotency import demand_fresh
from kernel.records import Resource
from kernel.table import Page, Table, create, delete, update


class Store:
    """Reads and commits endpoints and deliveries."""

    def __init__(self, table: Table | None = None) -> None:
        self.table = table or Table()

    def webhook(self, actor: Actor, webhook_id: str) -> Webhook:
        """One endpoint. Raises NotFound."""
        return self.table.require(actor, Webhook, webhook_id=webhook_id)

    def find_webhook(self, actor: Actor, webhook_id: str) -> Webhook | None:
        """One endpoint, or None."""
        return self.table.get(actor, Webhook, webhook_id=webhook_id)

    def webhooks(self, actor: Actor) -> list[Webhook]:
        """All endpoints of the tenant; their number is bounded."""
        return list(self.table.all(actor, Webhook))

    def deliveries(self, actor: Actor, webhook_id: str, limit: int, cursor: str | None) -> Page[Delivery]:
        """What was sent to an endpoint, newest first."""
        return self.table.query(actor, Delivery, webhook_id=webhook_id, limit=limit, cursor=cursor, newest_first=True)

    def delivery(self, actor: Actor, webhook_id: str, event_id: str) -> Delivery:
        """One delivery. Raises NotFound."""
        return self.table.require(actor, Delivery, webhook_id=webhook_id, event_id=event_id)

    def add(self, actor: Actor, webhook: Webhook, shown: NewWebhook, event: Event) -> None:
        """Commit a new endpoint."""
        self.table.transact(actor, [create(webhook)], [event], answer=shown)

    def save(self, actor: Actor, webhook: Webhook, events: Sequence[Event], answer: Resource | None = None) -> None:
        """Commit a changed endpoint."""
        self.table.transact(actor, [update(webhook)], events, answer=answer)

    def remove(self, actor: Actor, webhook: Webhook, event: Event) -> None:
        """Delete an endpoint; its deliveries expire by themselves."""
        self.table.transact(actor, [delete(webhook)], [event])

    def open_delivery(self, actor: Actor, delivery: Delivery) -> Delivery:
        """The delivery as it stands: the new one, or the one that an earlier receipt of the event has made."""
        try:
            self.table.write(create(delivery))
        except Conflict:
            return self.delivery(actor, delivery.webhook_id, delivery.event_id)
        return delivery

    def save_delivery(self, delivery: Delivery) -> None:
        """Commit what became of a delivery. Raises PreconditionFailed when another worker was first."""
        self.table.write(update(delivery))

    def answer_delivery(self, actor: Actor, delivery: Delivery) -> None:
        """The same, as the answer to a caller; a delivery that is over at its first try is new."""
        change = update(delivery) if delivery.version else create(delivery)
        self.table.transact(actor, [change], answer=delivery)

    def demand_fresh(self, actor: Actor) -> None:
        """Raises Replay when the caller's command was done before."""
        demand_fresh(self.table, actor)
