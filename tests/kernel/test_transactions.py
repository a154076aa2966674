"""A command is one transaction: its state, its events and its answer, or nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel import aws, idempotency
from kernel.actor import Actor
from kernel.attributes import from_item
from kernel.errors import Conflict, PreconditionFailed, TooLarge, Unavailable
from kernel.table import (
    CONFLICT_RETRIES,
    MAX_TRANSACTION_ITEMS,
    AlreadySeen,
    Once,
    Table,
    create,
    delete,
    update,
)
from tests.faults import Crash, answering, counted, crashing, refusal
from tests.kernel.boats import Boat, boat, launched, renamed
from tests.kit import actor, committed_events

CANCELLED = "TransactionCanceledException"


def everything(table: Table) -> list[dict[str, Any]]:
    """All that is stored."""
    return [from_item(item) for item in aws.client("dynamodb").scan(TableName=table.name)["Items"]]


def cancelled(*codes: str) -> dict[str, Any]:
    return refusal(CANCELLED, CancellationReasons=[{"Code": code} for code in codes])


def command(key: str = "k", payload: bytes = b"{}") -> idempotency.Command:
    return idempotency.Command("/boats", key, payload, 201)


def test_state_event_answer_and_marker_are_committed_together(table: Table) -> None:
    who = actor(address="192.0.2.1", request_id="request-1")
    argo = boat(who)
    with counted() as calls, idempotency.handling(command()):
        Table().transact(who, [create(argo)], [launched(argo)], answer=argo, once=Once("room", "evt_1"))
    assert calls == ["TransactWriteItems"]
    kinds = {item["pk"].split("#")[2] for item in everything(table)}
    assert kinds == {"BOATS", "OUTBOX", "IDEMPOTENCY", "SEEN"}
    (event,) = committed_events()
    assert (event.type, event.context, event.sequence) == ("OrganizationCreated.v1", "organizations", 1)
    assert event.origin.model_dump(exclude_none=True) == {
        "user_id": who.user_id,
        "email": who.email,
        "address": "192.0.2.1",
    }
    assert (event.tenant_id, event.request_id) == (who.tenant_id, "request-1")
    assert event.event() == launched(argo)
    assert event.actor() == Actor.system(who.tenant_id, request_id="request-1")


def test_a_condition_that_fails_leaves_nothing_at_all(table: Table) -> None:
    who = actor()
    table.write(create(boat(who, "taken")))
    before = everything(table)
    free = boat(who, "free")
    changes, once = [create(free), create(boat(who, "taken"), TooLarge())], Once("room", "evt_1")
    with idempotency.handling(command()), pytest.raises(TooLarge):
        table.transact(who, changes, [launched(free)], answer=free, once=once)
    with pytest.raises(Conflict):
        table.transact(who, [create(boat(who, "taken"))])
    with pytest.raises(PreconditionFailed):
        table.transact(who, [delete(boat(who, "absent"))])
    assert everything(table) == before


def test_events_are_numbered_by_the_version_of_their_aggregate(table: Table) -> None:
    who = actor()
    argo = boat(who)
    table.transact(who, [create(argo)], [launched(argo)])
    for _ in range(3):
        table.transact(who, [update(argo)], [renamed(argo), renamed(argo)])
    table.transact(who, [], [renamed(argo)])
    assert sorted(event.sequence for event in committed_events()) == [0, 1, 2, 2, 3, 3, 4, 4]


def test_a_transaction_of_nothing_costs_nothing(table: Table) -> None:
    with counted() as calls:
        Table().transact(actor(), [])
    assert calls == []


def test_a_transaction_that_cannot_fit_is_refused_before_it_is_sent(table: Table) -> None:
    who = actor()
    with pytest.raises(ValueError, match=f"holds {MAX_TRANSACTION_ITEMS} items, not 101"):
        table.transact(who, [create(boat(who)) for _ in range(100)], [launched(boat(who))])
    assert everything(table) == []


def test_an_event_takes_effect_once_per_consumer(table: Table) -> None:
    who, stranger = actor(), actor()
    table.transact(who, [create(boat(who, "one"))], once=Once("room", "evt_1"))
    with pytest.raises(AlreadySeen):
        table.transact(who, [create(boat(who, "two"))], once=Once("room", "evt_1"))
    table.transact(who, [create(boat(who, "two"))], once=Once("other room", "evt_1"))
    table.transact(stranger, [create(boat(stranger, "one"))], once=Once("room", "evt_1"))
    assert [each.boat_id for each in table.all(who, Boat, harbour="north")] == ["one", "two"]


def test_a_command_with_a_known_key_is_a_replay_even_when_its_state_fits(table: Table) -> None:
    who = actor()
    for name, expected in (("one", None), ("two", idempotency.Replay)):
        argo = boat(who, name)
        with idempotency.handling(command()):
            if expected is None:
                table.transact(who, [create(argo)], [launched(argo)], answer=argo)
            else:
                with pytest.raises(expected):
                    table.transact(who, [create(argo)], [launched(argo)], answer=argo)
    assert len(committed_events()) == 1
    assert table.get(who, Boat, harbour="north", boat_id="two") is None


@pytest.mark.parametrize("reason", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_collision_is_tried_again_under_a_new_token(table: Table, reason: str) -> None:
    who = actor()
    argo = boat(who)
    with answering("TransactWriteItems", cancelled(reason, "None"), cancelled("None", reason)) as requests:
        Table().transact(who, [create(argo)], [launched(argo)])
    tokens = {request["body"].split(b'"ClientRequestToken": "')[1][:36] for request in requests}
    assert len(tokens) == len(requests) == 3
    assert len(committed_events()) == 1


def test_endless_collisions_end_with_a_word_about_when_to_come_back(table: Table) -> None:
    who = actor()
    argo = boat(who)
    collisions = [cancelled("TransactionConflict")] * CONFLICT_RETRIES
    with answering("TransactWriteItems", *collisions), pytest.raises(Unavailable) as caught:
        Table().transact(who, [create(argo)])
    assert caught.value.retry_after == 1
    assert everything(table) == []


def test_a_failed_condition_wins_over_a_collision(table: Table) -> None:
    who = actor()
    with answering("TransactWriteItems", cancelled("TransactionConflict", "ConditionalCheckFailed")) as requests:
        with pytest.raises(TooLarge):
            Table().transact(who, [create(boat(who)), create(boat(who), TooLarge())])
        assert len(requests) == 1


def test_any_other_reason_is_an_error_that_names_it(table: Table) -> None:
    who = actor()
    odd = cancelled("ValidationError")
    with answering("TransactWriteItems", odd), pytest.raises(RuntimeError, match="ValidationError"):
        Table().transact(who, [create(boat(who))])
    heavy = refusal(CANCELLED, CancellationReasons=[{"Code": "ValidationError", "Message": "Item size exceeded"}])
    with answering("TransactWriteItems", heavy), pytest.raises(TooLarge):
        Table().transact(who, [create(boat(who))])
    with answering("TransactWriteItems", refusal("AccessDeniedException", "no")):
        fresh = Table()
        with pytest.raises(fresh.client.exceptions.ClientError, match="no"):
            fresh.transact(who, [create(boat(who))])
    assert everything(table) == []


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(("before-call", "after-call")), st.integers(0, 2)), max_size=6))
def test_whatever_dies_when_events_equal_commits(table: Table, deaths: list[tuple[Any, int]]) -> None:
    """A worker that dies at any AWS call, and is followed by another, leaves one event for each committed version."""
    who = actor()
    argo = boat(who, "one")
    table.transact(who, [create(argo)], [launched(argo)])
    for moment, at in deaths:
        try:
            with crashing(moment, at):
                fresh = Table()
                known = fresh.require(who, Boat, harbour="north", boat_id="one")
                fresh.transact(who, [update(known)], [renamed(known)])
        except Crash:
            continue
    version = table.require(who, Boat, harbour="north", boat_id="one").version
    sequences = sorted(event.sequence for event in committed_events() if event.tenant_id == who.tenant_id)
    assert sequences == list(range(1, version + 1))
