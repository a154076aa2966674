"""While a scan goes on its values are found by indexes of its waves: there are few, and none is written often."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.facts import decode_observations, encode_rows
from contracts.observations import Observation
from functions.intelligence.model import compaction as compaction_module
from functions.intelligence.model import parts as parts_module
from functions.intelligence.model import postings as postings_module
from functions.intelligence.model import query as query_module
from functions.intelligence.model import reducer as reducer_module
from functions.intelligence.model.compaction import compact
from functions.intelligence.model.parts import Index, Slice, observation_order, with_wave
from functions.intelligence.model.postings import Postings, chosen, extended, lookups
from functions.intelligence.model.query import Filter, page, together
from functions.intelligence.model.reducer import WaveReducer
from tests.intelligence.scans import SCAN, TENANT, MemoryScan, cut, fact, histories
from tests.intelligence.test_query import filters


class IndexedScan(MemoryScan):
    """A scan of which each wave extends the index, and of waves in `silent` nobody tells the values."""

    def __init__(self, silent: frozenset[int] = frozenset()) -> None:
        super().__init__()
        self.index = Index()
        self.written: list[int] = []
        self.silent = silent

    def wave(self, *batches: list[Observation]) -> None:
        wave, postings = len(self.manifests), Postings()
        reducer = WaveReducer(self.scan, self.state(), wave, self.objects.__setitem__, postings.add)
        for batch in batches:
            reducer.add(decode_observations(encode_rows(batch)))
        self.manifests.append(reducer.finish())
        self.index = with_wave(self.index, self.manifests[-1], f"manifests/{wave}")
        key = f"values/{wave}"
        values, body = extended(
            self.index, Postings() if wave in self.silent else postings, key, self.objects.__getitem__
        )
        if body:
            self.objects[key] = body
            self.written.append(values[-1].postings.rows)
        self.index = msgspec.structs.replace(self.index, values=values)

    def answers(self, wanted: Filter, limit: int = 7) -> list[Observation]:
        """All pages; each gets further."""
        found: list[Observation] = []
        after: tuple[str, ...] | None = ()
        while after is not None:
            looked_up = chosen(self.index, wanted, self.fetch)
            some = page(self.index.observations, self.fetch, limit, wanted, after, looked_up)
            assert some.after is None or some.after > after
            found += some.items
            after = some.after
        return found


@settings(max_examples=60, deadline=None)
@given(
    histories(),
    st.lists(st.integers(0, 40), max_size=6),
    st.lists(filters, min_size=1, max_size=6),
    st.frozensets(st.integers(0, 6), max_size=2),
    st.integers(0, 7),
    st.data(),
)
def test_whatever_is_asked_is_found_while_the_scan_goes_on(
    history: list[Observation],
    where: list[int],
    asked: list[Filter],
    silent: frozenset[int],
    compacted_after: int,
    data: st.DataObject,
) -> None:
    source = data.draw(st.sampled_from(history)).source_id
    with pytest.MonkeyPatch.context() as patch:
        for module in (parts_module, compaction_module):
            patch.setattr(module, "BLOCK_ROWS", 2)
        patch.setattr(reducer_module, "PART_ROWS", 4)
        patch.setattr(reducer_module, "SORTED_PARTS", 1)
        patch.setattr(postings_module, "ENTRIES", 32)
        scan = IndexedScan(silent)
        for number, wave in enumerate(cut(history, where)):
            scan.wave(wave)
            if number == compacted_after:
                scan.index = compact(TENANT, SCAN, scan.index, scan.objects.__getitem__, scan.objects.__setitem__)
        distinct = sorted({row.id: row for row in reversed(history)}.values(), key=observation_order)
        for wanted in (*asked, Filter(source=source), Filter(contains="10.0.0"), Filter(prefix="dev.EXAMPLE")):
            assert scan.answers(wanted) == [row for row in distinct if wanted.admits(row)]


def test_there_are_few_indexes_and_each_number_is_written_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postings_module, "ENTRIES", 1_000)
    scan = IndexedScan()
    most, waves = 0, 60
    for wave in range(waves):
        scan.wave([fact("host", f"w{wave}h{number}.example.com") for number in range(300)])
        found, others = lookups(scan.index)
        assert others == []
        assert scan.index.values[0].since == 0
        assert scan.index.values[-1].through == wave
        for one, other in pairwise(scan.index.values):
            assert one.through + 1 == other.since
        most = max(most, len(found))
    alone = sum(each.postings.rows for each in scan.index.values)
    assert most <= 4
    assert sum(scan.written) <= 8 * alone
    assert {each.object.key for each in scan.index.values} <= {each.key for each in scan.index.objects}


def test_a_rare_value_is_found_at_once_with_few_reads() -> None:
    scan = IndexedScan()
    for wave in range(8):
        at = f"2026-01-01T0{wave}:00:00"
        rows = [fact("host", f"h{wave}-{n:05}.example.com", observed_at=f"{at}.{n % 1000:03}Z") for n in range(2_500)]
        scan.wave(*(rows[start::5] for start in range(5)))
    for wanted, most in (
        (Filter(value="h3-01234.example.com"), 8),
        (Filter(prefix="H7-0123"), 8),
        (Filter(contains="4-01234."), 16),
        (Filter(value="nothing"), 4),
    ):
        read: list[Slice] = []

        def fetch(slices: Sequence[Slice], read: list[Slice] = read) -> list[bytes]:
            read.extend(slices)
            return scan.fetch(slices)

        looked_up = chosen(scan.index, wanted, fetch)
        found = page(scan.index.observations, fetch, 50, wanted, (), looked_up)
        expected = [row for row in scan.answers(Filter(), 500) if wanted.admits(row)]
        assert found.items == expected
        assert found.after is None
        assert len(read) <= most, wanted


def test_pages_get_further_however_many_batches_ran_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hundred parts that all begin within a fifth of a second: a page reads some of each, and the next goes on."""
    monkeypatch.setattr(reducer_module, "PART_ROWS", 20)
    monkeypatch.setattr(reducer_module, "SORTED_PARTS", 1)
    monkeypatch.setattr(parts_module, "BLOCK_ROWS", 5)
    rows = [fact("host", f"h{n}", observed_at=f"2026-01-01T00:00:{n // 1000:02}.{n % 1000:03}Z") for n in range(4_000)]
    scan = IndexedScan()
    scan.wave(*(rows[start::200] for start in range(200)))
    assert len(scan.index.observations) == 200
    assert scan.answers(Filter(), 50) == rows
    wanted = Filter(contains="h1")
    assert scan.answers(wanted, 50) == [row for row in rows if wanted.admits(row)]


def test_parts_of_one_wave_are_in_order_among_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reducer_module, "PART_ROWS", 10)
    rows = [fact("host", f"h{n}", observed_at=f"2026-01-01T00:00:00.{n:03}Z") for n in range(200)]
    scan = IndexedScan()
    scan.wave(*(rows[start::20] for start in range(20)))
    parts = scan.index.observations
    assert [part.rows for part in parts] == [10] * 20
    overlapping = max(sum(one.first <= other.first <= one.last for one in parts) for other in parts)
    assert overlapping <= 3


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 900), st.integers(1, 90)), max_size=12, unique=True))
def test_slices_that_lie_close_are_fetched_as_one(wanted: list[tuple[str, int, int]]) -> None:
    bodies = {key: bytes((number * seed) % 251 for number in range(1_000)) for key, seed in (("a", 7), ("b", 11))}
    slices = [Slice(*each) for each in wanted]
    asked: list[Slice] = []

    def fetch(some: Sequence[Slice]) -> list[bytes]:
        asked.extend(some)
        return [bodies[each.key][each.start : each.start + each.size] for each in some]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(query_module, "NEAR", 50)
        found = together(slices, fetch)
    assert found == [bodies[each.key][each.start : each.start + each.size] for each in slices]
    for one, other in pairwise(asked):
        assert one.key != other.key or other.start > one.start + one.size + 50


def test_a_block_is_left_unread_when_no_row_has_both_the_type_and_the_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts_module, "BLOCK_ROWS", 10)
    scan = IndexedScan()
    scan.wave(
        [fact("host", f"h{n}", module="resolve", observed_at="2026-01-01T00:00:01.000Z") for n in range(10)],
        [fact("ip", f"10.0.0.{n}", module="crawler", observed_at="2026-01-01T00:00:02.000Z") for n in range(10)],
        [fact("ip", f"10.0.1.{n}", module="resolve", observed_at="2026-01-01T00:00:03.000Z") for n in range(10)],
    )
    (part,) = scan.index.observations
    wanted = Filter(types=frozenset({"ip"}), modules=frozenset({"resolve"}))
    assert [block.first[0] for block in wanted.admitted(part)] == ["2026-01-01T00:00:03.000Z"]
    old = msgspec.structs.replace(
        part, kinds=(), blocks=tuple(msgspec.structs.replace(b, kinds=b"", modules=("resolve",)) for b in part.blocks)
    )
    assert len(wanted.admitted(old)) == 3
    assert list(Filter(modules=frozenset({"crawler"})).admitted(old)) == []
