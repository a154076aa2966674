"""Questions to a scan's observations: pages, filters, and parts that stay unread."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.observations import Observation
from functions.intelligence.model import parts as parts_module
from functions.intelligence.model import query as query_module
from functions.intelligence.model import reducer as reducer_module
from functions.intelligence.model.graph import Entity
from functions.intelligence.model.parts import Slice, merged, observation_order
from functions.intelligence.model.query import EVERYTHING, Filter, matching, page
from tests.intelligence.scans import MODULES, TYPES, MemoryScan, cut, fact, histories

filters = st.builds(
    Filter,
    types=st.frozensets(st.sampled_from(TYPES), max_size=2),
    modules=st.frozensets(st.sampled_from(MODULES), max_size=2),
    value=st.sampled_from(("", "", "", "a.example")),
    prefix=st.sampled_from(("", "", "DEV", "1")),
    contains=st.sampled_from(("", "A.EXAMPLE", "10.", "nothing")),
    min_confidence=st.sampled_from((0.0, 0.4, 1.0)),
    since=st.sampled_from(("", "2026-01-01T00:00:05.000Z")),
    until=st.sampled_from(("", "2026-01-01T00:00:20.000Z")),
)


def _scan(history: list[Observation], where: list[int]) -> MemoryScan:
    scan = MemoryScan()
    for wave in cut(history, where):
        scan.reduce(wave)
    return scan


@given(histories(), st.lists(st.integers(0, 40), max_size=4), filters, st.integers(1, 7))
def test_pages_join_to_all_that_match_in_order(
    history: list[Observation], where: list[int], wanted: Filter, limit: int
) -> None:
    scan = _scan(history, where)
    distinct = {row.id: row for row in reversed(history)}.values()
    expected = sorted(filter(wanted.admits, distinct), key=observation_order)
    got: list[Observation] = []
    after: tuple[str, ...] = ()
    while True:
        answer = page(scan.observation_parts(), scan.fetch, limit, wanted, after)
        got += answer.items
        if answer.after is None:
            break
        assert len(answer.items) == limit or after < answer.after
        after = answer.after
    assert got == expected


@given(histories(), st.lists(st.integers(0, 40), max_size=4), filters)
def test_a_page_that_may_read_little_is_short_and_the_next_ones_have_the_rest(
    history: list[Observation], where: list[int], wanted: Filter
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts_module, "BLOCK_ROWS", 3)
        patch.setattr(query_module, "AHEAD", (1, 1))
        scan = _scan(history, where)
        distinct = {row.id: row for row in reversed(history)}.values()
        got: list[Observation] = []
        after: tuple[str, ...] | None = ()
        while after is not None:
            fetched: list[Slice] = []

            def fetch(slices: Sequence[Slice], fetched: list[Slice] = fetched) -> list[bytes]:
                fetched.extend(slices)
                return scan.fetch(slices)

            answer = page(scan.observation_parts(), fetch, 5, wanted, after)
            begun = len(scan.observation_parts())  # of each at most one block is in the middle of where it begins
            assert len(fetched) <= 2 + begun
            assert answer.after is None or answer.after > after
            got += answer.items
            after = answer.after
    assert got == sorted(filter(wanted.admits, distinct), key=observation_order)


def test_a_filter_asks_for_what_it_says() -> None:
    row = fact("host", "www.Example.com", module="resolve", confidence=0.5, observed_at="2026-01-02T00:00:00.000Z")
    assert EVERYTHING.admits(row)
    assert Filter(types=frozenset({"host"}), modules=frozenset({"resolve"})).admits(row)
    assert Filter(contains="example.COM").admits(row)
    assert not Filter(types=frozenset({"ip"})).admits(row)
    assert not Filter(modules=frozenset({"crawler"})).admits(row)
    assert Filter(prefix="WWW.EX", value="www.Example.com").admits(row)
    assert Filter(source="").admits(row)
    assert not Filter(source="obs_other").admits(row)
    assert not Filter(value="www.example.com").admits(row)
    assert not Filter(prefix="example").admits(row)
    assert not Filter(contains="other").admits(row)
    assert not Filter(min_confidence=0.6).admits(row)
    assert not Filter(since="2026-01-02T00:00:00.001Z").admits(row)
    assert not Filter(until="2026-01-01T23:59:59.999Z").admits(row)


def test_parts_that_cannot_match_stay_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reducer_module, "PART_ROWS", 10)
    scan = MemoryScan()
    for wave in range(4):
        type_ = ("host", "ip")[wave % 2]
        at = f"2026-01-01T0{wave}:00:00.000Z"
        scan.reduce([fact(type_, f"{wave}-{number}", observed_at=at) for number in range(30)])
    read: list[str] = []

    def tracked(key: str) -> bytes:
        read.append(key)
        return scan.objects[key]

    parts = scan.observation_parts()
    assert len(parts) == 12
    fetched: list[Slice] = []

    def fetch(slices: Sequence[Slice]) -> list[bytes]:
        fetched.extend(slices)
        return scan.fetch(slices)

    assert len(page(parts, fetch, 10).items) == 10
    assert len(fetched) < len(parts) / 2
    read.clear()
    late = Filter(types=frozenset({"ip"}), since="2026-01-01T02:00:00.000Z")
    assert len(list(matching(parts, tracked, late))) == 30
    assert len(read) == 3
    read.clear()
    assert list(matching(parts, tracked, Filter(min_confidence=1.1))) == []
    assert read == []


def test_entities_are_read_from_where_the_last_page_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reducer_module, "GRAPH_ROWS", 5)
    scan = MemoryScan()
    for wave in range(3):
        rows = [fact("host", f"h{number:02}", module=f"m{wave}", confidence=0.5) for number in range(20)]
        scan.reduce(*([row] for row in rows))
    parts = [part for manifest in scan.manifests for part in manifest.entities]
    everything = list(merged(parts, Entity, scan.objects.__getitem__))
    assert [entity.value for entity in everything] == [f"h{number:02}" for number in range(20)]
    assert {entity.confidence for entity in everything} == {0.875}
    read: list[str] = []

    def tracked(key: str) -> bytes:
        read.append(key)
        return scan.objects[key]

    rest = list(merged(parts, Entity, tracked, after=everything[14].order))
    assert rest == everything[15:]
    assert len(read) == 3
