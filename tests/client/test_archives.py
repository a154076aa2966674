"""Keeping, moving and checking scans from the command line."""

from __future__ import annotations

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
