"""A person is taken out of a sealed trail: every proof holds, and nobody can hide something that way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from contracts.identity import MemberInvited
from contracts.privacy import PersonErasureRequested, Subject
from functions.audit.schemas import LogAuditEntry
from functions.audit.service import privacy, trail
from kernel.attributes import from_item, to_item
from kernel.events import Envelope, Event
from kernel.facts import Facts
from kernel.outbox import outbox_record
from kernel.table import create
from palisade.audit.verify import verify
from tests.audit.places import Place, travelling

ERASURE = "era_01J9ZQ00000000000000000000"
PERSON = {"email": "someone@example.com", "name": "Some One"}


def told(place: Place, event: Event) -> Envelope:
    return Envelope.model_validate_json(outbox_record(place.who, event, 1).envelope)


def lived(time: Any) -> Place:
    """Deeds by a person and about one, and the wish to forget the person, all sealed."""
    place = Place()
    invited = MemberInvited(invitation_id="inv_1", email=PERSON["email"], roles=["viewer"])
    place.keep(*(place.deed() for _ in range(9)), told(place, invited))
    wish = PersonErasureRequested(erasure_id=ERASURE, user_id=place.who.user_id, begins_at="2026-06-02")
    place.keep(told(place, wish))
    time.shift(130)
    place.seal()
    return place


def forget(place: Place, job_id: str = ERASURE) -> int:
    subject = Subject(tenant_id=place.who.tenant_id, job_id=job_id, user_id=place.who.user_id, **PERSON)
    place.table.write(create(subject))
    done = privacy.erase_person(place.store, place.table, place.facts, place.who, job_id, None, 0)
    assert done["resume"] is None
    return int(done["changed"] or 0)


@pytest.fixture(autouse=True)
def versions(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bucket in memory has no versions to remove."""

    monkeypatch.setattr(Facts, "erase", Facts.delete)


def test_a_forgotten_person_leaves_every_proof_standing() -> None:
    with travelling() as time:
        place = lived(time)
        before = verify(place.export())
        assert forget(place) == 11 + 1  # the export lay ready
        place.keep(place.deed(), place.deed(timedelta(seconds=40)))
        time.shift(130)
        place.seal()
        lines = list(place.export())
        after = verify(lines)
    assert (before.faults, before.forgotten) == ([], 0)
    assert (after.faults, after.entries, after.forgotten) == ([], 13, 11)
    assert after.head_root != before.head_root
    old = b"".join(line for line in lines if b"evt_" in line)
    assert b"inv_1" in old


def test_forgetting_again_changes_nothing() -> None:
    with travelling() as time:
        place = lived(time)
        assert forget(place) == 11
        done = privacy.erase_person(place.store, place.table, place.facts, place.who, ERASURE, None, 0)
    assert done == {"resume": None, "changed": 0}


@pytest.mark.parametrize("claimed", ["era_01J9ZQ00000000000000000001", "evt_1", "x"])
def test_a_thief_cannot_hide_a_content_as_forgotten(claimed: str) -> None:
    with travelling() as time:
        place = lived(time)
        key = next(key for key in place.table.client.items if key[1].startswith("ENTRY#"))
        item = from_item(place.table.client.items[key])
        place.table.client.items[key] = to_item({**item, "content": "{}", "forgotten": claimed})
        faults = verify(place.export()).faults
    assert [fault.code for fault in faults] == ["content"]


def test_an_erasure_that_an_integration_made_up_forgives_nothing() -> None:

    with travelling() as time:
        place = lived(time)
        made_up = "era_01J9ZQ0000000000000000000Z"
        body = LogAuditEntry(action="PersonErasureRequested", resource=made_up)
        trail.log_entry(place.store, place.who, body)
        time.shift(130)
        place.seal()
        assert forget(place, made_up) > 0
        assert {fault.code for fault in verify(place.export()).faults} == {"content"}
