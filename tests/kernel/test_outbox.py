"""The relay: what was committed reaches the bus, in order, and nothing else does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.organizations import OrganizationCreated
from kernel.actor import Actor
from kernel.attributes import to_item
from kernel.events import Envelope
from kernel.outbox import KEPT_SECONDS, MAX_BYTES, MAX_ENTRIES, outbox_record, relay
from tests.faults import answering, refusal
from tests.kernel.boats import boat
from tests.kit import actor

pytestmark = pytest.mark.usefixtures("cloud")
FINE: dict[str, Any] = {"FailedEntryCount": 0, "Entries": []}


def change(number: int, item: dict[str, Any], name: str = "INSERT") -> dict[str, Any]:
    """One change as the table's stream shows it."""
    image = {} if name == "REMOVE" else {"NewImage": to_item(item)}
    keys = to_item({"pk": item["pk"], "sk": item["sk"]})
    return {"eventName": name, "dynamodb": {"SequenceNumber": str(number), "Keys": keys, **image}}


def waiting(who: Actor, name: str = "Argo") -> dict[str, Any]:
    """An outbox item."""
    return outbox_record(who, OrganizationCreated(organization_id="o", name=name), 1).item()


def failed(*positions: int, of: int) -> dict[str, Any]:
    entries = [{"ErrorCode": "Throttled"} if place in positions else {"EventId": "e"} for place in range(of)]
    return {"FailedEntryCount": len(positions), "Entries": entries}


def entries(request: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(request["body"])["Entries"]
    return found


def names(requests: list[dict[str, Any]]) -> list[str]:
    return [json.loads(entry["Detail"])["data"]["name"] for request in requests for entry in entries(request)]


def test_events_are_published_in_their_order_ten_at_a_time() -> None:
    who = actor()
    records = [change(number, waiting(who, f"{number:02}")) for number in range(25)]
    with answering("PutEvents", FINE, FINE, FINE) as requests:
        assert relay({"Records": records}, None) == {"batchItemFailures": []}
    assert [len(entries(request)) for request in requests] == [MAX_ENTRIES, MAX_ENTRIES, 5]
    assert names(requests) == [f"{number:02}" for number in range(25)]


def test_an_entry_says_whose_event_it_is_and_carries_the_whole_envelope() -> None:
    who = actor()
    with answering("PutEvents", FINE) as requests:
        relay({"Records": [change(1, waiting(who))]}, None)
    (entry,) = entries(requests[0])
    assert {name: entry[name] for name in ("EventBusName", "Source", "DetailType")} == {
        "EventBusName": "palisade",
        "Source": "palisade.organizations",
        "DetailType": "OrganizationCreated.v1",
    }
    envelope = Envelope.model_validate_json(entry["Detail"])
    assert (envelope.tenant_id, envelope.sequence, envelope.data["name"]) == (who.tenant_id, 1, "Argo")


def test_only_new_outbox_items_are_published() -> None:
    who = actor()
    others = [
        change(1, boat(who).item()),
        change(2, waiting(who, "changed"), "MODIFY"),
        change(3, waiting(who, "expired"), "REMOVE"),
        {"eventName": "INSERT", "dynamodb": {"SequenceNumber": "4"}},
    ]
    with answering("PutEvents", FINE) as requests:
        relay({"Records": [*others, change(5, waiting(who, "new"))]}, None)
        assert names(requests) == ["new"]
        assert relay({"Records": others}, None) == {"batchItemFailures": []}
        assert len(requests) == 1


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(total=st.integers(1, 24), data=st.data())
def test_the_stream_resumes_at_the_first_event_that_failed(total: int, data: st.DataObject) -> None:
    """Whatever fails, each event is published at least once, and each call holds its events in their order."""
    who = actor()
    records = [change(number, waiting(who, f"{number:02}")) for number in range(total)]
    published: set[str] = set()
    position = 0
    while position < total:
        batch = records[position:]
        size = min(MAX_ENTRIES, len(batch))
        bad = data.draw(st.sets(st.integers(0, size - 1), max_size=2))
        with answering("PutEvents", failed(*bad, of=size), *[FINE] * 3) as requests:
            answer = relay({"Records": batch}, None)
            sent = names(requests)
        assert sent == [f"{number:02}" for number in range(position, position + len(sent))]
        published.update(name for place, name in enumerate(sent) if place not in bad)
        if not answer["batchItemFailures"]:
            break
        (failure,) = answer["batchItemFailures"]
        assert failure == {"itemIdentifier": str(position + min(bad))}
        position += min(bad)
    assert published == {f"{number:02}" for number in range(total)}


def test_a_call_is_never_larger_than_the_bus_takes() -> None:
    who = actor()
    records = [change(number, waiting(who, str(number) * 60_000)) for number in range(10)]
    with answering("PutEvents", *[FINE] * 4) as requests:
        relay({"Records": records}, None)
    assert [len(entries(request)) for request in requests] == [4, 4, 2]
    assert all(sum(len(entry["Detail"]) for entry in entries(request)) < MAX_BYTES for request in requests)
    assert [name[0] for name in names(requests)] == [str(number) for number in range(10)]


def test_an_event_larger_than_all_is_sent_alone_and_not_held_back() -> None:
    who = actor()
    records = [change(0, waiting(who, "a")), change(1, waiting(who, "b" * MAX_BYTES)), change(2, waiting(who, "c"))]
    with answering("PutEvents", *[FINE] * 3) as requests:
        relay({"Records": records}, None)
    assert [len(entries(request)) for request in requests] == [1, 1, 1]


def test_a_bus_that_does_not_answer_fails_the_whole_batch() -> None:
    with (
        answering("PutEvents", *[refusal("InternalException")] * 9),
        pytest.raises(Exception, match="InternalException"),
    ):
        relay({"Records": [change(1, waiting(actor()))]}, None)


def test_an_outbox_item_is_kept_a_week_in_the_partition_of_its_hour() -> None:
    who = actor()
    record = outbox_record(who, OrganizationCreated(organization_id="o", name="n"), 1)
    envelope = Envelope.model_validate_json(record.envelope)
    assert record.item()["pk"] == f"TENANT#{who.tenant_id}#OUTBOX#{envelope.at[:13]}"
    assert record.expires_at is not None
    assert KEPT_SECONDS == 7 * 86_400
    assert envelope.id == record.event_id
