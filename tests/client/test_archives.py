"""Keeping, moving and checking scans from the command line."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from palisade.commands import archives
from tests.client.conftest import Palisade
from tests.client.platform import SCAN, Platform

INTEGRITY = f"GET /scans/{SCAN}/integrity"


def test_a_scan_that_is_whole_is_told_so(logged_in: Platform, palisade: Palisade) -> None:
    first = {"objects": 3, "checked": 2, "bytes": 2000, "damages": [], "next_cursor": "c"}
    logged_in.answer(INTEGRITY, first, first | {"checked": 1, "bytes": 5, "next_cursor": None})
    said = palisade("scans", "verify", SCAN)
    assert said.code == 0
    assert "3 objects with 2,005 bytes are what was written." in said.out
    assert [call.query.get("cursor") for call in logged_in.calls] == [None, ["c"]]


def test_damage_has_an_exit_code_of_its_own(logged_in: Platform, palisade: Palisade) -> None:
    damage = {"object": "state/00000.mpk.gz", "problem": "missing", "expected_bytes": 7, "found_bytes": None}
    answer = {"objects": 3, "checked": 3, "bytes": 2000, "damages": [damage], "next_cursor": None}
    logged_in.answer(INTEGRITY, answer)
    said = palisade("scans", "verify", SCAN)
    assert said.code == 7
    assert "state/00000.mpk.gz" in said.out
    assert palisade("scans", "verify", SCAN, "--json").data["damages"] == [damage]


def part(name: str, body: bytes) -> dict[str, Any]:
    return {"name": name, "size": len(body), "sha256": hashlib.sha256(body).hexdigest(), "blocks": [len(body)]}


def archived(platform: Platform, bodies: dict[str, bytes]) -> dict[str, Any]:
    """What the platform says of an archive; its members lie there."""
    platform.files |= {name.rpartition("/")[2]: body for name, body in bodies.items()}
    parts = [part(name, body) for name, body in bodies.items()]
    links = {name: f"{platform.url}/files/{name.rpartition('/')[2]}" for name in bodies}
    said = {"manifest": {"format": "palisade-scan", "version": 1, "scan": {}, "parts": parts}, "links": links}
    platform.answer(f"GET /scans/{SCAN}/archive", said)
    return said


def test_a_scan_is_saved_as_one_file(logged_in: Platform, palisade: Palisade, tmp_path: Path) -> None:
    bodies = {"observations/00000.mpk.gz": b"one", "observations/00001.mpk.gz": b"two"}
    said = archived(logged_in, bodies)
    target = tmp_path / "scan.tar"
    assert palisade("scans", "export", SCAN, str(target)).code == 0
    with tarfile.open(target) as file:
        assert file.getnames() == ["manifest.json", *bodies]
        assert json.loads(file.extractfile("manifest.json").read()) == said["manifest"]  # type: ignore[union-attr]
        assert [file.extractfile(name).read() for name in bodies] == [b"one", b"two"]  # type: ignore[union-attr]
    assert [each.name for each in tmp_path.glob("*scan*")] == ["scan.tar"]


def test_a_member_that_was_changed_leaves_no_file(logged_in: Platform, palisade: Palisade, tmp_path: Path) -> None:
    archived(logged_in, {"observations/00000.mpk.gz": b"one"})
    logged_in.files["00000.mpk.gz"] = b"another"
    said = palisade("scans", "export", SCAN, str(tmp_path / "scan.tar"))
    assert said.code == 1
    assert "scans verify" in said.err
    assert list(tmp_path.glob("*scan*")) == []
    assert palisade("scans", "export", SCAN, str(tmp_path / "no" / "scan.tar")).code == 1


@pytest.fixture
def importing(logged_in: Platform, monkeypatch: pytest.MonkeyPatch) -> Platform:
    """A platform that takes in a file."""
    monkeypatch.setattr(archives, "EVERY_SECONDS", 0.01)
    record = {"import_id": "import_1", "scan_id": SCAN, "observations": 2, "faults": [], "skipped": {"malware": 3}}
    awaiting = {**record, "status": "awaiting", "upload_url": f"{logged_in.url}/files/upload"}
    logged_in.answer("POST /imports", awaiting)
    running = {**record, "status": "running"}
    logged_in.answer("POST /imports/import_1/start", running)
    logged_in.answer("GET /imports/import_1", awaiting, running, {**record, "status": "ready"})
    return logged_in


def test_a_file_is_taken_in(importing: Platform, palisade: Palisade, tmp_path: Path) -> None:
    file = tmp_path / "old.csv"
    file.write_bytes(b"type,value\nhost,a.example\n")
    said = palisade("scans", "import", str(file))
    assert said.code == 0
    assert f"{SCAN} has 2 facts." in said.out
    assert "3 of malware" in said.err
    assert importing.files["upload"] == file.read_bytes()
    (made,) = importing.called("POST /imports")
    assert made.body == {"name": "old", "format": "csv"}


def test_a_file_with_faults_is_told_line_by_line(importing: Platform, palisade: Palisade, tmp_path: Path) -> None:
    file = tmp_path / "old.json"
    file.write_text("{}")
    faults = [{"line": 3, "detail": "There is no type 'x'."}, {"line": 0, "detail": "No facts."}]
    first = importing.answers["GET /imports/import_1"][0]
    importing.answer("GET /imports/import_1", first, {"status": "failed", "faults": faults})
    assert palisade("scans", "import", str(file)).code == 2
    said = palisade("scans", "import", str(file), "--format", "stix", "--name", "Feed", "--team", "team_1")
    assert said.code == 1
    assert "line 3: There is no type 'x'." in said.err
    assert "No facts." in said.err
    assert importing.called("POST /imports")[-1].body == {"name": "Feed", "format": "stix", "team_id": "team_1"}
    assert palisade("scans", "import", str(tmp_path / "none.csv")).code == 2
