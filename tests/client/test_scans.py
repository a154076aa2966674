"""Starting, watching and steering scans, and the exit codes that scripts rely on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from palisade.tables import Severity
from tests.client.conftest import Palisade
from tests.client.platform import SCAN, Platform, finding, problem, progress, scan

NOT_OWNED = problem(403, "target-not-owned", "You have not shown that you may scan this target")


@pytest.fixture
def ready(logged_in: Platform) -> Platform:
    """A platform that takes scans."""
    logged_in.answer("POST /scans", scan())
    logged_in.answer(f"POST /scans/{SCAN}/start", scan(status="queued"))
    return logged_in


def test_a_scan_is_defined_and_started(ready: Platform, palisade: Palisade) -> None:
    said = palisade("scan", "example.com")
    assert (said.code, said.out) == (0, f"{SCAN}\n")
    assert f"palisade watch {SCAN}" in said.err
    assert [call.path for call in ready.calls] == ["/scans", f"/scans/{SCAN}/start"]
    assert ready.calls[0].body == {"name": "example.com", "targets": ["example.com"], "profile": "quick"}
    keys = {call.headers["Idempotency-Key"] for call in ready.calls}
    assert len(keys) == 2, "each command has a key of its own"


def test_options_become_the_definition(ready: Platform, palisade: Palisade) -> None:
    options = [*("--profile", "web", "--module", "crawler", "--module", "resolve"), "--minutes", "1.5", "--json"]
    said = palisade("scan", "a.example", "b.example", "--deny", "10.0.0.0/8", "--allow", "*.c.example", *options)
    assert said.data["status"] == "queued"
    assert said.err == ""
    assert ready.calls[0].body == {
        "name": "a.example and 1 more",
        "targets": ["a.example", "b.example"],
        "profile": "web",
        "modules": ["crawler", "resolve"],
        "scope": {"allow": ["*.c.example"], "deny": ["10.0.0.0/8"]},
        "budget": {"minutes": 1.5},
    }


def test_a_budget_of_zero_is_for_the_platform_to_judge(ready: Platform, palisade: Palisade) -> None:
    palisade("scan", "a.example", "--minutes", "0")
    assert ready.calls[0].body["budget"] == {"minutes": 0.0}


def test_a_scan_that_cannot_be_started_is_not_left_behind(ready: Platform, palisade: Palisade) -> None:
    ready.answer(f"POST /scans/{SCAN}/start", problem(409, "conflict", "Too many scans run"))
    ready.answer(f"DELETE /scans/{SCAN}", {})
    said = palisade("scan", "example.com")
    assert (said.code, said.err) == (1, "Error: Too many scans run.\n")
    assert len(ready.called(f"DELETE /scans/{SCAN}")) == 1


def test_a_target_without_a_right_gets_advice(ready: Platform, palisade: Palisade) -> None:
    ready.answer("POST /scans", NOT_OWNED)
    said = palisade("scan", "example.com")
    assert said.code == 1
    assert said.err.startswith("Error: You have not shown that you may scan this target.\n")
    assert "--attest" in said.err
    assert palisade("scan", "example.com", "--json").problem["status"] == 403


def test_an_attestation_is_made_for_what_is_not_approved_yet(ready: Platform, palisade: Palisade) -> None:
    ready.page(
        "GET /targets",
        [{"pattern": "known.example", "approved": True}, {"pattern": "open.example", "approved": False}],
    )
    ready.answer("POST /targets", {"target_id": "target_1"})
    targets = ["https://known.example/x", "open.example:8443", "[2001:db8::1]:22", "open.example", "192.0.2.0/24"]
    assert palisade("scan", *targets, "--attest", "The owner agreed by letter.").code == 0
    made = [call.body for call in ready.called("POST /targets")]
    assert [body["pattern"] for body in made] == ["192.0.2.0/24", "2001:db8::1", "open.example"]
    assert {body["statement"] for body in made} == {"The owner agreed by letter."}


def test_field_errors_are_told(ready: Platform, palisade: Palisade) -> None:
    faults = [{"pointer": "/targets/0", "detail": "a name needs at least two labels"}]
    ready.answer("POST /scans", problem(422, "bad-target", "A target cannot be scanned", errors=faults))
    said = palisade("scan", "x")
    assert said.err == "Error: A target cannot be scanned: /targets/0 a name needs at least two labels.\n"
    ready.answer("POST /scans", problem(422, "empty-budget", "Too small.", errors=[{"pointer": "/x", "detail": "No."}]))
    assert palisade("scan", "x").err == "Error: Too small: /x No.\n"
    ready.answer("POST /scans", problem(422, "bad-target", "A target cannot be scanned", errors=faults))
    assert palisade("scan", "x", "--json").problem["errors"] == faults


def test_watching_ends_with_the_findings(ready: Platform, palisade: Palisade) -> None:
    ready.end(findings=[finding("low", "Small"), finding("critical", "Grave")])
    said = palisade("scan", "example.com", "--watch")
    assert said.code == 0
    assert said.out.index("Grave") < said.out.index("Small")
    assert said.err.count("\n") == 1
    assert "finished" in said.err


def test_watching_says_nothing_but_json_to_programs(ready: Platform, palisade: Palisade) -> None:
    ready.end(findings=[finding("low")])
    said = palisade("scan", "example.com", "--watch", "--json")
    assert (said.code, said.err) == (0, "")
    assert said.data["status"] == "finished"
    assert [each["severity"] for each in said.data["findings"]] == ["low"]


@pytest.mark.parametrize("status", ["failed", "stopped"])
def test_a_scan_that_did_not_finish_ends_with_5(logged_in: Platform, palisade: Palisade, status: str) -> None:
    logged_in.end(status, [finding("critical")], reason="The budget of 1 minutes is used up.")
    said = palisade("watch", SCAN, "--fail-on", "low")
    assert said.code == 5
    assert f"The scan {status}: The budget of 1 minutes is used up." in said.err
    assert palisade("watch", SCAN, "--json").code == 5


@pytest.mark.parametrize("threshold", list(Severity))
@pytest.mark.parametrize("found", list(Severity))
def test_fail_on_ends_with_4_at_the_severity_or_above(
    logged_in: Platform, palisade: Palisade, found: Severity, threshold: Severity
) -> None:
    logged_in.end(findings=[finding(found)])
    order = ["critical", "high", "medium", "low", "info"]
    expected = 4 if order.index(found) <= order.index(threshold) else 0
    assert palisade("watch", SCAN, "--fail-on", threshold.value, "--json").code == expected


def test_fail_on_without_watching_is_a_usage_error(ready: Platform, palisade: Palisade) -> None:
    assert palisade("scan", "example.com", "--fail-on", "high").code == 2
    assert ready.calls == []


def test_scans_are_listed_over_pages_up_to_the_limit(logged_in: Platform, palisade: Palisade) -> None:
    pages = [{"items": [scan(name=f"s{number}")] * 3, "next_cursor": f"c{number}"} for number in range(3)]
    logged_in.answer("GET /scans", *pages, {"items": [scan()], "next_cursor": None})
    said = palisade("scans", "--limit", "5", "--json")
    assert len(said.data["items"]) == 6
    assert [call.query["limit"] for call in logged_in.calls] == [["5"], ["2"]]
    assert [call.query.get("cursor") for call in logged_in.calls] == [None, ["c0"]]


def test_no_limit_lists_all(logged_in: Platform, palisade: Palisade) -> None:
    logged_in.answer("GET /scans", {"items": [scan()], "next_cursor": "c"}, {"items": [scan()], "next_cursor": None})
    assert len(palisade("scans", "-n", "0", "--json").data["items"]) == 2
    assert logged_in.calls[0].query["limit"] == ["200"]


def test_the_latest_scan_can_be_meant(logged_in: Platform, palisade: Palisade) -> None:
    logged_in.page("GET /scans", [scan()])
    logged_in.answer(f"GET /scans/{SCAN}", scan(status="running"))
    logged_in.answer(f"GET /scans/{SCAN}/progress", progress(batches=4, batches_done=1))
    said = palisade("scan-status", "latest")
    assert "1 of 4" in said.out
    assert palisade("scan-status", "latest", "--json").data["progress"]["batches"] == 4
    logged_in.page("GET /scans", [])
    assert palisade("scan-status", "latest").code == 2


@pytest.mark.parametrize(("verb", "status"), [("pause", "pausing"), ("resume", "running"), ("stop", "stopping")])
def test_steering(logged_in: Platform, palisade: Palisade, verb: str, status: str) -> None:
    logged_in.answer(f"POST /scans/{SCAN}/{verb}", scan(status=status))
    assert palisade(verb, SCAN).out == f"{SCAN} is {status}.\n"
    logged_in.answer(f"POST /scans/{SCAN}/{verb}", problem(409, "scan-wrong-state", f"The scan cannot be {verb}d"))
    assert palisade(verb, SCAN, "--json").problem["status"] == 409


def test_a_scan_is_resumed_despite_its_calendar_or_says_until_when_it_rests(
    logged_in: Platform, palisade: Palisade
) -> None:
    why = "Outside its calendar; it goes on at 2026-05-05T08:00:00.000Z."
    logged_in.answer(f"POST /scans/{SCAN}/resume", scan(status="running", reason=why))
    assert palisade("resume", SCAN).out == f"{SCAN} is running. {why}\n"
    assert logged_in.calls[-1].query == {}
    logged_in.answer(f"POST /scans/{SCAN}/resume", scan(status="running"))
    assert palisade("resume", SCAN, "--despite-calendar").out == f"{SCAN} is running.\n"
    assert logged_in.calls[-1].query == {"despite_calendar": ["true"]}


def test_deleting_asks_first(logged_in: Platform, palisade: Palisade) -> None:
    logged_in.answer(f"DELETE /scans/{SCAN}", {})
    said = palisade("delete", SCAN)
    assert (said.code, logged_in.calls) == (2, [])
    assert "--yes" in said.err
    assert palisade("delete", SCAN, "--yes", "--json").data == {"scan_id": SCAN, "deleted": True}


def test_an_unknown_scan_is_the_platforms_problem(logged_in: Platform, palisade: Palisade) -> None:
    said = palisade("watch", "scan_x")
    assert (said.code, said.out, said.err) == (1, "", "Error: There is no such resource.\n")


@pytest.mark.parametrize("given", ["../targets", "a/b", "?limit=1", "x#y", "a b", "%2e%2e"])
def test_an_odd_id_stays_one_part_of_the_address(logged_in: Platform, palisade: Palisade, given: str) -> None:
    assert palisade("delete", given, "--yes").code == 1
    assert [call.path for call in logged_in.calls] == [f"/scans/{given}"]


def test_ctrl_c_leaves_the_scan_running_and_says_how_to_go_on(logged_in: Platform, config: Path) -> None:
    logged_in.answer(f"GET /scans/{SCAN}", scan(status="running"))
    logged_in.answer(f"GET /scans/{SCAN}/progress", progress())
    logged_in.page(f"GET /scans/{SCAN}/findings", [])
    process = subprocess.Popen(
        [sys.executable, "-m", "palisade.cli", "watch", SCAN],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "XDG_CONFIG_HOME": str(config.parent)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stderr is not None
    assert "running" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert f"palisade watch {SCAN}" in err
    assert f"palisade stop {SCAN}" in err
    assert "Traceback" not in err
    assert not logged_in.called(f"POST /scans/{SCAN}/stop")
