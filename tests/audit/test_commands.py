"""Every command of every room leaves its deeds in the trail: one for each event, with who did it and from where."""

from __future__ import annotations

import pytest
import time_machine
from ulid import ULID

from contracts.scans import ScanQueued
from functions.audit import api, events
from functions.audit.model.entries import entry_of
from kernel.actor import SYSTEM_USER
from kernel.events import Category, Envelope
from kernel.outbox import outbox_record
from tests.kernel.test_commands import COMMANDS
from tests.kit import actor, call, committed_events, sqs_event

pytestmark = pytest.mark.usefixtures("cloud", "vault")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_leaves_one_deed_for_each_event(name: str) -> None:
    command, who = COMMANDS[name], actor()
    path = command.prepare(who)
    before = {event.id for event in committed_events()}
    assert command.send(who, path).status < 300
    told = [event for event in committed_events() if event.id not in before]
    for _ in range(2):
        assert events.handler(sqs_event(*told), None) == {"batchItemFailures": []}
    trail = call(api.handler, "GET", "/audit/logs", who).body["items"]
    assert {entry["entry_id"] for entry in trail} == {event.id for event in told}
    assert len(trail) == len(told) >= 1
    for entry in trail:
        assert (entry["user_id"], entry["email"], entry["address"]) == (who.user_id, who.email, "127.0.0.1")
        assert entry["request_id"]
        one = call(api.handler, "GET", f"/audit/logs/{entry['entry_id']}", who).body
        assert one == {**entry, "proof": None}


def envelope(at: str, made_at: str) -> Envelope:
    """An event whose clock was read at `at` and whose id was made at `made_at`."""
    with time_machine.travel(at, tick=False):
        record = outbox_record(actor(), ScanQueued(scan_id="scan_1", name="Site"), 1)
    sent = Envelope.model_validate_json(record.envelope)
    with time_machine.travel(made_at, tick=False):
        return sent.model_copy(update={"id": f"evt_{ULID()}"})


def test_a_deed_at_midnight_is_found_under_its_id() -> None:
    deed = envelope("2026-03-01T23:59:59.999Z", "2026-03-02T00:00:00.001Z")
    events.handler(sqs_event(deed), None)
    who = actor(tenant_id=deed.tenant_id)
    found = call(api.handler, "GET", f"/audit/logs/{deed.id}", who)
    assert found.status == 200
    assert found.body["at"] == "2026-03-01T23:59:59.999Z"
    listed = call(api.handler, "GET", "/audit/logs", who, query="day=2026-03-02").body["items"]
    assert [entry["entry_id"] for entry in listed] == [deed.id]


def test_the_platforms_own_doing_is_told_by_its_origin_alone() -> None:
    deed = envelope("2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z")
    own = deed.model_copy(update={"origin": deed.origin.model_copy(update={"user_id": SYSTEM_USER})})
    assert entry_of(deed, 90) is not None
    assert entry_of(own, 90) is None
    assert entry_of(own.model_copy(update={"category": Category.SECURITY}), 90) is not None


@pytest.mark.parametrize("entry_id", ["evt_7ZZZZZZZZZZZZZZZZZZZZZZZZZ", "evt_" + "I" * 26, "evt_", "%00", "x" * 3000])
def test_an_id_of_no_day_is_not_found(entry_id: str) -> None:
    assert call(api.handler, "GET", f"/audit/logs/{entry_id}", actor()).status == 404


def test_a_day_is_paged_from_its_newest_deed() -> None:
    who = actor()
    deeds = [
        Envelope.model_validate_json(outbox_record(who, ScanQueued(scan_id="s", name="n"), 1).envelope)
        for _ in range(5)
    ]
    events.handler(sqs_event(*deeds), None)
    first = call(api.handler, "GET", "/audit/logs", who, query="limit=3").body
    rest = call(api.handler, "GET", "/audit/logs", who, query=f"limit=3&cursor={first['next_cursor']}").body
    ids = [entry["entry_id"] for entry in first["items"] + rest["items"]]
    assert ids == sorted((deed.id for deed in deeds), reverse=True)
