"""To be forgotten: asked for with care, taken back in time, done everywhere, and the trail's seals unbroken."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest

from contracts.access import Role
from contracts.privacy import ERASING, Subject
from functions.access.store import Store as Access
from functions.audit import api as trail
from functions.audit.model.entries import AuditEntry
from functions.identity.model import Person, User
from functions.identity.service.members import change_roles
from functions.identity.store import Store as People
from functions.organizations import service as tenants
from functions.organizations.schemas import TransferOwnership
from functions.organizations.store import Store as Tenants
from functions.privacy import api, events, steps
from kernel import clock
from kernel.table import Table
from tests.edges import executions
from tests.identity.pool import Pool, Someone
from tests.kit import actor, call, committed_events, sqs_event
from tests.privacy.world import ADA, ADDRESS, DOORS, NAME, World, everything


def ask(world: World, user_id: str = "", typed: str = ADA, **more: Any) -> Any:
    body = {"user_id": user_id or world.ada.user_id, "confirmation": typed, **more}
    return call(api.handler, "POST", "/privacy/erasures", world.boss, body)


def read(world: World, erasure_id: str) -> Any:
    return call(api.handler, "GET", f"/privacy/erasures/{erasure_id}", world.boss)


def last_event() -> str:
    return committed_events()[-1].type


def test_nothing_names_an_erased_person_any_more(world: World, pool: Pool) -> None:
    pool.people[ADA] = Someone(ADA, "x", "CONFIRMED", {}, sub=world.ada.user_id)
    world.traces()
    exported = call(api.handler, "POST", "/privacy/exports", world.ada, {}).body["export_id"]
    assert world.export(exported) == "ready"
    world.tell()
    before = everything(world.tenant_id)
    assert all(each in before for each in (ADA, NAME, ADDRESS))
    erasure_id = ask(world).body["erasure_id"]
    assert world.erase(erasure_id) == "done"
    world.tell()
    left = everything()
    for word in (ADA, NAME, ADDRESS):
        assert word.lower() not in left.lower(), re.findall(f".{{200}}{word}.{{50}}", left, re.IGNORECASE)[:2]
    assert ADA not in pool.people
    assert Table().get_platform(Person, user_id=world.ada.user_id) is None
    shown = read(world, erasure_id).body
    assert (shown["status"], shown["progress"], shown["missing"]) == ("done", 100, [])
    assert shown["counts"]["identity"] == 3
    assert shown["counts"]["audit"] > 1
    assert "The Boss" in left


def test_the_trail_keeps_its_leaves_and_loses_the_person(world: World) -> None:
    world.traces()
    days = [clock.timestamp()[:10]]
    table = Table()
    before = {each.entry_id: each for day in days for each in table.all(world.boss, AuditEntry, day=day)}
    by_ada = [each for each in before.values() if each.user_id == world.ada.user_id]
    assert by_ada
    assert all(ADA in each.content for each in by_ada)
    assert world.erase(ask(world).body["erasure_id"]) == "done"
    for day in days:
        for entry in table.all(world.boss, AuditEntry, day=day):
            if entry.entry_id in before:
                assert entry.leaf_hash() == before[entry.entry_id].leaf_hash()
            assert ADA not in entry.content
    shown = call(trail.handler, "GET", f"/audit/logs/{by_ada[0].entry_id}", world.boss).body
    assert (shown["user_id"], shown["email"], shown["address"]) == (world.ada.user_id, None, None)
    assert shown["forgotten"].startswith("era_")
    assert "salt" not in table.require(world.boss, AuditEntry, day=days[0], entry_id=by_ada[0].entry_id).content


def test_a_person_of_two_organisations_stays_in_the_other(world: World, pool: Pool) -> None:
    pool.people[ADA] = Someone(ADA, "x", "CONFIRMED", {}, sub=world.ada.user_id)
    other = actor(Role.ORGANIZATION_ADMIN, user_id=world.ada.user_id)
    world.join(other, ADA, NAME)
    assert world.erase(ask(world).body["erasure_id"]) == "done"
    person = Table().get_platform(Person, user_id=world.ada.user_id)
    assert person is not None
    assert (person.organizations, person.last, person.email) == ((other.tenant_id,), other.tenant_id, ADA)
    assert Table().get(other, User, user_id=other.user_id) is not None
    assert ADA in pool.people
    assert ADA not in everything(world.tenant_id).replace(str(person), "") or ADA in str(person)
    own = [line for line in everything().splitlines() if f"TENANT#{world.tenant_id}" in line]
    assert not [line for line in own if ADA in line or NAME in line]


@pytest.mark.parametrize("absent", ERASING)
def test_a_room_that_did_not_do_its_part_shows(world: World, absent: str) -> None:
    erasure_id = ask(world).body["erasure_id"]
    assert world.erase(erasure_id, tuple(room for room in ERASING if room != absent)) == "incomplete"
    shown = read(world, erasure_id).body
    assert (shown["status"], shown["missing"]) == ("incomplete", [absent])
    assert last_event() == "PersonErasureIncomplete.v1"


def test_an_incomplete_erasure_is_tried_again(world: World) -> None:
    erasure_id = ask(world).body["erasure_id"]
    retry = f"/privacy/erasures/{erasure_id}/retry"
    assert call(api.handler, "POST", retry, world.boss).problem == "nothing-to-retry"
    assert world.erase(erasure_id, ("identity",)) == "incomplete"
    again = call(api.handler, "POST", retry, world.boss)
    assert (again.status, again.body["status"]) == (202, "scheduled")
    assert sum(event.type == "PersonErasureRequested.v1" for event in committed_events()) == 2
    assert world.erase(erasure_id) == "done"
    assert Table().get(world.boss, Subject, job_id=erasure_id) is None


def test_it_can_be_taken_back_until_it_begins(world: World) -> None:
    erasure_id = ask(world).body["erasure_id"]
    assert ask(world).problem == "already-erasing"
    cancelled = call(api.handler, "POST", f"/privacy/erasures/{erasure_id}/cancel", world.boss)
    assert (cancelled.status, cancelled.body["status"]) == (200, "cancelled")
    assert world.erase(erasure_id) == "not begun"
    assert People().find_user(world.boss, world.ada.user_id) is not None
    again = ask(world).body["erasure_id"]
    assert steps.begin(world.work(again), None) is True
    assert steps.begin(world.work(again), None) is True
    late = call(api.handler, "POST", f"/privacy/erasures/{again}/cancel", world.boss)
    assert late.problem == "erasure-has-begun"


def test_the_days_of_grace_are_the_machines_to_wait(world: World) -> None:
    erasure = ask(world, grace_days=3).body
    told = [event for event in committed_events() if event.type == "PersonErasureRequested.v1"]
    assert events.handler(sqs_event(*told, *told), None) == {"batchItemFailures": []}
    ((name, work),) = executions("PRIVACY_ERASURE_MACHINE_ARN")
    assert (name, work["job_id"], work["at"]) == (told[0].id, erasure["erasure_id"], erasure["begins_at"])
    left = datetime.fromisoformat(erasure["begins_at"]) - clock.now()
    assert timedelta(days=2, hours=23) < left <= timedelta(days=3)
    assert ADA not in str(told[0].data)


def test_the_owner_and_the_last_administrator_stay(world: World) -> None:
    refused = ask(world, world.boss.user_id, "boss@example.com")
    assert (refused.status, refused.problem) == (409, "owner-cannot-be-erased")
    assert last_event() == "PersonErasureRefused.v1"
    everybody = People().user(world.boss, world.ada.user_id)
    change_roles(People(), world.boss, everybody.user_id, [Role.ORGANIZATION_ADMIN], None)
    body = TransferOwnership(user_id=world.ada.user_id, name="Acme")
    tenants.transfer_ownership(Tenants(), world.boss, world.tenant_id, body)
    change_roles(People(), world.boss, world.ada.user_id, [Role.VIEWER], None)
    assert ask(world, world.boss.user_id, "boss@example.com").problem == "last-administrator"
    assert People().find_user(world.boss, world.boss.user_id) is not None


def test_who_becomes_the_owner_meanwhile_is_spared(world: World) -> None:
    erasure_id = ask(world).body["erasure_id"]
    change_roles(People(), world.boss, world.ada.user_id, [Role.ORGANIZATION_ADMIN], None)
    body = TransferOwnership(user_id=world.ada.user_id, name="Acme")
    tenants.transfer_ownership(Tenants(), world.boss, world.tenant_id, body)
    assert world.erase(erasure_id) == "not begun"
    assert read(world, erasure_id).body["status"] == "cancelled"
    assert People().find_user(world.boss, world.ada.user_id) is not None


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"confirmation": "eve@example.com"}, "wrong-confirmation"),
        ({"confirmation": "no address"}, "invalid"),
        ({"user_id": "nobody"}, "not-found"),
        ({"grace_days": 0}, "invalid"),
        ({"grace_days": 31}, "invalid"),
        ({"organization_id": "org"}, "invalid"),
    ],
)
def test_a_wish_that_is_wrong_changes_nothing(world: World, change: dict[str, Any], problem: str) -> None:
    before = len(committed_events())
    body = {"user_id": world.ada.user_id, "confirmation": ADA, **change}
    assert call(api.handler, "POST", "/privacy/erasures", world.boss, body).problem == problem
    assert len(committed_events()) == before


def test_who_may_not_does_not(world: World) -> None:
    body = {"user_id": world.boss.user_id, "confirmation": "boss@example.com"}
    assert call(api.handler, "POST", "/privacy/erasures", world.ada, body).problem == "forbidden"
    assert call(api.handler, "GET", "/privacy/erasures", world.ada).problem == "forbidden"
    erasure_id = ask(world).body["erasure_id"]
    assert call(api.handler, "GET", f"/privacy/erasures/{erasure_id}", actor()).problem == "not-found"
    assert call(api.handler, "POST", f"/privacy/erasures/{erasure_id}/cancel", actor()).problem == "not-found"


def test_doing_a_step_again_changes_nothing(world: World) -> None:
    world.traces()
    erasure_id = ask(world).body["erasure_id"]
    steps.begin(world.work(erasure_id), None)
    for _ in range(2):
        for room in ERASING:
            DOORS[room](world.work(erasure_id, wish="erase"), None)
    for _ in range(2):
        assert steps.sweep(world.work(erasure_id), None)["resume"] is None
    for _ in range(2):
        assert steps.finish_erasure(world.work(erasure_id), None) == "done"
    assert sum(event.type == "PersonErased.v1" for event in committed_events()) == 1
    assert Access().teams_of(world.boss, world.ada.user_id) == []
