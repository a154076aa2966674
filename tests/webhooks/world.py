"""Webhooks without a cloud: endpoints that a test scripts, tries that wait in a list, and the room in memory."""

from __future__ import annotations

import asyncio
import atexit
import heapq
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import time_machine

from contracts.organizations import OrganizationCreated
from functions.webhooks import service
from functions.webhooks.model import Delivery, NewWebhook, Outcome, Webhook
from functions.webhooks.schemas import RegisterWebhook
from functions.webhooks.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.crypto import Envelope as Sealer
from kernel.events import Envelope
from kernel.outbox import outbox_record
from tests.kit import actor
from tests.memory_table import MemoryKms, events_in, memory_table

URL = "https://hooks.example.com/in"


@dataclass
class Post:
    """One delivery as the endpoint saw it."""

    at: datetime
    url: str
    headers: dict[str, str]
    body: str


@dataclass
class Scripted:
    """An endpoint that answers as planned, and then as its plan's last word."""

    plan: list[Outcome]
    posts: list[Post] = field(default_factory=list)
    meanwhile: Callable[[], object] = lambda: None
    """What somebody does while the endpoint answers, once."""

    async def post(self, url: str, headers: dict[str, str], body: str) -> Outcome:
        self.posts.append(Post(clock.now(), url, headers, body))
        act, self.meanwhile = self.meanwhile, lambda: None
        act()
        return self.plan[min(len(self.posts), len(self.plan)) - 1]


@dataclass
class Waiting:
    """The machine that waits: tries in order of time. The same try is arranged once."""

    tries: list[tuple[datetime, str, str, int]] = field(default_factory=list)
    names: set[tuple[str, str, int]] = field(default_factory=set)

    def start(self, tenant_id: str, webhook_id: str, event_id: str, version: int, seconds: float) -> None:
        if (webhook_id, event_id, version) not in self.names:
            self.names.add((webhook_id, event_id, version))
            due = clock.now() + timedelta(seconds=round(seconds))
            heapq.heappush(self.tries, (due, webhook_id, event_id, version))


class World:
    """One tenant, one webhook, and time that a test moves."""

    def __init__(self, *plan: Outcome, who: Actor | None = None) -> None:
        self.who = who or actor()
        self.table = memory_table()
        self.store = Store(self.table)
        self.sealer = Sealer(self.table, "key", MemoryKms())
        self.endpoint = Scripted(list(plan) or [Outcome(status=204)])
        self.retries = Waiting()

    def register(self, **fields: Any) -> NewWebhook:
        return service.register(self.store, self.sealer, self.who, RegisterWebhook(url=URL, **fields))

    def event(self) -> Envelope:
        record = outbox_record(self.who, OrganizationCreated(organization_id="o", name="n"), 1)
        return Envelope.model_validate_json(record.envelope)

    def dispatch(self, envelope: Envelope) -> None:
        run(service.dispatch(self.store, self.sealer, self.endpoint, self.retries, envelope))

    def delivery(self, webhook: Webhook, envelope: Envelope) -> Delivery:
        return Delivery(
            tenant_id=self.who.tenant_id,
            webhook_id=webhook.webhook_id,
            event_id=envelope.id,
            event_type=envelope.type,
            created_at=clock.timestamp(),
            payload=service.payload(envelope),
        )

    def attempt(self, webhook: Webhook, delivery: Delivery) -> None:
        run(service.attempt(self.store, self.sealer, self.endpoint, self.retries, self.who, webhook, delivery))

    def retry(self, webhook_id: str, event_id: str, version: int) -> None:
        run(
            service.retry(self.store, self.sealer, self.endpoint, self.retries, self.who, webhook_id, event_id, version)
        )

    def replay(self, webhook_id: str, event_id: str) -> Delivery:
        found: Delivery = run(
            service.replay(self.store, self.sealer, self.endpoint, self.retries, self.who, webhook_id, event_id)
        )
        return found

    def until_quiet(
        self, time: time_machine.Traveller, before: Callable[[], None] = lambda: None, repeats: int = 1
    ) -> None:
        """Let every try come when it is due, each as often as `repeats`."""
        while self.retries.tries:
            due, *which = heapq.heappop(self.retries.tries)
            time.move_to(max(due, clock.now()))
            before()
            for _ in range(repeats):
                self.retry(*which)

    def told(self) -> list[str]:
        return [event.type for event in events_in(self.table)]


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """On a loop of its own for each world would cost more than the work itself."""
    return _runner.run(work)


_runner = asyncio.Runner()
atexit.register(_runner.close)
