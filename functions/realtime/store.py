"""Realtime's items; they all expire by themselves."""

from __future__ import annotations

import time

from functions.realtime.model import CONNECTION_SECONDS, Listening, Subscription
from kernel.actor import Actor
from kernel.table import Change, Table, put


class Store:
    """Reads and commits subscriptions."""

    def __init__(self, table: Table | None = None) -> None:
        self._table = table or Table()

    def subscribe(self, actor: Actor, connection_id: str, topic: str) -> None:
        """A connection listens to a topic."""
        self._table.transact(actor, [put(record) for record in _pair(actor, connection_id, topic)])

    def unsubscribe(self, actor: Actor, connection_id: str, topic: str) -> None:
        """A connection no longer listens."""
        self._table.transact(actor, [Change(record, "Delete", "") for record in _pair(actor, connection_id, topic)])

    def listeners(self, actor: Actor, topic: str) -> list[str]:
        """The connections that listen to a topic."""
        return [each.connection_id for each in self._table.all(actor, Subscription, topic=topic)]

    def topics(self, actor: Actor, connection_id: str) -> list[str]:
        """What a connection listens to."""
        return [each.topic for each in self._table.all(actor, Listening, connection_id=connection_id)]


def _pair(actor: Actor, connection_id: str, topic: str) -> tuple[Subscription, Listening]:
    fields = {
        "tenant_id": actor.tenant_id,
        "connection_id": connection_id,
        "topic": topic,
        "expires_at": int(time.time()) + CONNECTION_SECONDS,
    }
    return Subscription.model_validate(fields), Listening.model_validate(fields)
