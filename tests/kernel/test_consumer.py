"""Consumers: each event of a batch succeeds or fails alone, and one that took effect does nothing again."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.organizations import OrganizationCreated, OrganizationRenamed
from kernel.consumer import Consumer
from kernel.events import Envelope, Event
from kernel.outbox import outbox_record
from kernel.table import Table, create
from tests.kernel.boats import Boat, boat
from tests.kit import actor, sqs_event

CREATED = OrganizationCreated(organization_id="o", name="n")
RENAMED = OrganizationRenamed(organization_id="o", name="n", before="b")


def envelope(event: Event, who: Any = None) -> Envelope:
    return Envelope.model_validate_json(outbox_record(who or actor(), event, 1).envelope)


def test_a_batch_reports_exactly_the_events_that_failed() -> None:
    door, handled = Consumer("tests"), list[str]()

    @door.on(OrganizationCreated)
    def handle(_event: OrganizationCreated, sent: Envelope) -> None:
        handled.append(sent.id)
        if len(handled) == 2:
            raise RuntimeError("no")

    sent = [envelope(CREATED) for _ in range(3)]
    answer = door(sqs_event(*sent), None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": sent[1].id}]}
    assert handled == [each.id for each in sent]


def test_a_batch_of_failures_is_reported_and_not_thrown() -> None:
    door = Consumer("tests")

    @door.on_any
    def handle(_sent: Envelope) -> None:
        raise RuntimeError("no")

    sent = [envelope(CREATED), envelope(RENAMED)]
    answer = door(sqs_event(*sent), None)
    assert [failure["itemIdentifier"] for failure in answer["batchItemFailures"]] == [each.id for each in sent]


@pytest.mark.parametrize("body", ["", "{", "{}", '{"detail": {}}', '{"detail": {"tenant_id": "x"}}'])
def test_a_message_that_is_no_event_fails_alone(body: str) -> None:
    door, handled = Consumer("tests"), list[str]()
    door.on_any(lambda sent: handled.append(sent.id))
    good, bad = envelope(CREATED), envelope(CREATED)
    batch = sqs_event(bad, good)
    batch["Records"][0]["body"] = body
    assert door(batch, None) == {"batchItemFailures": [{"itemIdentifier": bad.id}]}
    assert handled == [good.id]


def test_an_event_whose_tenant_has_no_tenants_form_is_refused() -> None:
    door, handled = Consumer("tests"), list[str]()
    door.on_any(lambda sent: handled.append(sent.id))
    forged = envelope(CREATED).model_copy(update={"tenant_id": "org_1#X"})
    assert door(sqs_event(forged), None)["batchItemFailures"]
    assert handled == []


def test_types_that_nobody_asked_for_pass_by() -> None:
    door, handled = Consumer("tests"), list[Event]()
    door.on(OrganizationRenamed)(lambda event, _sent: handled.append(event))
    assert door.subscriptions == ("OrganizationRenamed.v1",)
    unknown = envelope(CREATED).model_copy(update={"type": "Unheard.v9"})
    assert door(sqs_event(envelope(CREATED), unknown, envelope(RENAMED)), None) == {"batchItemFailures": []}
    assert handled == [RENAMED]


def test_an_event_seen_twice_takes_effect_once(table: Table) -> None:
    door = Consumer("tests")

    @door.on(OrganizationCreated)
    def handle(event: OrganizationCreated, sent: Envelope) -> None:
        name = f"{event.name}-{len(list(table.all(sent.actor(), Boat, harbour='north')))}"
        table.transact(sent.actor(), [create(boat(sent.actor(), name))], once=door.once(sent))

    who = actor()
    sent = envelope(CREATED, who)
    assert door(sqs_event(sent, sent, sent), None) == {"batchItemFailures": []}
    assert door(sqs_event(sent), None) == {"batchItemFailures": []}
    assert [each.boat_id for each in table.all(who, Boat, harbour="north")] == ["n-0"]
