"""From founding to erasure: who may, what is confirmed, what can be taken back."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine

from contracts.access import Role
from contracts.organizations import OrganizationStatus, Tenancy
from functions.organizations import api, events, schedule, steps
from functions.organizations.model import GRACE_DAYS, MemberBrief
from functions.organizations.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.table import Table, create
from tests.kit import actor, call, committed_events, sqs_event

pytestmark = pytest.mark.usefixtures("cloud")


def founded(who: Actor, **fields: str) -> str:
    steps.create_organization({"tenant_id": who.tenant_id, "name": "Acme", **fields}, None)
    return f"/organizations/{who.tenant_id}"


def tenancy(who: Actor) -> Tenancy | None:
    return Table().get_platform(Tenancy, tenant_id=who.tenant_id)


def test_a_person_founds_another_organisation_and_owns_it() -> None:
    who = actor()
    founded(who)
    answer = call(api.handler, "POST", "/organizations", who, {"name": "Beta"}, headers={"idempotency-key": "one"})
    assert answer.status == 202
    new_id = answer.body["organization_id"]
    assert answer.headers["location"] == f"/api/v1/organizations/{new_id}"
    again = call(api.handler, "POST", "/organizations", who, {"name": "Beta"}, headers={"idempotency-key": "one"})
    assert again.body["organization_id"] == new_id
    (event,) = [each for each in committed_events() if each.type == "OrganizationFounded.v1"]
    for _ in range(3):
        assert events.handler(sqs_event(event), None) == {"batchItemFailures": []}
    there = Store().organization(who.model_copy(update={"tenant_id": new_id}))
    assert (there.name, there.owner_id) == ("Beta", who.user_id)
    created = [each for each in committed_events() if each.tenant_id == new_id]
    assert [each.type for each in created] == ["OrganizationCreated.v1"]
    assert created[0].data["owner_email"] == who.email


def test_a_plan_allows_so_many_organisations() -> None:
    who = actor()
    founded(who)
    assert call(api.handler, "POST", "/organizations", who, {"name": "Beta"}).status == 202
    refused = call(api.handler, "POST", "/organizations", who, {"name": "Gamma"})
    assert (refused.status, refused.problem) == (402, "plan-limit-reached")


def test_a_key_founds_nothing() -> None:
    who = actor(key_id="key_1")
    founded(who)
    assert call(api.handler, "POST", "/organizations", who, {"name": "Beta"}).status == 403


def test_closing_is_confirmed_by_the_name_can_be_taken_back_and_ends_after_the_grace_period() -> None:
    who = actor()
    path = founded(who, owner_id=who.user_id)
    wrong = call(api.handler, "POST", f"{path}/close", who, {"name": "acme"})
    assert (wrong.status, wrong.problem) == (422, "confirmation-does-not-match")
    closed = call(api.handler, "POST", f"{path}/close", who, {"name": "Acme"})
    assert (closed.status, closed.body["status"]) == (200, "closing")
    assert clock.parse(closed.body["erased_after"]) - clock.now() > timedelta(days=GRACE_DAYS - 1)
    now = tenancy(who)
    assert now is not None
    assert now.status is OrganizationStatus.CLOSING
    restored = call(api.handler, "POST", f"{path}/restore", who)
    assert (restored.status, restored.body["status"], restored.body["erased_after"]) == (200, "active", None)
    assert call(api.handler, "POST", f"{path}/restore", who).status == 409
    with time_machine.travel(clock.now() + timedelta(days=GRACE_DAYS, minutes=1)):
        schedule.handler({}, None)  # it was restored
        assert call(api.handler, "GET", path, who).status == 200


def test_an_organisation_whose_grace_period_is_over_ends_once() -> None:
    who = actor()
    path = founded(who)
    call(api.handler, "DELETE", path, who, query="name=Acme")
    with time_machine.travel(clock.now() + timedelta(days=GRACE_DAYS - 1)):
        schedule.handler({}, None)
        assert call(api.handler, "GET", path, who).status == 200
    with time_machine.travel(clock.now() + timedelta(days=GRACE_DAYS, minutes=1)):
        assert schedule.handler({}, None) == {"looked_at": 1}
        assert schedule.handler({}, None) == {"looked_at": 0}
    assert tenancy(who) is None
    assert call(api.handler, "GET", path, who).status == 404
    assert [event.type for event in committed_events()].count("OrganizationClosed.v1") == 1


def test_the_owner_alone_closes_and_hands_over() -> None:
    who = actor()
    path = founded(who, owner_id=who.user_id)
    other = actor(tenant_id=who.tenant_id)
    for attempt in (
        call(api.handler, "POST", f"{path}/close", other, {"name": "Acme"}),
        call(api.handler, "POST", f"{path}/transfer", other, {"name": "Acme", "user_id": other.user_id}),
    ):
        assert (attempt.status, attempt.problem) == (403, "owner-only")
    assert committed_events()[-1].type == "OrganizationCreated.v1"


def test_ownership_goes_to_another_administrator() -> None:
    who, other, member = actor(), actor(), actor()
    path = founded(who, owner_id=who.user_id)
    for person, role in ((other, Role.ORGANIZATION_ADMIN), (member, Role.ANALYST)):
        Table().write(create(MemberBrief(tenant_id=who.tenant_id, user_id=person.user_id, roles=(role,))))
    for user_id in ("nobody", member.user_id):
        refused = call(api.handler, "POST", f"{path}/transfer", who, {"name": "Acme", "user_id": user_id})
        assert (refused.status, refused.problem) == (422, "not-a-member")
    done = call(api.handler, "POST", f"{path}/transfer", who, {"name": "Acme", "user_id": other.user_id})
    assert (done.status, done.body["owner_id"]) == (200, other.user_id)
    assert committed_events()[-1].data == {"owner_id": other.user_id, "before": who.user_id}
    now = tenancy(who)
    assert now is not None
    assert now.owner_id == other.user_id


def test_staff_suspend_and_reinstate() -> None:
    who = actor()
    founded(who)
    for status in ("suspended", "suspended", "active"):
        steps.set_status({"tenant_id": who.tenant_id, "status": status, "reason": "unpaid"}, None)
        now = tenancy(who)
        assert now is not None
        assert now.status == status
    changes = [event.data for event in committed_events() if event.type == "OrganizationStatusChanged.v1"]
    assert [(each["before"], each["status"]) for each in changes] == [("active", "suspended"), ("suspended", "active")]


def test_strangers_see_and_change_nothing() -> None:
    who, stranger = actor(), actor()
    path = founded(who)
    attempts = [
        call(api.handler, "POST", f"{path}/close", stranger, {"name": "Acme"}),
        call(api.handler, "DELETE", path, stranger, query="name=Acme"),
        call(api.handler, "POST", f"{path}/restore", stranger),
        call(api.handler, "POST", f"{path}/transfer", stranger, {"name": "Acme", "user_id": "u"}),
        call(api.handler, "GET", f"{path}/subscription", stranger),
        call(api.handler, "PUT", f"{path}/subscription", stranger, {"plan": "business"}),
        call(api.handler, "GET", f"{path}/usage", stranger),
        call(api.handler, "GET", f"{path}/customers", stranger),
        call(api.handler, "GET", f"{path}/delegations", stranger),
    ]
    assert {answer.status for answer in attempts} == {404}
