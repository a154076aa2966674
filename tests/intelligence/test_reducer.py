"""The reducer: nothing lost, nothing doubled, the same in one wave as in many."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.facts import decode_rows
from contracts.findings import Detection
from contracts.observations import Observation
from functions.intelligence.model import reducer as reducer_module
from functions.intelligence.model.columns import Column
from functions.intelligence.model.frontier import Frontier
from functions.intelligence.model.graph import MAX_OBSERVATION_IDS
from functions.intelligence.model.state import MAX_VALUE_CHARACTERS, NO_ROW, ReducerState
from tests.intelligence.scans import MemoryScan, cut, fact, fact_like, histories

pytestmark = pytest.mark.slow

cuts = st.lists(st.integers(0, 40), max_size=4)


@given(histories(), cuts)
def test_waves_come_to_what_one_wave_comes_to(history: list[Observation], where: list[int]) -> None:
    whole, waves = MemoryScan(), MemoryScan()
    whole.reduce(history)
    for wave in cut(history, where):
        waves.reduce(wave)
    assert waves.entities() == whole.entities()
    assert waves.relations() == whole.relations()
    assert waves.state().ids == whole.state().ids
    stored = [row.id for part in waves.observation_parts() for row in _rows(waves, part.key)]
    assert sorted(stored) == sorted({row.id for row in history})


@given(histories(), cuts)
def test_each_fact_enters_the_frontier_once_unless_it_comes_nearer(
    history: list[Observation], where: list[int]
) -> None:
    scan = MemoryScan()
    best: dict[tuple[str, str], int] = {}
    for number, wave in enumerate(cut(history, where)):
        before = dict(best)
        for row in wave:
            name = (row.type, row.value)
            best[name] = min(best.get(name, 255), row.scope_distance)
        scan.reduce(wave)
        frontier = {(row.type, row.value): row for row in scan.frontier(number)}
        assert len(frontier) == len(scan.frontier(number))
        assert set(frontier) == {name for name in best if best[name] < before.get(name, 256)}
        assert all(row.scope_distance == best[name] for name, row in frontier.items())


@given(histories(), cuts)
def test_reducing_a_wave_again_writes_the_same_bytes(history: list[Observation], where: list[int]) -> None:
    first, again = MemoryScan(), MemoryScan()
    for scan in (first, again):
        for wave in cut(history, where):
            scan.reduce(wave)
    assert first.objects == again.objects
    assert first.manifests == again.manifests


def _rows(scan: MemoryScan, key: str) -> list[Observation]:
    return decode_rows(scan.objects[key], Observation)


def test_modules_that_have_processed_a_fact_are_merged_within_a_wave() -> None:
    scan = MemoryScan()
    page = fact("url", "http://a/", module="sitemap")
    crawled = fact("url", "http://a/", page, module="crawler", consumed=("crawler",))
    scan.reduce([page], [crawled])
    (entry,) = scan.frontier(0)
    assert entry.id == page.id
    assert entry.consumed == ("crawler",)


def test_independent_modules_add_to_confidence_and_one_module_does_not_add_to_itself() -> None:
    scan = MemoryScan(groups={"crtsh": "ct-logs", "certspotter": "ct-logs"})
    domain = fact("domain", "example.com")
    host = fact("host", "www.example.com", domain, module="crtsh", confidence=0.5)
    dependent = fact_like(host, "certspotter", 0.4)
    independent = fact_like(host, "resolve", 0.5)
    scan.reduce([domain, host])
    assert _confidence(scan, "host") == 0.5
    scan.reduce([host, dependent])
    assert _confidence(scan, "host") == 0.5
    scan.reduce([independent])
    assert _confidence(scan, "host") == 0.75
    (edge,) = scan.relations()
    assert edge.sources == {"ct-logs": 0.5, "resolve": 0.5}
    assert edge.name == "has_host"


def _confidence(scan: MemoryScan, type_: str) -> float:
    return next(entity.confidence for entity in scan.entities() if entity.type == type_)


def test_a_shared_address_is_one_fact_and_its_edges_are_capped() -> None:
    scan = MemoryScan(max_fan=10)
    hosts = [fact("host", f"h{number}") for number in range(15)]
    scan.reduce(hosts, [fact("ip", "192.0.2.1", host) for host in hosts])
    (address,) = [entity for entity in scan.entities() if entity.type == "ip"]
    assert address.count == 15
    assert len(address.observations) == min(15, MAX_OBSERVATION_IDS)
    assert len(scan.relations()) == 10
    assert sum(entity.edges_left_out for entity in scan.entities()) == 5
    assert scan.manifests[0].edges_left_out == 5


def test_a_cap_holds_across_waves() -> None:
    scan = MemoryScan(max_fan=3)
    hosts = [fact("host", f"h{number}") for number in range(6)]
    scan.reduce(hosts)
    for host in hosts:
        scan.reduce([fact("ip", "192.0.2.1", host)])
    assert len(scan.relations()) == 3


def test_provenance_is_capped_and_counted() -> None:
    scan = MemoryScan()
    pages = [fact("url", f"http://a/{number}") for number in range(30)]
    scan.reduce(pages, [fact("email", "a@example.com", page) for page in pages])
    (email,) = [entity for entity in scan.entities() if entity.type == "email"]
    assert (len(email.observations), email.count) == (MAX_OBSERVATION_IDS, 30)


def test_a_weakness_makes_its_asset_risky_and_is_written_apart() -> None:
    scan = MemoryScan()
    host = fact("host", "a")
    scan.reduce([host])
    weak = fact("misconfiguration", "a missing-csp", host, attributes={"severity": "medium"})
    grave = fact("exposure", "a /.env", host, attributes={"severity": "critical"})
    scan.reduce([weak, grave])
    assert {entity.type: entity.risk for entity in scan.entities()} == {
        "host": "critical",
        "misconfiguration": "medium",
        "exposure": "critical",
    }
    key = scan.manifests[1].weaknesses
    assert key is not None
    found = decode_rows(scan.objects[key], Detection)
    assert [(each.check, each.asset, each.severity) for each in found] == [
        ("module:resolve/misconfiguration", "a missing-csp", "medium"),
        ("module:resolve/exposure", "a /.env", "critical"),
    ]
    seen = "found by resolve, 2026-01-01 00:00 UTC, 100 % sure"
    assert found[1].chain == ("target: host a", f"exposes: exposure a /.env ({seen})")
    assert found[1].evidence == (grave.id,)
    assert scan.manifests[0].weaknesses is None


def test_large_values_stay_whole_where_they_are_stored() -> None:
    scan = MemoryScan()
    long = "http://a/" + "x" * MAX_VALUE_CHARACTERS
    page = fact("url", long)
    scan.reduce([page])
    scan.reduce([fact("misconfiguration", "w", page, attributes={"severity": "low"})])
    (entity,) = [entity for entity in scan.entities() if entity.type == "url"]
    assert entity.value == long
    assert entity.risk == "low"
    assert len(scan.state().fact_values[0]) == MAX_VALUE_CHARACTERS


def test_bulky_attributes_stay_out_of_the_graph() -> None:
    scan = MemoryScan()
    attributes = {"title": "Home", "body": "x" * 5000, "headers": {"a": "b"}, "status": 200, "tags": ["a"]}
    scan.reduce([fact("url", "http://a/", attributes=attributes)])
    (entity,) = scan.entities()
    assert entity.attributes == {"title": "Home", "status": 200, "tags": ["a"]}


def test_a_wave_is_cut_into_parts_without_losing_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PART_ROWS", "GRAPH_ROWS"):
        monkeypatch.setattr(reducer_module, name, 7)
    monkeypatch.setattr(Frontier.__init__, "__defaults__", (7,))
    scan = MemoryScan()
    rows = [fact("host", f"h{number % 30}", module=f"m{number}") for number in range(40)]
    manifest = scan.reduce(rows[:20], rows[20:])
    assert [part.rows for part in manifest.observations] == [7, 7, 7, 7, 2]
    assert len(manifest.frontier) == 5
    assert len(scan.entities()) == len(scan.frontier(0)) == manifest.new_facts == 30
    assert manifest.read == 40
    assert manifest.stored == 30


def test_lineage_leads_from_the_target() -> None:
    scan = MemoryScan()
    domain = fact("domain", "example.com")
    host = fact("host", "www.example.com", domain)
    scan.reduce([domain])
    scan.reduce([host, fact("ip", "192.0.2.1", host)])
    state = scan.state()
    chain = state.lineage(2)
    assert [state.fact_values[number] for number in chain] == ["example.com", "www.example.com", "192.0.2.1"]
    assert state.fact_parents[0] == NO_ROW


def test_a_delta_cannot_be_loaded_out_of_order() -> None:
    scan = MemoryScan()
    scan.reduce([fact("host", "a")])
    scan.reduce([fact("host", "b")])
    first, second = (scan.objects[manifest.state] for manifest in scan.manifests)
    with pytest.raises(ValueError, match="cannot follow"):
        ReducerState.load([second, first])


def test_attributes_that_rules_read_are_remembered() -> None:
    scan = MemoryScan(keep_attributes=frozenset({"check"}))
    scan.reduce([fact("exposure", "a", attributes={"check": "git", "other": 1})])
    scan.reduce([fact("exposure", "b", attributes={"check": "env"})])
    column = scan.state().attributes["check"]
    assert [column.get(row) for row in range(3)] == [("git",), ("env",), ()]
    assert set(scan.state().attributes) == {"check"}


def test_an_empty_wave_is_a_wave() -> None:
    scan = MemoryScan()
    manifest = scan.reduce()
    assert manifest == msgspec.structs.replace(manifest, observations=(), frontier=(), read=0, stored=0)
    assert scan.state().wave == 0


def test_a_module_weakness_says_what_its_module_said() -> None:
    scan = MemoryScan()
    told = {
        "check": "git", "asset": "http://a", "title": "T", "severity": "high", "description": "D", "remedy": "R",
        "references": ["https://r"], "evidence": {"path": "/.git/config"},
    }  # fmt: skip
    scan.reduce([fact("exposure", "git:http://a", module="files", confidence=0.9, attributes=told)])
    (found,) = decode_rows(scan.objects[scan.manifests[0].weaknesses or ""], Detection)
    assert found == Detection(
        check="module:files/git", asset="http://a", title="T", severity="high", description="D", remedy="R",
        confidence=0.9, evidence=found.evidence,
        chain=("target: exposure git:http://a (found by files, 2026-01-01 00:00 UTC, 90 % sure)",),
        references=("https://r",), attributes={"evidence": {"path": "/.git/config"}},
    )  # fmt: skip


def test_a_module_that_says_too_little_gets_plain_defaults() -> None:
    scan = MemoryScan()
    scan.reduce([fact("exposure", "x", attributes={"severity": "terrible", "references": "https://r"})])
    (found,) = decode_rows(scan.objects[scan.manifests[0].weaknesses or ""], Detection)
    assert (found.severity, found.asset, found.title, found.references) == ("info", "x", "x", ())
    assert found.remedy


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 3), st.sampled_from(("", "a", "b"))), max_size=30))
def test_a_frontier_in_parts_is_the_frontier_in_one(told: list[tuple[int, int, str]]) -> None:
    found: list[list[Observation]] = []
    for rows in (2, 100):
        frontier = Frontier(3, rows)
        added: set[int] = set()
        for number, distance, module in told:
            if number in added:
                frontier.amend(number, distance, {module})
            else:
                frontier.add(number, fact("host", f"h{number}"))
                added.add(number)
        assert frontier.size == len(added)
        assert all(frontier.holds(number) for number in added)
        found.append([row for part in frontier.parts() for row in decode_rows(part, Observation)])
    assert found[0] == found[1]


def test_an_attribute_that_nests_without_end_is_remembered() -> None:
    """An archive may hold such; what lies deep is told as it is written."""
    deep: Any = "x"
    for _ in range(700):
        deep = {"a": deep}
    column = Column()
    column.add(0, {"server": "nginx", "secure": True, "deep": deep})
    (text,) = column.get(0)
    assert text.startswith("server: nginx; secure: true; deep: {'a': {")
