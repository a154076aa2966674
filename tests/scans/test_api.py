"""The scans API through its Lambda handler."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.access import Role
from functions.scans import api
from kernel.actor import Actor
from tests.kit import Answer, actor, call, committed_events

pytestmark = pytest.mark.usefixtures("cloud")


@pytest.fixture(autouse=True)
def fresh_store() -> None:
    api.store.cache_clear()


def post(path: str, who: Actor | None, body: Any = None, **options: Any) -> Answer:
    return call(api.handler, "POST", path, who, body, **options)


def get(path: str, who: Actor | None, **options: Any) -> Answer:
    return call(api.handler, "GET", path, who, **options)


SCAN = {"name": "Site", "targets": ["http://127.0.0.1:8000/"], "profile": "comprehensive"}


def test_a_scan_is_created_read_listed_started_stopped_and_deleted() -> None:
    who = actor()
    created = post("/scans", who, SCAN)
    assert created.status == 201
    assert created.headers["location"] == f"/api/v1/scans/{created.body['scan_id']}"
    assert created.headers["etag"] == '"1"'
    assert created.body["status"] == "created"
    assert created.body["modules"]
    assert "tenant_id" not in created.body
    path = f"/scans/{created.body['scan_id']}"
    assert get(path, who).body == created.body
    assert [scan["scan_id"] for scan in get("/scans", who).body["items"]] == [created.body["scan_id"]]
    started = post(f"{path}/start", who)
    assert (started.status, started.body["status"], started.headers["etag"]) == (202, "queued", '"2"')
    assert post(f"{path}/stop", who).body["status"] == "stopping"
    again = post(f"{path}/stop", who)
    assert (again.status, again.problem) == (409, "scan-wrong-state")
    running = call(api.handler, "DELETE", path, who)
    assert (running.status, running.problem) == (409, "scan-wrong-state")
    types = [event.type for event in committed_events()]
    assert types == ["ScanCreated.v1", "ScanQueued.v1", "ScanStopRequested.v1"]


def test_another_tenants_scan_looks_like_none() -> None:
    owner, stranger = actor(), actor()
    scan_id = post("/scans", owner, SCAN).body["scan_id"]
    foreign = get(f"/scans/{scan_id}", stranger)
    absent = get(f"/scans/{scan_id[:-1]}0", stranger)
    assert foreign.status == absent.status == 404
    volatile = {"instance", "trace_id"}
    assert {k: v for k, v in foreign.body.items() if k not in volatile} == {
        k: v for k, v in absent.body.items() if k not in volatile
    }
    assert get("/scans", stranger).body == {"items": [], "next_cursor": None}
    assert get(f"/scans/{scan_id}#x", owner).status == 404


@pytest.mark.parametrize(
    ("change", "status", "problem"),
    [
        ({"modules": ["no_such_module"]}, 422, "unknown-module"),
        ({"profile": "wild"}, 422, "unknown-profile"),
        ({"budget": {"minutes": 0}}, 422, "empty-budget"),
        ({"budget": {"tasks": -1}}, 422, "empty-budget"),
        ({"scope": {"deny": ["127.0.0.0/8"]}}, 422, "target-outside-scope"),
        ({"targets": ["example.com"]}, 403, "target-not-owned"),
        ({"targets": ["0x7f000001"]}, 422, "bad-target"),
        ({"targets": ["169.254.169.254"]}, 422, "bad-target"),
        ({"targets": ["http://127.0.0.1:8080/"]}, 422, "bad-target"),
        ({"targets": []}, 422, "invalid"),
        ({"surprise": 1}, 422, "invalid"),
        ({"tenant_id": "org_01J9ZQZZZZZZZZZZZZZZZZZZZZ"}, 422, "invalid"),
        ({"name": "a\u0000b"}, 422, "invalid"),
    ],
)
def test_bad_input_has_its_own_problem_and_leaves_nothing(change: dict[str, Any], status: int, problem: str) -> None:
    who = actor()
    answer = post("/scans", who, {**SCAN, **change})
    assert (answer.status, answer.problem) == (status, problem)
    assert answer.headers["content-type"] == "application/problem+json"
    assert get("/scans", who).body["items"] == []
    assert committed_events() == []


def test_a_body_that_is_not_json_is_a_bad_request() -> None:
    assert post("/scans", actor(), raw="{").problem == "bad-request"
    assert post("/scans", actor(), raw='{"name": "\\ud800", "targets": ["a.example"]}').status == 422


def test_nobody_and_the_powerless_are_refused() -> None:
    assert post("/scans", None, SCAN).status == 401
    refused = post("/scans", actor(Role.VIEWER), SCAN)
    assert (refused.status, refused.problem) == (403, "forbidden")


def test_an_idempotency_key_repeats_the_first_answer() -> None:
    who = actor()
    headers = {"idempotency-key": "k-1"}
    first = post("/scans", who, SCAN, headers=headers)
    second = post("/scans", who, SCAN, headers=headers)
    assert second.status == 201
    assert second.body == first.body
    assert second.headers["location"] == first.headers["location"]
    assert second.headers["etag"] == first.headers["etag"]
    assert second.headers["idempotency-replayed"] == "true"
    other = post("/scans", who, {**SCAN, "name": "Other"}, headers=headers)
    assert (other.status, other.problem) == (422, "idempotency-key-reused")
    assert post("/scans", actor(), SCAN, headers=headers).body != first.body
    start = f"/scans/{first.body['scan_id']}/start"
    assert post(start, who, headers=headers).body == post(start, who, headers=headers).body
    assert len(committed_events()) == 3


def test_lists_page_with_cursors_that_cannot_be_forged_or_borrowed() -> None:
    who, stranger = actor(), actor()
    ids = [post("/scans", who, SCAN).body["scan_id"] for _ in range(5)]
    first = get("/scans", who, query="limit=2")
    cursor = first.body["next_cursor"]
    second = get("/scans", who, query=f"limit=3&cursor={cursor}")
    assert [scan["scan_id"] for scan in first.body["items"] + second.body["items"]] == ids[::-1]
    for forged, status in ((cursor[:-2] + "AA", 400), ("x", 400), ("%00", 422)):
        assert get("/scans", who, query=f"cursor={forged}").status == status
    assert get("/scans", stranger, query=f"cursor={cursor}").status == 400
    assert get("/scans", who, query="limit=0").status == 422


def test_an_attested_target_may_be_scanned() -> None:
    who = actor()
    statement = "The owner of example.com has ordered this scan in writing."
    target = post("/targets", who, {"pattern": "example.com", "method": "attestation", "statement": statement})
    assert target.body["approved"] is True
    assert post("/scans", who, {**SCAN, "targets": ["www.example.com"]}).status == 201
    call(api.handler, "DELETE", f"/targets/{target.body['target_id']}", who)
    assert post("/scans", who, {**SCAN, "targets": ["www.example.com"]}).status == 403
    pending = post("/targets", who, {"pattern": "example.org"})
    assert pending.body["approved"] is False
    assert post("/scans", who, {**SCAN, "targets": ["example.org"]}).status == 403


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"cron": "61 * * * *"}, "malformed-cron"),
        ({"cron": "often"}, "malformed-cron"),
        ({"cron": "0 0 31 2 *"}, "malformed-cron"),
        ({"timezone": "Mars/Olympus"}, "unknown-timezone"),
        ({"profile": "wild"}, "unknown-profile"),
    ],
)
def test_a_bad_schedule_is_refused(change: dict[str, Any], problem: str) -> None:
    who = actor()
    assert post("/schedules", who, {**SCAN, "cron": "30 2 * * 1", **change}).problem == problem
    assert get("/schedules", who).body["items"] == []
