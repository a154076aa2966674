"""The table: conditions instead of reads before writes, and lists that are whole."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel import aws
from kernel.errors import BadRequest, Conflict, NotFound, PreconditionFailed, TooLarge, Unavailable
from kernel.table import CONFLICT_RETRIES, Table, create, delete, put, update
from tests.faults import answering, counted, refusal
from tests.kernel.boats import Boat, Buoy, boat
from tests.kit import actor


def stored(table: Table, who: Any, *boats: Boat) -> None:
    for each in boats:
        table.write(create(each))


def test_an_item_is_found_by_its_own_tenant_alone(table: Table) -> None:
    who, stranger = actor(), actor()
    argo = boat(who)
    stored(table, who, argo)
    assert table.get(who, Boat, harbour="north", boat_id=argo.boat_id) == argo
    assert table.require(who, Boat, harbour="north", boat_id=argo.boat_id) == argo
    assert table.get(stranger, Boat, harbour="north", boat_id=argo.boat_id) is None
    with pytest.raises(NotFound):
        table.require(stranger, Boat, harbour="north", boat_id=argo.boat_id)


@pytest.mark.parametrize("name", [None, "a#b", "x" * 3000])
def test_an_impossible_key_finds_nothing_and_asks_nobody(cloud: None, name: str | None) -> None:
    with counted() as calls:
        fresh = Table()
        assert fresh.get(actor(), Boat, harbour="north", boat_id=name) is None
        assert fresh.query(actor(), Boat, harbour=name).items == []
    assert calls == []


def test_platform_records_are_read_without_an_actor(table: Table) -> None:
    table.write(create(Buoy(tenant_id=actor().tenant_id, number=7)))
    found = table.get_platform(Buoy, number=7)
    assert found is not None
    assert found.number == 7
    assert table.get_platform(Buoy, number=8) is None
    assert table.get_platform(Buoy) is None


def test_what_exists_cannot_be_created_again(table: Table) -> None:
    who = actor()
    stored(table, who, boat(who, "one", name="first"))
    with pytest.raises(Conflict):
        table.write(create(boat(who, "one", name="second")))
    with pytest.raises(TooLarge):
        table.write(create(boat(who, "one"), TooLarge()))
    kept = table.require(who, Boat, harbour="north", boat_id="one")
    assert (kept.name, kept.version) == ("first", 1)


def test_only_the_version_that_was_read_is_changed_or_deleted(table: Table) -> None:
    who = actor()
    stored(table, who, boat(who, "one"))
    mine, theirs = (table.require(who, Boat, harbour="north", boat_id="one") for _ in range(2))
    mine.name = "mine"
    table.write(update(mine))
    assert mine.version == 2
    for stale in (update, delete):
        with pytest.raises(PreconditionFailed):
            table.write(stale(theirs.model_copy()))
    with pytest.raises(Conflict):
        table.write(update(theirs.model_copy(), Conflict()))
    table.write(delete(mine))
    assert table.get(who, Boat, harbour="north", boat_id="one") is None
    with pytest.raises(PreconditionFailed):
        table.write(update(mine))


def test_put_replaces_whatever_is_there(table: Table) -> None:
    who = actor()
    for name in ("first", "second"):
        table.write(put(boat(who, "one", name=name)))
    kept = table.require(who, Boat, harbour="north", boat_id="one")
    assert (kept.name, kept.version) == ("second", 1)


def test_a_record_that_is_too_large_is_the_callers_fault(table: Table) -> None:
    who = actor()
    heavy = boat(who, cargo="x" * 410_000)
    with pytest.raises(TooLarge, match="400 KB"):
        table.write(create(heavy))
    with pytest.raises(TooLarge, match="400 KB"):
        table.transact(who, [create(heavy)])
    assert table.query(who, Boat, harbour="north").items == []


def test_a_write_that_meets_a_transaction_is_tried_again(table: Table) -> None:
    who = actor()
    busy = refusal("TransactionConflictException")
    with answering("PutItem", busy, busy) as requests:
        Table().write(create(boat(who, "one")))
        assert len(requests) == 3
    assert table.get(who, Boat, harbour="north", boat_id="one") is not None


def test_a_write_that_always_meets_transactions_gives_up_and_says_when_to_come_back(table: Table) -> None:
    who = actor()
    with answering("PutItem", *[refusal("TransactionConflictException")] * CONFLICT_RETRIES) as requests:
        with pytest.raises(Unavailable) as caught:
            Table().write(create(boat(who, "one")))
        assert len(requests) == CONFLICT_RETRIES
    assert caught.value.retry_after == 1
    assert table.get(who, Boat, harbour="north", boat_id="one") is None


def test_other_refusals_of_the_service_are_not_hidden(table: Table) -> None:
    who = actor()
    with answering("PutItem", refusal("ValidationException", "odd")):
        fresh = Table()
        with pytest.raises(fresh.client.exceptions.ClientError, match="odd"):
            fresh.write(create(boat(who)))


def test_many_items_come_in_the_order_asked_each_once_without_those_that_are_gone(table: Table) -> None:
    who = actor()
    stored(table, who, *(boat(who, f"b{number:03}") for number in range(120)))
    wanted = [f"b{number:03}" for number in (119, 3, 3, 500, 0, *range(4, 118))]
    found = table.get_many(who, Boat, [{"harbour": "north", "boat_id": name} for name in wanted])
    expected = list(dict.fromkeys(name for name in wanted if name != "b500"))
    assert [each.boat_id for each in found] == expected
    assert table.get_many(who, Boat, []) == []
    assert table.get_many(actor(), Boat, [{"harbour": "north", "boat_id": "b000"}]) == []


def test_keys_that_dynamodb_did_not_get_to_are_asked_for_again(table: Table) -> None:
    who = actor()
    stored(table, who, boat(who, "one"), boat(who, "two"))
    keys = [{"harbour": "north", "boat_id": name} for name in ("one", "two")]
    raw = [{name: {"S": text} for name, text in Boat.key(who, **key).items()} for key in keys]
    nothing = {"Responses": {}, "UnprocessedKeys": {table.name: {"Keys": raw}}}
    with answering("BatchGetItem", nothing, nothing) as requests:
        found = Table().get_many(who, Boat, keys)
        assert len(requests) == 3
        assert json.loads(requests[2]["body"])["RequestItems"][table.name]["Keys"] == raw
    assert [each.boat_id for each in found] == ["one", "two"]


def test_lists_run_both_ways_and_through_an_index(table: Table) -> None:
    who, stranger = actor(), actor()
    stored(table, who, boat(who, "b1", name="Zora"), boat(who, "b2", name="Anna"), boat(stranger, "b3", name="Max"))
    assert [each.boat_id for each in table.query(who, Boat, harbour="north").items] == ["b1", "b2"]
    backwards = table.query(who, Boat, harbour="north", newest_first=True)
    assert [each.boat_id for each in backwards.items] == ["b2", "b1"]
    assert [each.name for each in table.query(who, Boat, index="gsi1").items] == ["Anna", "Zora"]
    assert [each.name for each in table.query(who, Boat, index="gsi1", name="Zora").items] == ["Zora"]
    assert table.query(who, Boat, harbour="a#b").items == []


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(total=st.integers(0, 12), limit=st.integers(1, 5), backwards=st.booleans())
def test_pages_join_to_the_whole_list(table: Table, total: int, limit: int, backwards: bool) -> None:
    who = actor()
    stored(table, who, *(boat(who, f"b{number:02}") for number in range(total)))
    found: list[str] = []
    cursor = None
    while True:
        page = table.query(who, Boat, harbour="north", limit=limit, cursor=cursor, newest_first=backwards)
        assert len(page.items) <= limit
        found += [each.boat_id for each in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == sorted((f"b{number:02}" for number in range(total)), reverse=backwards)


def test_all_reads_beyond_the_first_page(table: Table) -> None:
    who = actor()
    stored(table, who, *(boat(who, f"b{number:03}") for number in range(203)))
    assert len(list(table.all(who, Boat, harbour="north"))) == 203


def test_a_cursor_belongs_to_its_list_its_direction_and_its_tenant(table: Table) -> None:
    who, stranger = actor(), actor()
    stored(table, who, *(boat(who, f"b{number}") for number in range(3)))
    cursor = table.query(who, Boat, harbour="north", limit=1).next_cursor
    assert cursor is not None
    for borrowed in (
        lambda: table.query(stranger, Boat, harbour="north", cursor=cursor),
        lambda: table.query(who, Boat, harbour="south", cursor=cursor),
        lambda: table.query(who, Boat, harbour="north", cursor=cursor, newest_first=True),
        lambda: table.query(who, Boat, index="gsi1", cursor=cursor),
    ):
        with pytest.raises(BadRequest):
            borrowed()
    assert table.query(who, Boat, harbour="north", cursor=cursor, limit=200).items[0].boat_id == "b1"


def test_reads_and_writes_cost_one_call_each(table: Table) -> None:
    who = actor()
    with counted() as calls:
        fresh = Table()
        fresh.write(create(boat(who, "one")))
        fresh.get(who, Boat, harbour="north", boat_id="one")
        fresh.query(who, Boat, harbour="north")
        fresh.get_many(who, Boat, [{"harbour": "north", "boat_id": str(number)} for number in range(100)])
        fresh.transact(who, [create(boat(who, "two"))])
    assert calls == ["PutItem", "GetItem", "Query", "BatchGetItem", "TransactWriteItems"]
    assert aws.client("dynamodb").scan(TableName=table.name)["Count"] == 2
