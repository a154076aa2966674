"""Recurring scans: the clock follows the record, and an occasion is started once."""

from __future__ import annotations

import json
from typing import Any

import pytest
import time_machine

from contracts.organizations import OrganizationStatus, OrganizationStatusChanged, Tenancy
from contracts.scans import ScanPaused
from functions.scans import api, events, schedule
from functions.scans.gateways import Scheduler
from functions.scans.model import Schedule
from functions.scans.service import execution, schedules
from functions.scans.store import Store
from kernel.actor import Actor
from kernel.table import Table, create, update
from tests import edges
from tests.faults import answering, refusal
from tests.kit import actor, call, committed_events, sqs_event

WEEKLY = {
    "name": "Weekly",
    "targets": ["127.0.0.1"],
    "profile": "comprehensive",
    "modules": ["crawler"],
    "scope": {"deny": ["10.0.0.0/8"]},
    "budget": {"tasks": 100},
    "cron": "30 2 * * 1",
    "timezone": "Europe/Zurich",
}


@pytest.fixture(autouse=True)
def world(cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
    edges.set_up(monkeypatch)


def arranged(who: Actor, **change: Any) -> dict[str, Any]:
    """A schedule whose event has reached the clock."""
    answer = call(api.handler, "POST", "/schedules", who, {**WEEKLY, **change})
    assert answer.status == 201
    arrive()
    return dict(answer.body)


def arrive() -> None:
    assert events.handler(sqs_event(*committed_events()), None) == {"batchItemFailures": []}


def fire(who: Actor, schedule_id: str, occasion: str = "2026-03-02T01:30:00Z") -> None:
    schedule.handler({"tenant_id": who.tenant_id, "schedule_id": schedule_id, "occasion": occasion}, None)


def scans_of(who: Actor) -> list[dict[str, Any]]:
    return list(call(api.handler, "GET", "/scans", who).body["items"])


def test_the_clock_is_set_as_the_record_says() -> None:
    who = actor()
    made = arranged(who)
    arrive()
    ((name, known),) = edges.schedules().items()
    assert name == made["schedule_id"]
    assert (known["ScheduleExpression"], known["ScheduleExpressionTimezone"]) == ("cron(30 2 ? * 2 *)", "Europe/Zurich")
    assert json.loads(known["Target"]["Input"]) == {
        "tenant_id": who.tenant_id,
        "schedule_id": made["schedule_id"],
        "occasion": "<aws.scheduler.scheduled-time>",
    }
    shown = call(api.handler, "GET", f"/schedules/{made['schedule_id']}", who).body
    assert shown == made
    assert call(api.handler, "GET", f"/schedules/{made['schedule_id']}", actor()).status == 404
    assert call(api.handler, "GET", "/schedules", who).body["items"] == [made]


def test_a_schedule_that_was_removed_stops_the_clock_in_any_order_of_events() -> None:
    who = actor()
    made = arranged(who)
    assert call(api.handler, "DELETE", f"/schedules/{made['schedule_id']}", who).status == 204
    for order in (committed_events(), committed_events()[::-1]):
        events.handler(sqs_event(*order), None)
        assert edges.schedules() == {}
    assert call(api.handler, "DELETE", f"/schedules/{made['schedule_id']}", who).status == 404


def test_an_occasion_starts_one_scan_as_the_schedule_says_for_the_person_who_set_it_up() -> None:
    who = actor()
    made = arranged(who)
    for _ in range(3):
        fire(who, made["schedule_id"])
    (scan,) = scans_of(who)
    assert (scan["status"], scan["name"], scan["schedule_id"]) == ("queued", "Weekly", made["schedule_id"])
    assert (scan["profile"], list(scan["modules"]), scan["targets"]) == ("comprehensive", ["crawler"], ["127.0.0.1"])
    assert (scan["scope"]["deny"], scan["budget"]["tasks"]) == (["10.0.0.0/8"], 100)
    assert scan["created_by"] == who.user_id
    fire(who, made["schedule_id"], "2026-03-09T01:30:00Z")
    assert len(scans_of(who)) == 2
    assert [event.type for event in committed_events()].count("ScanQueued.v1") == 2


def test_an_occasion_whose_scan_is_refused_is_not_tried_again() -> None:
    who = actor()
    target = {"pattern": "example.com", "method": "attestation", "statement": "The owner has ordered it in writing."}
    approved = call(api.handler, "POST", "/targets", who, target).body
    made = arranged(who, targets=["example.com"], scope={})
    call(api.handler, "DELETE", f"/targets/{approved['target_id']}", who)
    fire(who, made["schedule_id"])
    fire(who, "schedule_none")
    fire(actor(), made["schedule_id"])
    assert scans_of(who) == []


def test_a_clock_that_is_away_is_asked_again_by_the_event() -> None:
    who = actor()
    call(api.handler, "POST", "/schedules", who, WEEKLY)
    with answering("CreateSchedule", *[refusal("InternalServerException")] * 9):
        assert events.handler(sqs_event(*committed_events()), None)["batchItemFailures"]
    assert edges.schedules() == {}
    arrive()
    assert len(edges.schedules()) == 1


@pytest.mark.parametrize(
    ("cron", "timezone", "problem"),
    [
        ("30 2 * *", "UTC", "malformed-cron"),
        ("30 2 * * 1 2026", "UTC", "malformed-cron"),
        ("@daily", "UTC", "malformed-cron"),
        ("30 2 1 * 1", "UTC", "malformed-cron"),
        ("30 2 1,L * *", "UTC", "malformed-cron"),
        ("30 2 ? * 1", "UTC", "malformed-cron"),
        ("30 2 * * 8", "UTC", "malformed-cron"),
        ("0 0 30 2 *", "UTC", "malformed-cron"),
        ("30 2 * * 1", "", "unknown-timezone"),
        ("30 2 * * 1", "Europe", "unknown-timezone"),
        ("30 2 * * 1", "../../etc/passwd", "unknown-timezone"),
        ("30 2 * * 1", "Europe/Zurich\u0000", "unknown-timezone"),
    ],
)
def test_what_the_clock_could_not_keep_is_refused(cron: str, timezone: str, problem: str) -> None:
    who = actor()
    refused = call(api.handler, "POST", "/schedules", who, {**WEEKLY, "cron": cron, "timezone": timezone})
    assert (refused.status, refused.problem) == (422, problem)
    assert committed_events() == []


def test_the_next_occasions_are_told_and_a_skipped_one_is_explained() -> None:
    who = actor()
    with time_machine.travel("2027-03-27T12:00:00Z", tick=False):
        made = arranged(who, cron="30 2 * * *")
        shown = call(api.handler, "GET", f"/schedules/{made['schedule_id']}/occasions", who).body["items"]
    assert [each["local"] for each in shown[:2]] == ["2027-03-28T02:30", "2027-03-29T02:30"]
    assert shown[0]["at"] is None
    assert "skips" in shown[0]["note"]
    assert shown[1]["at"] == "2027-03-29T00:30:00.000Z"


def test_a_calendar_is_kept_for_every_scan_of_the_schedule_and_a_senseless_one_refused() -> None:
    who = actor()
    nights = {"timezone": "UTC", "windows": [{"days": ["sat"], "opens": "22:00", "closes": "04:00"}]}
    made = arranged(who, calendar=nights)
    assert made["calendar"]["windows"][0]["days"] == ["sat"]
    never = [{"begins": "2020-01-01T00:00:00Z", "ends": "2090-01-01T00:00:00Z"}]
    refused = call(api.handler, "POST", "/schedules", who, {**WEEKLY, "calendar": {"blackouts": never}})
    assert refused.status == 422


def test_the_alarm_of_a_rest_is_the_present_one_whatever_order_events_come_in() -> None:
    who, store = actor(), Store()
    office = {"windows": [{"opens": "08:00", "closes": "18:00"}]}
    with time_machine.travel("2026-05-04T03:00:00Z", tick=False):
        scan = {"name": "S", "targets": ["127.0.0.1"], "calendar": office, "budget": {"minutes": 6000}}
        made = call(api.handler, "POST", "/scans", who, scan)
        path = f"/scans/{made.body['scan_id']}"
        assert call(api.handler, "POST", f"{path}/start", who).status == 202
        execution.gate(store, who, made.body["scan_id"], None)
        (rested,) = [each for each in committed_events() if each.type == "ScanPaused.v1"]
        told = rested.event()
        assert isinstance(told, ScanPaused)
        assert call(api.handler, "POST", f"{path}/resume", who).status == 202
    with time_machine.travel("2026-05-04T19:00:00Z", tick=False):
        execution.gate(store, who, made.body["scan_id"], None)
        events.rest(told, rested)
        (alarm,) = edges.schedules().values()
        assert alarm["ScheduleExpression"] == "at(2026-05-05T08:00:00)"
        assert json.loads(alarm["Target"]["Input"])["resumes_at"] == "2026-05-05T08:00:00.000Z"
        Scheduler().clear(made.body["scan_id"])
        assert call(api.handler, "POST", f"{path}/stop", who).status == 202
        events.rest(told, rested)
        assert edges.schedules() == {}


def status(who: Actor, status: OrganizationStatus) -> None:
    """The organisation is suspended, closed or reopened; the room hears all that was ever told, in any order."""
    tenancy = Table().get_platform(Tenancy, tenant_id=who.tenant_id)
    changed = (tenancy or Tenancy(tenant_id=who.tenant_id)).model_copy(update={"status": status})
    told = OrganizationStatusChanged(status=status, before=OrganizationStatus.ACTIVE)
    Table().transact_platform([update(changed) if tenancy else create(changed)])
    Table().transact(who, [], [told])
    for order in (committed_events(), committed_events()[::-1]):
        assert events.handler(sqs_event(*order), None) == {"batchItemFailures": []}


@pytest.mark.parametrize("away", [OrganizationStatus.CLOSING, OrganizationStatus.SUSPENDED])
def test_nothing_recurs_in_an_organisation_that_is_closed_until_it_is_reopened(away: OrganizationStatus) -> None:
    who, other = actor(), actor()
    made = arranged(who)
    arranged(who, name="Nightly")
    kept = arranged(other)
    status(who, away)
    assert [name for name in edges.schedules() if name != kept["schedule_id"]] == []
    fire(who, made["schedule_id"])  # the clock had rung already
    assert scans_of(who) == []
    status(who, OrganizationStatus.ACTIVE)
    assert len(edges.schedules()) == 3
    fire(who, made["schedule_id"])
    assert len(scans_of(who)) == 1


def test_an_organisation_that_is_reopened_meanwhile_keeps_its_clock() -> None:
    who = actor()
    arranged(who)

    class Meanwhile(Store):
        """It is reopened between the look at it and the clock."""

        looks = 0

        def may_work(self, actor: Actor) -> bool:
            self.looks += 1
            return self.looks > 1

    store = Meanwhile()
    schedules.follow_organization(store, Scheduler(), who)
    assert (store.looks, len(edges.schedules())) == (4, 1)


def test_a_schedule_that_is_removed_while_the_organisation_is_reopened_has_no_clock() -> None:
    who = actor()
    made = arranged(who)

    class Meanwhile(Store):
        """It is removed between the look at it and the clock; its event has come before."""

        def every_schedule(self, actor: Actor) -> dict[str, Schedule]:
            found = super().every_schedule(actor)
            if found:
                schedules.delete_schedule(self, actor, made["schedule_id"])
            return found

    schedules.follow_organization(Meanwhile(), Scheduler(), who)
    assert edges.schedules() == {}
