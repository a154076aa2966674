"""Estimates, repeats, profiles, modules of one's own, and a log that is followed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.client.conftest import Palisade
from tests.client.platform import SCAN, Platform, problem, scan

RANGE = {"low": 10, "likely": 30, "high": 90}
ESTIMATE = {
    "scan_id": SCAN,
    "first_wave": [
        {"module": "resolve", "tasks": 1, "invasiveness": "passive", "examples": ["example.com"]},
        {"module": "tcp_connect", "tasks": 6, "invasiveness": "active", "examples": ["192.0.2.1 (admitted by x)"]},
    ],
    **dict.fromkeys(("tasks", "packets", "minutes", "dollars"), RANGE),
    "basis": "A company of ordinary make.",
    "exceeds": ["packets: about 9000, and the budget allows 500"],
    "idle": {"tls_config": "none of the chosen modules finds what it works on (service)"},
}


def test_a_dry_run_shows_what_would_be_done_and_leaves_nothing_behind(logged_in: Platform, palisade: Palisade) -> None:
    logged_in.answer("POST /scans", scan())
    logged_in.answer(f"GET /scans/{SCAN}/estimate", ESTIMATE)
    logged_in.answer(f"DELETE /scans/{SCAN}", {})
    said = palisade("scan", "example.com", "--dry-run", "--dollars", "2", "--rate", "5", "--robots", "--in-flight", "4")
    assert said.code == 0
    for words in ("tcp_connect", "admitted by", "More than the budget", "tls_config has nothing to do", "minutes"):
        assert words in said.out
    assert "Nothing was sent" in said.err
    assert [call.method for call in logged_in.calls] == ["POST", "GET", "DELETE"]
    assert logged_in.calls[0].body["budget"] == {"dollars": 2.0}
    wished = {"requests_per_second": 5.0, "in_flight": 4, "respect_robots": True}
    assert logged_in.calls[0].body["politeness"] == wished


def test_a_dry_run_that_fails_leaves_nothing_behind_either(logged_in: Platform, palisade: Palisade) -> None:
    logged_in.answer("POST /scans", scan())
    logged_in.answer(f"GET /scans/{SCAN}/estimate", problem(500, "internal-error", "Oh"))
    logged_in.answer(f"DELETE /scans/{SCAN}", {})
    assert palisade("scan", "example.com", "--dry-run").code == 1
    assert logged_in.calls[-1].method == "DELETE"


def test_a_scan_is_repeated(logged_in: Platform, palisade: Palisade) -> None:
    logged_in.answer(f"POST /scans/{SCAN}/rescan", scan())
    logged_in.answer(f"POST /scans/{SCAN}/start", scan(status="queued"))
    assert palisade("rescan", SCAN, "--fresh", "60", "--name", "Again").out == f"{SCAN}\n"
    assert logged_in.calls[0].body == {"fresh_minutes": 60, "full": False, "name": "Again"}


def test_the_difference_between_two_scans_is_shown(logged_in: Platform, palisade: Palisade) -> None:
    one = {"kind": "added", "type": "host", "value": "new.example", "confidence": 1.0, "changed": {}}
    two = {"kind": "changed", "type": "ip", "value": "192.0.2.1", "confidence": 1.0, "changed": {"port": [1, 2]}}
    logged_in.page(f"GET /scans/{SCAN}/differences", [one, two])
    said = palisade("diff", SCAN, "scan_0")
    assert "new.example" in said.out
    assert "port: 1 → 2" in said.out
    assert logged_in.calls[-1].query["base"] == ["scan_0"]
    logged_in.page(f"GET /scans/{SCAN}/differences", [])
    assert "the same" in palisade("diff", SCAN).out


def test_a_calendar_is_read_from_its_file(logged_in: Platform, palisade: Palisade, tmp_path: Path) -> None:
    logged_in.answer("POST /scans", scan())
    logged_in.answer(f"POST /scans/{SCAN}/start", scan(status="queued"))
    file = tmp_path / "nights.json"
    calendar = {"timezone": "UTC", "windows": [{"opens": "22:00", "closes": "04:00"}]}
    file.write_text(json.dumps(calendar))
    assert palisade("scan", "example.com", "--calendar", str(file)).code == 0
    assert logged_in.calls[0].body["calendar"] == calendar
    for text in ("{", "[]"):
        file.write_text(text)
        refused = palisade("scan", "example.com", "--calendar", str(file))
        assert (refused.code, "no calendar" in refused.err) == (2, True)


def test_a_followed_log_shows_each_entry_once_until_the_scan_ends(
    logged_in: Platform, palisade: Palisade, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("palisade.commands.results.FOLLOW_SECONDS", 0.01)
    one = {"module": "crawler", "level": "info", "message": "left out", "value": "http://a/", "count": 1}
    two = {"module": "resolve", "level": "error", "message": "broke", "value": "", "count": 3}
    logged_in.answer(f"GET /scans/{SCAN}", scan(status="running"), scan(finished_at="2026-01-02T03:04:05.678Z"))
    pages = [{"items": items, "next_cursor": None} for items in ([one], [one, two])]
    logged_in.answer(f"GET /scans/{SCAN}/log", *pages)
    lines = palisade("log", SCAN, "--follow").out.splitlines()
    assert lines == ["info    crawler: left out: http://a/", "error   resolve: broke (3 times)"]


def test_profiles_are_listed_kept_and_removed(logged_in: Platform, palisade: Palisade, tmp_path: Path) -> None:
    known = {"name": "nightly", "built_in": False, "pace": 0.5, "invasiveness": ["passive"], "summary": "Nights"}
    logged_in.page("GET /scans/profiles", [known])
    assert "nightly" in palisade("profiles").out
    file = tmp_path / "nightly.json"
    file.write_text('{"summary": "Nights", "pace": 0.5}')
    logged_in.answer("PUT /scans/profiles/nightly", {"name": "nightly", "choice": known})
    assert palisade("profiles", "save", "nightly", str(file)).out == "nightly is kept.\n"
    assert logged_in.calls[-1].body == {"summary": "Nights", "pace": 0.5}
    logged_in.answer("DELETE /scans/profiles/nightly", {})
    assert palisade("profiles", "remove", "nightly", "--yes").code == 0
    assert palisade("profiles", "save", "nightly", str(tmp_path / "none.json")).code == 2


def test_a_module_of_ones_own_is_written_rolled_back_and_removed(
    logged_in: Platform, palisade: Palisade, tmp_path: Path
) -> None:
    file = tmp_path / "title.yaml"
    file.write_text("id: title\n")
    own = {"name": "own_title", "active": "1.1.0"}
    logged_in.answer("POST /templates", own)
    assert palisade("modules", "write", str(file)).out == "own_title 1.1.0 runs in new scans.\n"
    assert logged_in.calls[-1].body == {"template": "id: title\n"}
    logged_in.answer("POST /templates/own_title/rollback", own | {"active": "1.0.0"})
    assert "1.0.0 runs" in palisade("modules", "rollback", "own_title", "1.0.0").out
    logged_in.answer("DELETE /templates/own_title", {})
    assert palisade("modules", "remove", "own_title", "--yes").code == 0
    assert palisade("modules", "write", str(tmp_path / "none.yaml")).code == 2


def test_a_modules_figures_are_shown_by_version(logged_in: Platform, palisade: Palisade) -> None:
    figures = {
        **{"scans": 2, "tasks": 10, "observations": 40, "found_first": 30, "errors": 1, "yield_per_task": 4.0},
        **{"p50_seconds": 0.04, "p95_seconds": 0.64},
    }
    answer = {"name": "crawler", "days": 7, "total": figures, "by_version": {"1.0.0": figures}, "by_day": []}
    logged_in.answer("GET /modules/crawler/analytics", answer)
    said = palisade("modules", "stats", "crawler", "--days", "7")
    assert "1.0.0" in said.out
    assert "0.64" in said.out
    assert logged_in.calls[-1].query == {"days": ["7"]}


def test_occasions_are_shown_with_what_the_clock_does_to_them(logged_in: Platform, palisade: Palisade) -> None:
    skipped = {"local": "2027-03-28T02:30", "at": None, "note": "Europe/Zurich skips this time that day"}
    logged_in.page("GET /schedules/sch_1/occasions", [skipped])
    said = palisade("schedules", "occasions", "sch_1")
    assert "skips this time" in said.out.replace("\n", " ")
