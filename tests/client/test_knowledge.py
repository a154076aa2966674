"""The organisation's graph from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.client.conftest import Palisade
from tests.client.platform import Platform

AT = "2026-01-02T03:04:05.678Z"
KEY = "ab" * 16


def thing(**changes: Any) -> dict[str, Any]:
    known = {"key": KEY, "type": "host", "value": "a.example\x1b[31m", "confidence": 0.42, "risk": "high"}
    seen = {"first_seen": AT, "last_seen": AT, "observations": 3, "scans": 2, "is_gone": True}
    return {**known, **seen, **changes}


def test_how_much_is_known(logged_in: Platform, palisade: Palisade) -> None:
    found = {"entities": 7, "relations": 6, "merged": 0, "scans": 2, "updated_at": AT}
    logged_in.answer("GET /graph", {**found, "by_type": {"host": 7}, "by_risk": {"high": 1}})
    assert "host: 7" in palisade("knowledge", "summary").out


def test_things_are_found_and_shown_harmlessly(logged_in: Platform, palisade: Palisade) -> None:
    logged_in.page("GET /graph/entities", [thing()])
    said = palisade("knowledge", "search", "a.ex", "--type", "host", "--gone")
    assert "a.example\\x1b[31m" in said.out
    assert "(gone)" in said.out
    (call,) = logged_in.called("GET /graph/entities")
    assert (call.query["contains"], call.query["type"], call.query["is_gone"]) == (["a.ex"], ["host"], ["true"])


def test_a_thing_is_told_with_its_history(logged_in: Platform, palisade: Palisade) -> None:
    told = {
        "explanation": "Reported by one source.",
        "attributes": {"title": "New"},
        "derived": {"labels": 2},
        "same_as": [{"key": KEY, "type": "domain", "value": "a.example", "rule": "r", "explanation": "Same name."}],
        "gone": {"scan_id": "scan_2", "name": "n", "since": AT, "explanation": "It was not seen."},
        "sightings": [{"scan_id": "scan_1", "name": "First", "first_seen": AT, "last_seen": AT}],
        "changes": [{"at": AT, "scan_id": "scan_1", "attribute": "title", "before": "Old", "after": "New"}],
    }
    logged_in.answer(f"GET /graph/entities/{KEY}", {**thing(), **told})
    said = palisade("knowledge", "show", KEY).out
    for words in ("title: Old → New", "It was not seen.", "domain a.example: Same name.", "First (scan_1)", "42%"):
        assert words in said


def test_around_between_and_what_matters(logged_in: Platform, palisade: Palisade) -> None:
    node = thing(distance=1)
    near = {"nodes": [node], "edges": [], "nodes_left_out": 0, "edges_left_out": 0}
    logged_in.answer(f"GET /graph/entities/{KEY}/neighbourhood", near)
    assert "a.example" in palisade("knowledge", "around", KEY, "--depth", "2").out
    logged_in.answer("GET /graph/paths", {"length": 1, "paths": [{"nodes": [thing(), thing(type="ip")], "edges": []}]})
    assert " - ip " in palisade("knowledge", "path", KEY, KEY).out
    group = {"community": 0, "size": 5, "by_type": {"ip": 5}, "risks": {}, "centre": [thing()]}
    logged_in.answer("GET /graph/communities", {"modularity": 0.5, "communities": 1, "items": [group]})
    assert "ip 5" in palisade("knowledge", "communities").out
    ranks = {"measure": "degree", "explanation": "", "items": [{"score": 0.5, "entity": thing()}]}
    logged_in.answer("GET /graph/ranking", ranks)
    assert "0.500000" in palisade("knowledge", "ranking", "--measure", "degree").out
    happened = {
        "at": AT,
        "event": "gone",
        "key": KEY,
        "type": "host",
        "value": "a",
        "scan_id": "s",
        "detail": "Not seen.",
    }
    logged_in.page("GET /graph/timeline", [happened])
    assert "Not seen." in palisade("knowledge", "timeline").out


def test_the_graph_is_saved_in_the_format_of_its_name(logged_in: Platform, palisade: Palisade, tmp_path: Path) -> None:
    logged_in.answer("GET /graph/export", {"nodes": []})
    for name, kind in (("g.stix.json", "stix"), ("g.json", "json"), ("g.xlsx", "xlsx")):
        assert palisade("knowledge", "export", str(tmp_path / name)).code == 0
        assert logged_in.called("GET /graph/export")[-1].query["format"] == [kind]
    assert palisade("knowledge", "export", str(tmp_path / "g.doc")).code == 2


def test_how_long_facts_are_kept_is_shown_tried_and_changed(logged_in: Platform, palisade: Palisade) -> None:
    logged_in.answer("GET /facts/retention", {"applied_days": None})
    assert "until their scan is deleted" in palisade("knowledge", "retention").out
    going = {"scan_id": "scan_1", "name": "Old", "ended_at": AT, "observations": 7}
    logged_in.answer("GET /facts/retention/dry-run", {"days": 9, "before": AT, "scans": [going], "observations": 7})
    assert "scan_1" in palisade("knowledge", "retention", "--dry-run", "--days", "9").out
    assert logged_in.called("PUT /facts/retention") == []
    logged_in.answer("PUT /facts/retention", {"applied_days": 9})
    assert palisade("knowledge", "retention", "--days", "9").code == 2
    assert "for 9 days" in palisade("knowledge", "retention", "--days", "9", "--yes").out
    assert palisade("knowledge", "retention", "--as-the-plan", "--yes").code == 0
    assert [call.body for call in logged_in.called("PUT /facts/retention")] == [{"days": 9}, {"days": None}]
