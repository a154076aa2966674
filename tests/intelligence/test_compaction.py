"""Compaction: the answers before are the answers after, whatever is asked, and far less is read for them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.observations import Observation
from functions.intelligence.model import compaction as compaction_module
from functions.intelligence.model import parts as parts_module
from functions.intelligence.model.compaction import compact
from functions.intelligence.model.graph import Entity, Relation
from functions.intelligence.model.parts import Index, Slice, merged, with_wave
from functions.intelligence.model.postings import chosen, words
from functions.intelligence.model.query import Filter, page
from tests.intelligence.scans import SCAN, TENANT, MemoryScan, cut, fact, histories
from tests.intelligence.stored import Scan
from tests.intelligence.test_query import filters


def indexed(scan: MemoryScan) -> Index:
    index = Index()
    for manifest in scan.manifests:
        index = with_wave(index, manifest, f"manifests/{manifest.wave}")
    return index


def compacted(scan: MemoryScan) -> Index:
    return compact(TENANT, SCAN, indexed(scan), scan.objects.__getitem__, scan.objects.__setitem__)


def answers(scan: MemoryScan, index: Index, wanted: Filter) -> list[Observation]:
    """All pages of an answer, by the index of values where there is one."""
    looked_up = chosen(index, wanted, scan.fetch)
    found: list[Observation] = []
    after: tuple[str, ...] | None = ()
    while after is not None:
        some = page(index.observations, scan.fetch, 7, wanted, after, looked_up)
        found += some.items
        after = some.after
    return found


@settings(max_examples=60)
@given(histories(), st.lists(st.integers(0, 40), max_size=4), st.lists(filters, min_size=1, max_size=8), st.data())
def test_answers_before_are_answers_after(
    history: list[Observation], where: list[int], asked: list[Filter], data: st.DataObject
) -> None:
    source = data.draw(st.sampled_from(history)).source_id
    with pytest.MonkeyPatch.context() as patch:
        for module in (parts_module, compaction_module):
            patch.setattr(module, "BLOCK_ROWS", 3)
        patch.setattr(compaction_module, "PART_BLOCKS", 2)
        scan = MemoryScan()
        for wave in cut(history, where):
            scan.reduce(wave)
        before, after = indexed(scan), compacted(scan)
        for wanted in (*asked, Filter(source=source), Filter(contains="10.0.0"), Filter(prefix="dev.EXAMPLE")):
            assert answers(scan, after, wanted) == answers(scan, before, wanted)
        read = scan.objects.__getitem__
        assert list(merged(after.entities, Entity, read)) == scan.entities()
        assert list(merged(after.relations, Relation, read)) == scan.relations()


def test_compacting_again_writes_nothing_and_a_compacted_scan_stays_as_it_is() -> None:
    scan = MemoryScan()
    scan.reduce([fact("host", f"h{number}") for number in range(10)])
    index = compacted(scan)
    objects = dict(scan.objects)
    assert compacted(scan) == index
    assert scan.objects == objects
    assert compact(TENANT, SCAN, index, scan.objects.__getitem__, pytest.fail) is index
    assert compact(TENANT, SCAN, Index(), scan.objects.__getitem__, pytest.fail) == Index()


def test_a_value_is_found_with_few_reads() -> None:
    scan = MemoryScan()
    hosts = [
        fact(
            "host",
            f"host{number:05}.example.com",
            observed_at=f"2026-01-01T00:{number // 1000:02}:00.{number % 1000:03}Z",
        )
        for number in range(20_000)
    ]
    scan.reduce(*(hosts[start : start + 2_500] for start in range(0, len(hosts), 2_500)))
    index = compacted(scan)
    for wanted, most in (
        (Filter(value="host01234.example.com"), 3),
        (Filter(prefix="HOST0123"), 4),
        (Filter(contains="t01234.e"), 12),
        (Filter(value="nothing"), 2),
    ):
        read: list[Slice] = []

        def fetch(slices: Sequence[Slice], read: list[Slice] = read) -> list[bytes]:
            read.extend(slices)
            return scan.fetch(slices)

        looked_up = chosen(index, wanted, fetch)
        found = page(index.observations, fetch, 50, wanted, (), looked_up)
        expected = [row.value for row in hosts if wanted.admits(row)]
        assert sorted(row.value for row in found.items) == expected
        assert len(read) <= most, wanted


@pytest.mark.parametrize("text", ["", "a", "ab", "abc", "abcd", "x" * 200])
def test_every_part_of_a_text_has_its_grams_among_those_of_the_text(text: str) -> None:
    looked_up = words(Filter(contains=text))
    assert len(looked_up) <= 9
    assert all(len(word) == 4 and word[1:] in text for word in looked_up)
    assert bool(looked_up) == (len(text) >= 3)


@pytest.mark.usefixtures("cloud")
def test_what_was_replaced_goes_and_the_scan_is_whole(scan: Scan) -> None:
    from functions.intelligence import steps

    event = {"tenant_id": scan.who.tenant_id, "scan_id": scan.id}
    views = [("observations", ""), ("observations", "&contains=a.exam"), ("timeline", ""), ("entities", "")]
    before = [scan.whole(view, query) for view, query in views]
    graph = scan.get("graph").body
    assert steps.sweep(event, None) == {"removed": 0}
    assert steps.compact(event, None) == {"observations": 7, "objects": steps.compact(event, None)["objects"]}
    assert [scan.whole(view, query) for view, query in views] == before
    assert steps.sweep(event, None)["removed"] > 0
    assert steps.sweep(event, None) == {"removed": 0}
    assert [scan.whole(view, query) for view, query in views] == before
    assert scan.get("graph").body["nodes"] == graph["nodes"]
    assert scan.get("graph").body["edges"] == graph["edges"]
    said = scan.get("integrity", "limit=200").body
    assert (said["damages"], said["checked"]) == ([], said["objects"])


@pytest.mark.usefixtures("cloud")
def test_observations_are_asked_for_by_value_source_and_time(scan: Scan) -> None:
    def values(query: str) -> list[str]:
        return [each["value"] for each in scan.get("observations", query).body["items"]]

    root = scan.get("observations", "type=domain").body["items"][0]["id"]
    assert values("value=192.0.2.3") == ["192.0.2.3"]
    assert values("prefix=192.0.2.&since=2026-11-20T08:00:03Z") == ["192.0.2.3", "192.0.2.4"]
    assert values("until=2026-11-20T09:00:00%2B01:00") == ["a.example"]
    assert len(values(f"source={root}")) == 5
    assert scan.get("observations", "since=yesterday").status == 422
    assert scan.get("observations", "since=0001-01-01T00:00:00%2B14:00").status == 422
