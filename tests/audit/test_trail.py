"""The audit trail: one entry for each deed, none for what the platform does by itself, none that changes."""

from __future__ import annotations

import random

import pytest

from contracts.access import Role
from contracts.scans import ScanPaused, ScanQueued
from functions.audit import api, events
from kernel.actor import Actor
from kernel.events import Envelope, Event
from kernel.outbox import outbox_record
from tests.kit import actor, call, sqs_event

pytestmark = pytest.mark.usefixtures("cloud", "vault")


def envelope(who: Actor, event: Event | None = None) -> Envelope:
    record = outbox_record(who, event or ScanQueued(scan_id="scan_1", name="Site"), 1)
    return Envelope.model_validate_json(record.envelope)


def trail(who: Actor, query: str = "") -> list[dict[str, object]]:
    items: list[dict[str, object]] = call(api.handler, "GET", "/audit/logs", who, query=query).body["items"]
    return items


def test_a_deed_is_kept_with_who_what_and_where() -> None:
    who = actor(address="203.0.113.9", request_id="req_12345678")
    deed = envelope(who)
    events.handler(sqs_event(deed), None)
    (entry,) = trail(who)
    assert entry["action"] == "ScanQueued"
    assert (entry["user_id"], entry["address"], entry["request_id"]) == (who.user_id, "203.0.113.9", "req_12345678")
    assert entry["details"] == {"scan_id": "scan_1", "name": "Site"}
    assert call(api.handler, "GET", f"/audit/logs/{deed.id}", who).body == {**entry, "proof": None}


def test_repeated_and_shuffled_events_leave_the_same_trail() -> None:
    who = actor()
    deeds = [envelope(who) for _ in range(8)]
    shuffled = deeds * 3
    random.Random(7).shuffle(shuffled)
    for deed in shuffled:
        events.handler(sqs_event(deed), None)
    assert [entry["entry_id"] for entry in trail(who)] == sorted((deed.id for deed in deeds), reverse=True)


def test_what_the_platform_does_by_itself_is_no_deed() -> None:
    who = actor()
    events.handler(sqs_event(envelope(Actor.system(who.tenant_id), ScanPaused(scan_id="s", name="n"))), None)
    assert trail(who) == []


def test_a_trail_is_its_tenants_and_for_those_who_may_read_it() -> None:
    who = actor()
    deed = envelope(who)
    events.handler(sqs_event(deed), None)
    assert trail(actor()) == []
    assert call(api.handler, "GET", f"/audit/logs/{deed.id}", actor()).status == 404
    assert call(api.handler, "GET", "/audit/logs", actor(Role.VIEWER, who.tenant_id)).status == 403
    for missing in ("evt_x", "evt_01M7W4B3EH1M6KS9N53NQX4HZ4", "x"):
        assert call(api.handler, "GET", f"/audit/logs/{missing}", who).status == 404


def test_a_day_is_a_date() -> None:
    who = actor()
    assert trail(who, "day=2020-01-31") == []
    for wrong in ("0", "yesterday", "2020-13-01"):
        assert call(api.handler, "GET", "/audit/logs", who, query=f"day={wrong}").status == 422
