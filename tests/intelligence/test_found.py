"""What batches found is told by where it lies in the compacted form: nothing is lost, whatever they told twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import found as found_contract
from contracts.facts import (
    batch_input_key,
    decode_observations,
    decode_rows,
    encode_rows,
    scan_prefix,
    segment_key,
)
from contracts.found import Found, ObjectSlice, batches
from contracts.found import given as given_to
from contracts.observations import Observation
from functions.intelligence import steps
from functions.intelligence.model import compaction as compaction_module
from functions.intelligence.model import found as found_module
from functions.intelligence.model import parts as parts_module
from functions.intelligence.model.compaction import compact
from functions.intelligence.model.parts import Index, with_wave, written
from kernel.errors import NotFound
from kernel.facts import Facts
from tests.intelligence.scans import SCAN, TENANT, MemoryScan, cut, fact, histories
from tests.intelligence.stored import Scan


class BatchedScan(MemoryScan):
    """A scan whose batches lie beside what was made of them, and are in its manifests."""

    def batches(self, *rows: list[Observation]) -> None:
        wave = len(self.manifests)
        segments = {segment_key(TENANT, SCAN, wave, number): encode_rows(some) for number, some in enumerate(rows)}
        self.objects |= segments
        self.reduce(*rows)
        made_of = tuple(written(key, body) for key, body in segments.items())
        self.manifests[-1] = msgspec.structs.replace(self.manifests[-1], segments=made_of)

    def compacted(self) -> Index:
        index = Index()
        for manifest in self.manifests:
            index = with_wave(index, manifest, f"manifests/{manifest.wave}")
        work = [key for key in self.objects if "/batches/" in key]
        return compact(TENANT, SCAN, index, self.read, self.objects.__setitem__, lambda: work)

    def read(self, key: str) -> bytes:
        if key not in self.objects:
            raise NotFound()
        return self.objects[key]

    def told(self, index: Index) -> Found:
        assert index.generation
        return decode_rows(self.objects[index.generation.found], Found)[0]

    def slices(self, wanted: Iterable[ObjectSlice]) -> Iterator[bytes]:
        return (self.objects[each.key][each.start : each.start + each.size] for each in wanted)


@settings(max_examples=80, deadline=None)
@given(histories(), st.lists(st.integers(0, 40), max_size=3), st.lists(st.integers(0, 40), max_size=3), st.randoms())
def test_what_every_batch_found_is_told_to_the_letter(
    history: list[Observation], where: list[int], within: list[int], chance: Any
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for module in (parts_module, compaction_module):
            patch.setattr(module, "BLOCK_ROWS", 3)
        patch.setattr(compaction_module, "PART_BLOCKS", 2)
        patch.setattr(found_contract, "TOGETHER_ROWS", chance.choice((1, 5, 1_000)))
        patch.setattr(found_module, "OBJECT_BYTES", chance.choice((1, 400, 10_000)))
        scan = BatchedScan()
        expected: dict[tuple[int, int], list[Observation]] = {}
        for wave, rows in enumerate(cut(history, where)):
            parts = cut(rows, within)
            scan.batches(*parts)
            expected |= {(wave, number): part for number, part in enumerate(parts)}
        index = scan.compacted()
        told = scan.told(index)
        assert {name: at.rows for name, at in told.names.items()} == {
            name: len(some) for name, some in expected.items()
        }
        names = chance.sample(sorted(expected), chance.randint(0, len(expected)))
        assert dict(batches(told, names, scan.slices)) == {name: expected[name] for name in names}
        assert [name for name, _ in batches(told, names, scan.slices)] == names
        assert not any("segments/" in each.key for each in index.objects)


@settings(max_examples=40, deadline=None)
@given(histories(), st.lists(st.integers(0, 40), max_size=3), st.randoms())
def test_what_every_batch_was_given_is_told_to_the_letter(
    history: list[Observation], where: list[int], chance: Any
) -> None:
    """Facts as they were found, or amended since: nearer, or handled by more modules."""
    scan = BatchedScan()
    for rows in cut(history, where):
        scan.batches(rows)
    work: dict[tuple[int, int], dict[str, Any]] = {}
    for number in range(1, chance.randint(1, 5)):
        rows = chance.sample(history, chance.randint(0, len(history)))
        amended = [msgspec.structs.replace(row, scope_distance=0) if chance.random() < 0.3 else row for row in rows]
        said = {"module": "m", "config": {"ports": [1]}, "observations": amended, "proofs": ["a.example"] * len(rows)}
        work[0, number] = said
        scan.objects[batch_input_key(TENANT, SCAN, 0, number)] = encode_rows([said])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(found_contract, "TOGETHER_ROWS", chance.choice((1, 5, 1_000)))
        patch.setattr(found_contract, "MANY_ROWS", chance.choice((1, 1_000)))
        told = scan.told(scan.compacted())
        names = chance.sample(sorted(work), len(work))
        shown = {name: (header, rows) for name, header, rows in given_to(told, names, scan.slices)}
    assert list(shown) == names
    for name, (header, rows) in shown.items():
        expected = dict(work[name])
        assert rows == expected.pop("observations")
        assert msgspec.msgpack.decode(header) == expected


def test_only_what_was_told_in_other_words_is_kept_again() -> None:
    scan = BatchedScan()
    hosts = [fact("host", f"h{number}.example.com", attributes={"n": number}) for number in range(2_000)]
    again = [msgspec.structs.replace(row, module="crawler") for row in hosts[:3]]
    scan.batches(hosts[:1_000], hosts[1_000:], [*hosts[:500], *again])
    before = sum(len(body) for key, body in scan.objects.items() if "/segments/" in key)
    index = scan.compacted()
    telling = [key for key in scan.objects if "/found-" in key or "/batches-" in key]
    assert sum(len(scan.objects[key]) for key in telling) < before / 10
    told = scan.told(index)
    assert dict(batches(told, [(0, 2)], scan.slices)) == {(0, 2): [*hosts[:500], *again]}


def test_batches_that_ran_at_the_same_time_are_read_together() -> None:
    """Their rows lie in the same blocks: each of those is read once."""
    scan = BatchedScan()
    rows = [fact("host", f"h{n}", observed_at=f"2026-01-01T00:00:{n // 1000:02}.{n % 1000:03}Z") for n in range(5_000)]
    scan.batches(*(rows[start::50] for start in range(50)))
    told = scan.told(scan.compacted())
    asked: list[ObjectSlice] = []

    def slices(wanted: Iterable[ObjectSlice]) -> Iterator[bytes]:
        for each in wanted:
            asked.append(each)
            yield from scan.slices([each])

    names = [(0, number) for number in range(50)]
    assert [rows for _, rows in batches(told, names, slices)] == [rows[start::50] for start in range(50)]
    assert sum(each.key in {part.key for part in told.observations} for each in asked) == len(told.observations)


@pytest.mark.parametrize("problem", ["missing", "changed"])
def test_what_batches_wrote_stays_when_it_cannot_be_found_again(problem: str) -> None:
    scan = BatchedScan()
    scan.batches([fact("host", "a")], [fact("host", "b")])
    key = segment_key(TENANT, SCAN, 0, 1)
    if problem == "missing":
        del scan.objects[key]
    else:
        scan.objects[key] = encode_rows([fact("host", "c")])
    index = scan.compacted()
    assert index.generation
    assert index.generation.found == ""
    assert [each.key for manifest in index.manifests for each in manifest.segments] == [
        segment_key(TENANT, SCAN, 0, number) for number in (0, 1)
    ]


def _kinds(scan: Scan) -> set[str]:
    prefix = scan_prefix(scan.who.tenant_id, scan.id)
    return {key.removeprefix(prefix).partition("/")[0] for key in Facts().keys(scan.who, prefix)}


@pytest.mark.usefixtures("cloud")
def test_a_compacted_scan_keeps_its_facts_once(scan: Scan) -> None:
    event = {"tenant_id": scan.who.tenant_id, "scan_id": scan.id}
    prefix = f"{scan_prefix(scan.who.tenant_id, scan.id)}segments/"
    found = {key: decode_observations(Facts().get(scan.who, key)) for key in Facts().keys(scan.who, prefix)}
    assert found
    late = segment_key(scan.who.tenant_id, scan.id, 0, 99)
    steps.compact(event, None)
    Facts().put(scan.who, late, encode_rows([]))
    assert {"segments", "state", "frontier"} <= _kinds(scan)
    steps.sweep(event, None)
    assert list(Facts().keys(scan.who, prefix)) == [late]
    assert not {"observations", "graph", "state", "frontier", "values"} & _kinds(scan)
    said = scan.get("integrity", "limit=200").body
    assert (said["damages"], said["checked"]) == ([], said["objects"])
    assert len(list(Facts().keys(scan.who, f"{scan_prefix(scan.who.tenant_id, scan.id)}index/"))) == 1


@pytest.mark.usefixtures("cloud")
def test_what_an_earlier_version_kept_stays_and_the_scan_is_whole(scan: Scan, monkeypatch: pytest.MonkeyPatch) -> None:
    event = {"tenant_id": scan.who.tenant_id, "scan_id": scan.id}
    with monkeypatch.context() as patch:
        patch.setattr(compaction_module, "REPLACED", ("observations/", "graph/"))
        patch.setattr(compaction_module, "_found", lambda *_anything: "")
        steps.compact(event, None)
    assert steps.sweep(event, None)["removed"] > 0
    assert {"segments", "state", "frontier"} <= _kinds(scan)
    assert "observations" not in _kinds(scan)
    said = scan.get("integrity", "limit=200").body
    assert (said["damages"], said["checked"]) == ([], said["objects"])


@pytest.mark.usefixtures("cloud")
def test_a_damaged_scan_stays_damaged_and_says_so(scan: Scan) -> None:
    event = {"tenant_id": scan.who.tenant_id, "scan_id": scan.id}
    prefix = f"{scan_prefix(scan.who.tenant_id, scan.id)}segments/"
    before = list(Facts().keys(scan.who, prefix))
    Facts().put(scan.who, before[0], b"x")
    steps.compact(event, None)
    steps.sweep(event, None)
    assert list(Facts().keys(scan.who, prefix)) == before
    assert [each["problem"] for each in scan.get("integrity", "limit=200").body["damages"]] == ["changed"]
