"""Plans: usage is counted from events once, shown with what is left, and a limit that is reached is a condition."""

from __future__ import annotations

import random
from typing import Any

import pytest
import time_machine

from contracts.identity import UserCreated
from contracts.plans import Exhausted, LimitReached, Metered, plans, unless_exhausted
from contracts.scans import ScanDeleted, ScanEnded, ScanQueued, ScanStatus, Tally
from functions.organizations import api, events, steps
from functions.organizations.model import Organization
from kernel.actor import Actor
from kernel.events import Envelope, Event
from kernel.facts import Facts
from kernel.ids import new_id
from kernel.limits import Limiter
from kernel.outbox import outbox_record
from kernel.table import Table
from tests.faults import hooked
from tests.kit import actor, call, committed_events, sqs_event

pytestmark = pytest.mark.usefixtures("cloud")
FREE = plans()["free"]


def founded() -> tuple[Actor, str]:
    who = actor()
    steps.create_organization({"tenant_id": who.tenant_id, "name": "Acme"}, None)
    return who, f"/organizations/{who.tenant_id}"


def happened(who: Actor, event: Event) -> Envelope:
    return Envelope.model_validate_json(outbox_record(who, event, 1).envelope)


def deliver(*envelopes: Envelope) -> None:
    for start in range(0, len(envelopes), 10):
        assert events.handler(sqs_event(*envelopes[start : start + 10]), None) == {"batchItemFailures": []}


def used(who: Actor, path: str) -> dict[str, int]:
    answer = call(api.handler, "GET", f"{path}/usage", who)
    assert answer.status == 200
    return {line["metered"]: line["used"] for line in answer.body["lines"]}


def queued(who: Actor) -> Envelope:
    return happened(who, ScanQueued(scan_id=new_id("scan"), name="Site"))


def test_usage_starts_at_nothing_beside_its_limits() -> None:
    who, path = founded()
    report = call(api.handler, "GET", f"{path}/usage", who).body
    assert report["plan"] == "free"
    lines = {line["metered"]: line for line in report["lines"]}
    assert set(lines) == {metered.value for metered in Metered}
    assert lines["scans"]["left"] == lines["scans"]["limit"] == FREE.scans
    assert len(lines["scans"]["period"]) == 7
    assert lines["users"]["period"] == "now"


def test_events_are_counted_once_in_whatever_order_they_come() -> None:
    who, path = founded()
    person = UserCreated(user_id="u", email="u@example.com", roles=["viewer"])
    stream = [*(queued(who) for _ in range(5)), *(happened(who, person) for _ in range(3))] * 3
    random.Random(7).shuffle(stream)
    deliver(*stream)
    counted = used(who, path)
    assert (counted["scans"], counted["users"]) == (5, 3)


def test_what_scans_found_and_the_room_they_take_is_counted_and_given_back() -> None:
    who, path = founded()
    scan_id = new_id("scan")
    for part in range(3):
        Facts().put(who, f"tenants/{who.tenant_id}/scans/{scan_id}/facts/{part}", b"x" * 1000)
    tally = Tally(observations=77)
    ended = happened(who, ScanEnded(scan_id=scan_id, name="Site", status=ScanStatus.FINISHED, tally=tally))
    deliver(ended, ended)
    assert (used(who, path)["observations"], used(who, path)["storage"]) == (77, 3000)
    Facts().delete(who, f"tenants/{who.tenant_id}/scans/{scan_id}/")
    gone = happened(who, ScanDeleted(scan_id=scan_id, name="Site"))
    deliver(gone, gone)
    assert (used(who, path)["observations"], used(who, path)["storage"]) == (77, 0)


def test_a_limit_that_is_reached_refuses_the_next_command_and_tells_once() -> None:
    who, _path = founded()
    table = Table()
    deliver(*(queued(who) for _ in range(FREE.scans - 1)))
    table.transact(who, [unless_exhausted(who, Metered.SCANS)])
    deliver(queued(who), queued(who))
    with pytest.raises(LimitReached) as refused:
        table.transact(who, [unless_exhausted(who, Metered.SCANS)])
    assert refused.value.status == 402
    table.transact(who, [unless_exhausted(who, Metered.USERS)])
    told = [event.data for event in committed_events() if event.type == "LimitApproached.v1"]
    assert [(each["metered"], each["exhausted"]) for each in told] == [("scans", False), ("scans", True)]


def test_a_months_limit_ends_with_the_month() -> None:
    with time_machine.travel("2026-11-29T12:00:00Z", tick=False) as traveller:
        who, path = founded()
        deliver(*(queued(who) for _ in range(FREE.scans)))
        with pytest.raises(LimitReached):
            Table().transact(who, [unless_exhausted(who, Metered.SCANS)])
        traveller.move_to("2026-12-01T00:00:02Z")
        Table().transact(who, [unless_exhausted(who, Metered.SCANS)])
        assert used(who, path)["scans"] == 0


def test_a_larger_plan_lifts_the_limit_at_once() -> None:
    who, path = founded()
    deliver(*(queued(who) for _ in range(FREE.scans)))
    changed = call(api.handler, "PUT", f"{path}/subscription", who, {"plan": "starter"})
    assert (changed.status, changed.body["plan"]["name"]) == (200, "starter")
    Table().transact(who, [unless_exhausted(who, Metered.SCANS)])
    back = call(api.handler, "PUT", f"{path}/subscription", who, {"plan": "free"})
    assert back.status == 200
    assert Table().get(who, Exhausted, metered=Metered.SCANS) is not None
    assert [event.data["plan"] for event in committed_events() if event.type == "SubscriptionChanged.v1"] == [
        "starter",
        "free",
    ]


def test_a_plan_that_is_too_small_or_unknown_is_refused() -> None:
    who, path = founded()
    call(api.handler, "PUT", f"{path}/subscription", who, {"plan": "starter"})
    people = [UserCreated(user_id=f"u{n}", email=f"u{n}@example.com", roles=["viewer"]) for n in range(6)]
    deliver(*(happened(who, person) for person in people))
    small = call(api.handler, "PUT", f"{path}/subscription", who, {"plan": "free"})
    assert (small.status, small.problem) == (409, "plan-too-small")
    assert "users" in small.body["detail"]
    unknown = call(api.handler, "PUT", f"{path}/subscription", who, {"plan": "gold"})
    assert (unknown.status, unknown.problem) == (422, "unknown-plan")
    organization = Table().get(who, Organization)
    assert organization is not None
    assert organization.plan == "starter"


def test_requests_are_counted_by_the_bucket_that_admits_them() -> None:
    who, path = founded()
    Limiter(Table()).draw(who, "api", rate=10, burst=100, want=40)
    assert used(who, path)["api_calls"] == 40


def test_a_count_that_comes_between_is_counted_too() -> None:
    """Another worker counts after this one has read, and before it writes."""
    who, path = founded()
    mine, other = queued(who), [queued(who)]

    def between(model: Any, **_rest: Any) -> None:
        if model.name == "BatchGetItem" and other:
            deliver(other.pop())

    with hooked(between, "after-call"):
        deliver(mine)
    assert used(who, path)["scans"] == 2
