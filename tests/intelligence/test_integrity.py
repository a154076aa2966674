"""Whether a scan's facts are what was written."""

from __future__ import annotations

import pytest

from contracts.facts import scan_prefix
from functions.intelligence.model import integrity
from functions.intelligence.model.parts import Written, written
from kernel.facts import Facts
from tests.intelligence.stored import Scan
from tests.kit import actor

pytestmark = pytest.mark.usefixtures("cloud")


def test_what_was_written_is_whole(scan: Scan) -> None:
    said = scan.get("integrity", "limit=200").body
    assert said["damages"] == []
    assert said["next_cursor"] is None
    assert said["checked"] == said["objects"]
    named = {
        each.rpartition("scans/" + scan.id + "/")[2].split("/")[0] for each in Facts().keys(scan.who, _prefix(scan))
    }
    assert {"manifests", "observations", "graph", "frontier", "state", "segments", "weaknesses"} <= named


@pytest.mark.parametrize("kind", ["manifests", "observations", "graph", "frontier", "state", "segments", "weaknesses"])
@pytest.mark.parametrize("problem", ["missing", "changed"])
def test_every_kind_of_object_is_missed_and_its_change_noticed(
    scan: Scan,
    kind: str,
    problem: str,
) -> None:
    key = next(Facts().keys(scan.who, f"{_prefix(scan)}{kind}/"))
    size = len(Facts().get(scan.who, key))
    if problem == "missing":
        Facts().delete(scan.who, key)
    else:
        Facts().put(scan.who, key, b"x" * size)
    damage = {
        "object": key.removeprefix(_prefix(scan)),
        "problem": problem,
        "expected_bytes": size,
        "found_bytes": None if problem == "missing" else size,
    }
    assert scan.get("integrity", "limit=200").body["damages"] == [damage]


def test_all_objects_are_looked_at_page_after_page(scan: Scan) -> None:
    checked, cursor = 0, ""
    while True:
        said = scan.get("integrity", f"limit=3{cursor}").body
        assert said["checked"] <= 3
        checked += said["checked"]
        if said["next_cursor"] is None:
            break
        cursor = f"&cursor={said['next_cursor']}"
    assert checked == said["objects"]


def test_nobody_else_can_ask(scan: Scan) -> None:
    assert scan.get("integrity", who=actor()).status == 404


def test_one_page_looks_at_so_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integrity, "MAX_BYTES", 10)
    objects = [Written(str(number), size, "") for number, size in enumerate((11, 4, 6, 1))]
    assert [each.key for each in integrity.some(objects, 0, 4)] == ["0"]
    assert [each.key for each in integrity.some(objects, 1, 4)] == ["1", "2"]
    assert [each.key for each in integrity.some(objects, 1, 1)] == ["1"]
    assert integrity.some(objects, 4, 4) == []


def test_a_body_of_another_length_is_changed() -> None:
    whole = written("k", b"abc")
    assert integrity.damages([whole], [b"abc"]) == []
    found = integrity.damages([whole], [b"ab"])
    assert [(each.problem, each.expected_size, each.found_size) for each in found] == [("changed", 3, 2)]


def _prefix(scan: Scan) -> str:
    return scan_prefix(scan.who.tenant_id, scan.id)
