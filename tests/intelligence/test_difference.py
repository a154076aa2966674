"""What is different between two scans: told page by page, the same however it is cut."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.scans import ScanBrief
from functions.intelligence.model.difference import Difference, differences
from functions.intelligence.model.graph import Entity
from kernel.table import Table, update
from tests.intelligence.stored import Scan
from tests.kit import actor


def entity(value: str, mark: int = 0, source: str = "m") -> Entity:
    return Entity(key=value, type="host", value=value, sources={source: 1.0}, attributes={"mark": mark, "body": value})


def test_how_an_answer_was_had_is_no_difference() -> None:
    fetched = {"status": 200, "body": "blob:1:2", "validators": {"etag": "1"}}
    taken_over = {"status": 200, "body": "blob:3:4", "validators": {"etag": "2"}, "unchanged_since": "2026-11-01"}
    before, after = (msgspec.structs.replace(entity("a"), attributes=told) for told in (fetched, taken_over))
    assert list(differences([before], [after], frozenset({"m"}), 9)) == []
    after = msgspec.structs.replace(after, attributes={**taken_over, "status": 404})
    (found,) = differences([before], [after], frozenset({"m"}), 9)
    assert isinstance(found, Difference)
    assert found.changed == {"status": (200, 404)}


WORLDS = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 2))


def rows(world: dict[str, int]) -> list[Entity]:
    return [entity(value, mark) for value, mark in sorted(world.items())]


@given(WORLDS, WORLDS, st.integers(1, 5))
def test_it_is_what_two_dictionaries_say_whatever_the_pages(
    before: dict[str, int], after: dict[str, int], most: int
) -> None:
    expected = [
        (value, "added" if value not in before else "removed" if value not in after else "changed")
        for value in sorted(before.keys() | after.keys())
        if before.get(value) != after.get(value)
    ]
    found: list[tuple[str, str]] = []
    place: tuple[str, ...] | None = ()
    while place is not None:
        old, new = ([e for e in rows(world) if not place or e.order > place] for world in (before, after))
        place = None
        for each in differences(old, new, frozenset({"m"}), most):
            if isinstance(each, Difference):
                found.append((each.entity.value, each.kind))
            else:
                place = each
    assert found == expected


def test_what_nobody_looked_for_is_not_gone() -> None:
    (found,) = differences([entity("a", source="crawler")], [], frozenset({"resolve"}), 10)
    assert isinstance(found, Difference)
    assert found.kind == "not_looked_for"


@pytest.mark.usefixtures("cloud")
class TestThroughTheDoor:
    def scan(self, who: Any, *facts: tuple[str, str, dict[str, Any]], **brief: Any) -> Scan:
        made = Scan(who)
        kept = Table().require(who, ScanBrief, scan_id=made.id)
        Table().write(update(kept.model_copy(update={"modules": {"m": "1.0.0"}, **brief})))
        made.reduce(0, [made.fact(kind, value, attributes=attributes) for kind, value, attributes in facts])
        return made

    def test_two_scans_are_compared(self) -> None:
        who = actor()
        first = self.scan(who, ("host", "a.example", {}), ("ip", "192.0.2.1", {"port": 1}), ("host", "old.example", {}))
        later = self.scan(who, ("host", "a.example", {}), ("ip", "192.0.2.1", {"port": 2}), ("host", "new.example", {}))
        found = later.whole("differences", f"&base={first.id}", limit=1)
        assert [(each["kind"], each["value"]) for each in found] == [
            ("added", "new.example"), ("removed", "old.example"), ("changed", "192.0.2.1"),
        ]  # fmt: skip
        assert found[2]["changed"] == {"port": [1, 2]}
        assert later.whole("differences", f"&base={later.id}") == []

    def test_a_repetition_is_compared_with_what_it_repeats(self) -> None:
        who = actor()
        first = self.scan(who, ("host", "a.example", {}))
        again = self.scan(who, ("host", "b.example", {}), baseline_id=first.id)
        assert [each["kind"] for each in again.get("differences").body["items"]] == ["removed", "added"]
        assert first.get("differences").status == 422

    def test_a_stranger_compares_nothing(self) -> None:
        mine, theirs = self.scan(actor(), ("host", "a.example", {})), self.scan(actor(), ("host", "b.example", {}))
        assert mine.get("differences", f"base={theirs.id}").status == 404
