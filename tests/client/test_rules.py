"""Correlation rules from the command line."""

from __future__ import annotations

from pathlib import Path

from tests.client.conftest import Palisade
from tests.client.platform import Platform

OWN = {
    "name": "ours", "version": 1, "shipped": False, "enabled": True, "title": "An address", "risk": "low",
    "description": "It is ours.", "remedy": "Look.", "controls": ["A.5.9"], "unknown_types": [],
    "changed_by": "user_1", "changed_at": "2026-11-20T08:00:00.000Z", "text": "id: ours\nversion: 1\n",
}  # fmt: skip
SHIPPED = OWN | {"name": "theirs", "shipped": True, "text": None}


def test_rules_are_listed_and_shown(logged_in: Platform, palisade: Palisade) -> None:
    logged_in.page("GET /rules", [OWN, SHIPPED])
    assert "theirs" in palisade("rules", "list").out
    own = palisade("rules", "list", "--own").out
    assert "ours" in own
    assert "theirs" not in own
    logged_in.answer("GET /rules/ours", OWN)
    shown = palisade("rules", "show", "ours").out
    assert "your organisation" in shown
    assert "id: ours" in shown


def test_a_rule_of_ones_own_is_added_changed_switched_and_removed(
    logged_in: Platform, palisade: Palisade, tmp_path: Path
) -> None:
    file = tmp_path / "ours.yaml"
    file.write_text("id: ours\n")
    logged_in.answer("POST /rules", OWN)
    assert palisade("rules", "add", str(file)).out == "ours is used by scans that begin from now on.\n"
    assert logged_in.calls[-1].body == {"rule": "id: ours\n"}
    logged_in.answer("PUT /rules/ours", OWN | {"unknown_types": ["BASE64_DATA"]})
    assert "produces BASE64_DATA" in palisade("rules", "change", "ours", str(file)).out
    logged_in.answer("POST /rules/theirs/disable", SHIPPED)
    assert "is left out" in palisade("rules", "disable", "theirs").out
    logged_in.answer("POST /rules/theirs/enable", SHIPPED)
    assert "is used" in palisade("rules", "enable", "theirs").out
    logged_in.answer("DELETE /rules/ours", {})
    assert palisade("rules", "remove", "ours", "--yes").out == "ours is removed.\n"
    assert palisade("rules", "add", str(tmp_path / "none.yaml")).code == 2


def test_what_a_rule_was_is_shown_and_had_again(logged_in: Platform, palisade: Palisade) -> None:
    newest = {
        "number": 2, "active": True, "change": "changed", "created_by": "user_1",
        "created_at": "2026-11-20T08:00:00.000Z", "difference": ["-  risk: LOW", "+  risk: HIGH"],
    }  # fmt: skip
    logged_in.page("GET /rules/ours/versions", [newest, newest | {"number": 1, "active": False, "difference": []}])
    shown = palisade("rules", "versions", "ours").out
    assert "2 (in use)" in shown
    assert "+  risk: HIGH" in shown
    logged_in.answer("GET /rules/ours", OWN)
    assert "id: ours" in palisade("rules", "show", "ours", "--version", "1").out
    logged_in.answer("POST /rules/ours/rollback", OWN)
    assert "has its text 1 again" in palisade("rules", "rollback", "ours", "1").out
    assert logged_in.calls[-1].body == {"version": 1}


def test_a_rule_is_tried_and_each_hit_shows_how_it_is_known(
    logged_in: Platform, palisade: Palisade, tmp_path: Path
) -> None:
    file = tmp_path / "ours.yaml"
    file.write_text("id: ours\n")
    hit = {
        "asset": "192.0.2.1", "headline": "192.0.2.1 is ours", "severity": "low", "confidence": 0.9, "facts": 1,
        "evidence": ["obs_1"], "chain": ["target: domain a.example", "resolves to: ip 192.0.2.1"],
    }  # fmt: skip
    found = {"rule": "ours", "scan_id": "scan_1", "facts_read": 7, "complete": False, "matched": 3, "left_out": 2}
    found["note"] = "The rule took more than its share."
    logged_in.answer(
        "POST /rules/dry-run", found | {"unknown_types": ["HASH"], "unknown_modules": ["sfp_x"], "hits": [hit]}
    )
    said = palisade("rules", "try", str(file), "scan_1").out
    assert "3 hits" in said
    assert "Nothing here produces HASH, sfp_x" in said
    assert "more than its share" in said
    assert "there are more" in said
    assert "resolves to: ip 192.0.2.1" in said
    assert logged_in.calls[-1].body == {"rule": "id: ours\n", "scan_id": "scan_1"}
