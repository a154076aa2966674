"""Consumers of domain events: an SQS batch from the bus, each event handled once, failures reported one by one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from kernel import observe
from kernel.actor import Actor
from kernel.events import Envelope, Event
from kernel.table import AlreadySeen, Once

E = TypeVar("E", bound=Event)
Handler = Callable[[Any, Envelope], None]


class Consumer:
    """The event door of a room. Register handlers with `on`, and export the instance as the Lambda handler."""

    def __init__(self, context: str) -> None:
        self.context = context
        self._handlers: dict[str, Handler] = {}
        self._any: Callable[[Envelope], None] | None = None

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """The types that this door handles; empty when it takes all."""
        return tuple(self._handlers)

    def on(self, kind: type[E]) -> Callable[[Callable[[E, Envelope], None]], Callable[[E, Envelope], None]]:
        """Handle one type of event."""

        def register(handler: Callable[[E, Envelope], None]) -> Callable[[E, Envelope], None]:
            self._handlers[kind.type] = handler
            return handler

        return register

    def on_any(self, handler: Callable[[Envelope], None]) -> Callable[[Envelope], None]:
        """Handle every event, whatever its type."""
        self._any = handler
        return handler

    def once(self, envelope: Envelope) -> Once:
        """Makes the effect of an event happen once in this room; pass it to `Table.transact`."""
        return Once(self.context, envelope.id)

    def handle(self, envelope: Envelope) -> None:
        """Take in one event; one that took effect before changes nothing."""
        with observe.working_for(envelope.actor()):
            try:
                if self._any is not None:
                    self._any(envelope)
                elif handler := self._handlers.get(envelope.type):
                    handler(envelope.event(), envelope)
            except AlreadySeen:
                observe.logger().info("event already seen", extra={"event_id": envelope.id})

    def _record(self, record: SQSRecord) -> None:
        detail = json.loads(record.body)["detail"]
        self.handle(Envelope.model_validate(detail))

    def __call__(self, event: dict[str, Any], context: Any) -> Any:
        """The Lambda handler."""
        processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
        answer = process_partial_response(event, self._record, processor, context)
        for _, failure, _ in processor.exceptions:
            observe.logger().error("event failed", exc_info=failure)
        observe.count("EventsTaken", len(event["Records"]) - len(processor.exceptions))
        observe.count("EventsFailed", len(processor.exceptions))
        return answer


Work = Callable[[Actor, dict[str, Any], int], None]
"""Does what a message asks: for its tenant, with its body, at its n-th try."""


def worker(work: Work) -> Callable[[dict[str, Any], object], Any]:
    """A door behind a queue of the room's own, whose messages name their `tenant_id`. What fails comes again, until
    the queue sets it aside."""

    def receive(record: SQSRecord) -> None:
        body = json.loads(record.body)
        actor = Actor.system(body["tenant_id"], request_id=body.get("request_id"))
        with observe.working_for(actor):
            work(actor, body, int(record.attributes.approximate_receive_count or 1))

    return behind_queue(receive)


def behind_queue(receive: Callable[[SQSRecord], None]) -> Callable[[dict[str, Any], object], Any]:
    """A door that takes in a queue's messages one by one; those that fail come again."""

    def door(event: dict[str, Any], context: object) -> Any:
        processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
        answer = process_partial_response(event, receive, processor, context)  # type: ignore[arg-type]
        for _, failure, _ in processor.exceptions:
            observe.logger().error("work failed", exc_info=failure)
        observe.count("WorkFailed", len(processor.exceptions))
        return answer

    return door
