"""Commands of the scans API beyond the plain ones: what each state allows, and what a scan is made of."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.access import Role
from contracts.modules import catalogue
from functions.modules import api as modules
from functions.scans import api
from functions.scans.service import adoption
from functions.scans.store import Store
from kernel.actor import Actor
from kernel.ids import new_id
from tests.faults import counted
from tests.kit import Answer, actor, call, committed_events

pytestmark = pytest.mark.usefixtures("cloud")
SCAN = {"name": "Site", "targets": ["127.0.0.1"]}


def post(path: str, who: Actor, body: Any = None, **options: Any) -> Answer:
    return call(api.handler, "POST", path, who, body, **options)


def made(who: Actor, *steps: str, **fields: Any) -> str:
    path = f"/scans/{post('/scans', who, {**SCAN, **fields}).body['scan_id']}"
    for step in steps:
        assert post(f"{path}/{step}", who).status == 202
    return path


@pytest.mark.parametrize(
    ("steps", "command", "status"),
    [
        ((), "start", "queued"),
        ((), "stop", "stopped"),
        (("start",), "pause", "pausing"),
        (("start",), "stop", "stopping"),
        (("start", "pause"), "resume", "queued"),
        (("start", "pause"), "stop", "stopping"),
        (("start", "pause", "resume"), "pause", "pausing"),
        ((), "pause", None),
        ((), "resume", None),
        (("start",), "start", None),
        (("start",), "resume", None),
        (("start", "pause"), "pause", None),
        (("stop",), "start", None),
        (("stop",), "stop", None),
        (("stop",), "resume", None),
        (("start", "stop"), "pause", None),
        (("start", "stop"), "stop", None),
    ],
)
def test_each_state_allows_its_commands(steps: tuple[str, ...], command: str, status: str | None) -> None:
    who = actor()
    path = made(who, *steps)
    before = len(committed_events())
    answer = post(f"{path}/{command}", who)
    if status is not None:
        assert (answer.status, answer.body["status"]) == (202, status)
        assert len(committed_events()) > before
    else:
        assert (answer.status, answer.problem) == (409, "scan-wrong-state")
        assert len(committed_events()) == before


@pytest.mark.parametrize("command", ["start", "pause", "resume", "stop"])
def test_a_command_on_a_scan_of_nobody_or_another_is_not_found(command: str) -> None:
    path = made(actor())
    assert post(f"{path}/{command}", actor()).status == 404
    assert post(f"/scans/scan_none/{command}", actor()).status == 404
    assert post(f"{path}/{command}", actor(Role.VIEWER)).status == 403


def test_a_scan_that_is_stopped_before_it_ran_has_ended() -> None:
    who = actor()
    stopped = post(f"{made(who)}/stop", who).body
    assert stopped["finished_at"] is not None
    assert sorted(event.type for event in committed_events()) == [
        "ScanCreated.v1", "ScanEnded.v1", "ScanStopRequested.v1",
    ]  # fmt: skip


def test_deleting_needs_rest_and_the_version_that_was_read() -> None:
    who = actor()
    path = made(who, "stop")
    stale = call(api.handler, "DELETE", path, who, headers={"if-match": '"1"'})
    assert (stale.status, stale.problem) == (412, "precondition-failed")
    assert call(api.handler, "DELETE", path, actor(Role.ANALYST)).status == 404
    assert call(api.handler, "DELETE", path, who, headers={"if-match": '"2"'}).status == 204
    assert call(api.handler, "GET", path, who).status == 404
    assert call(api.handler, "DELETE", path, who).status == 404
    assert [event.type for event in committed_events()][-1] == "ScanDeleted.v1"


def test_modules_are_pinned_configured_and_left_out_as_the_organisation_has_set() -> None:
    who = actor()
    call(modules.handler, "PUT", "/modules/crawler/config", who, {"config": {"max_depth": 3}})
    call(modules.handler, "POST", "/modules/resolve/disable", who)
    scan = post("/scans", who, {**SCAN, "profile": "comprehensive"}).body
    assert "resolve" not in scan["modules"]
    assert scan["modules"]["crawler"] == catalogue()["crawler"].version
    assert "module_configs" not in scan
    stored = api.store().scan(who, scan["scan_id"])
    assert stored.module_configs == {"crawler": {"max_depth": 3}}
    named = post("/scans", who, {**SCAN, "modules": ["resolve"]})
    assert (named.status, named.problem) == (409, "module-disabled")
    other = post("/scans", actor(), {**SCAN, "modules": ["resolve"]})
    assert list(other.body["modules"]) == ["resolve"]


def test_a_profile_whose_every_module_is_disabled_has_nothing_to_run() -> None:
    who = actor()
    stealth = post("/scans", who, {**SCAN, "profile": "stealth"}).body["modules"]
    for name in stealth:
        call(modules.handler, "POST", f"/modules/{name}/disable", who)
    answer = post("/scans", who, {**SCAN, "profile": "stealth"})
    assert (answer.status, answer.problem) == (422, "nothing-to-run")


def test_a_target_named_twice_is_scanned_once_and_faults_say_which() -> None:
    who = actor()
    scan = post("/scans", who, {**SCAN, "targets": ["127.0.0.1", "127.0.0.1", "localhost"]}).body
    assert scan["targets"] == ["127.0.0.1", "localhost"]
    refused = post("/scans", who, {**SCAN, "targets": ["localhost", "127.1", "file:///etc/passwd"]})
    assert [error["pointer"] for error in refused.body["errors"]] == ["/targets/1", "/targets/2"]


@pytest.mark.parametrize(
    "target",
    [
        "2130706433", "0x7f000001", "017700000001", "127.1", "0", "①②⑦.⓪.⓪.①", "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "fd00:ec2::254", "127.0.0.1:8080", "localhost:4566",
        "file:///proc/self/environ", "gopher://127.0.0.1/", "http://127.0.0.1@evil.example/", "http://a\\@b.example/",
        "0.0.0.0/0", "0.0.0.0", "255.255.255.255", "224.0.0.1", "169.254.169.254", "http://169.254.169.254/latest/",
        "168.63.129.16", "a\u202eb.example", "a\u0000b.example", "-a.example", "a..example", "x" * 2048, " ", "[::1",
    ],
)  # fmt: skip
def test_a_target_that_nobody_may_name_is_refused_and_nothing_else_happens(target: str) -> None:
    who = actor()
    refused = post("/scans", who, {**SCAN, "targets": [target]})
    assert refused.status == 422
    assert refused.problem in ("bad-target", "invalid")
    assert committed_events() == []


def test_a_scan_too_large_to_keep_is_the_callers_fault() -> None:
    targets = [f"http://127.0.0.1/{number}/{'x' * 600}" for number in range(900)]
    refused = post("/scans", actor(), {**SCAN, "targets": targets})
    assert (refused.status, refused.problem) == (413, "body-too-large")


@pytest.mark.parametrize(
    ("budget", "problem"),
    [
        ('{"minutes": NaN}', "invalid"),
        ('{"minutes": 1e400}', "invalid"),
        ('{"minutes": 10081}', "invalid"),
        ('{"tasks": 1e3}', None),
        ('{"tasks": 1.5}', "invalid"),
        ('{"tasks": 10000001}', "invalid"),
        ('{"tasks": "x"}', "invalid"),
        ('{"observations": 0}', "empty-budget"),
        ('{"spare": 1}', "invalid"),
    ],
)
def test_a_budget_is_a_number_above_zero_and_within_reason(budget: str, problem: str | None) -> None:
    raw = '{"name": "S", "targets": ["127.0.0.1"], "budget": ' + budget + "}"
    answer = post("/scans", actor(), raw=raw)
    if problem is None:
        assert answer.status == 201
    else:
        assert (answer.status, answer.problem) == (422, problem)


def test_profiles_are_listed_before_scans_are_looked_up_by_name() -> None:
    profiles = call(api.handler, "GET", "/scans/profiles", actor()).body["items"]
    assert [each["name"] for each in profiles] == ["quick", "comprehensive", "stealth", "web", "intrusive"]


def test_reads_cost_at_most_two_calls_and_writes_one_transaction() -> None:
    who = actor()
    path = made(who)
    for method, where in (("GET", "/scans"), ("GET", path), ("POST", f"{path}/start")):
        with counted() as calls:
            assert call(api.handler, method, where, who).status in (200, 202)
        assert len(calls) <= 2
        assert calls.count("TransactWriteItems") == (1 if method == "POST" else 0)


def test_a_scan_that_has_ended_is_repeated_with_all_it_was_asked() -> None:
    who = actor()
    wanted = {
        **{"name": "Site", "targets": ["127.0.0.1"], "modules": ["resolve", "http_probe"]},
        **{"scope": {"deny": ["10.0.0.0/8"]}, "budget": {"tasks": 77}, "politeness": {"concurrency": 2}},
    }
    earlier = call(api.handler, "POST", "/scans", who, wanted).body
    path = f"/scans/{earlier['scan_id']}"
    assert call(api.handler, "POST", f"{path}/rescan", who, {}).status == 409
    assert call(api.handler, "POST", f"{path}/stop", who).status == 202
    again = call(api.handler, "POST", f"{path}/rescan", who, {"name": "Again", "fresh_minutes": 60}).body
    kept = ("targets", "modules", "scope", "budget", "politeness", "profile")
    assert {name: again[name] for name in kept} == {name: earlier[name] for name in kept}
    assert (again["name"], again["baseline_id"], again["fresh_minutes"]) == ("Again", earlier["scan_id"], 60)
    assert (again["status"], again["wave"]) == ("created", 0)
    full = call(api.handler, "POST", f"{path}/rescan", who, {"full": True}).body
    assert (full["baseline_id"], full["name"]) == (None, "Site")
    assert call(api.handler, "POST", f"{path}/rescan", actor(), {}).status == 404


def test_a_scan_that_came_from_a_file_is_repeated_with_what_there_is_here() -> None:
    who = actor()
    found = adoption.Adopted(
        **{
            "scan_id": new_id("scan"),
            "name": "File",
            "targets": ("127.0.0.1",),
            "modules": {"sfp_dnsresolve": "imported"},
        },
        **{"waves": 1, "observations": 3, "created_by": who.user_id, "created_at": "2026-05-04T03:00:00.000Z"},
    )
    adoption.adopt(Store(), who, found)
    again = call(api.handler, "POST", f"/scans/{found.scan_id}/rescan", who, {})
    assert (again.status, again.body["profile"], again.body["targets"]) == (201, "quick", ["127.0.0.1"])
    strange = found.model_copy(update={"scan_id": new_id("scan"), "targets": ("nobody\n" + "x" * 3000,)})
    adoption.adopt(Store(), who, strange)
    refused = call(api.handler, "POST", f"/scans/{strange.scan_id}/rescan", who, {})
    assert (refused.status, refused.problem) == (422, "bad-target")
