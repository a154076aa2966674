"""Whatever a scan concludes, in however many waves, and wherever a worker dies: the last conclusions hold."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.facts import conclusions_key, encode_rows
from contracts.findings import Detection, Severity
from functions.findings import service
from functions.findings.model import Finding, Status, deduplicated
from functions.findings.schemas import ChangeFinding
from functions.findings.store import Store
from kernel.actor import Actor
from kernel.errors import PreconditionFailed
from kernel.facts import Facts
from kernel.table import Table
from tests.faults import Crash
from tests.kit import actor
from tests.memory_facts import memory_facts
from tests.memory_table import events_in, memory_table

CHECKS = ("module:a", "module:b", "module:c", "rule:x", "rule:y")


def detection(check: str, asset: str = "a.example", severity: str = "high", **fields: Any) -> Detection:
    return Detection(check=check, asset=asset, title=check, severity=severity, description="d", remedy="r", **fields)


DETECTIONS = st.builds(
    detection,
    st.sampled_from(CHECKS),
    st.sampled_from(("a.example", "b.example")),
    st.sampled_from([severity.value for severity in Severity]),
    confidence=st.sampled_from((0.5, 1.0)),
    attributes=st.sampled_from(({}, {"supersedes": ["module:a"]}, {"supersedes": ["module:b", "rule:x"]})),
)
WAVES = st.lists(st.tuples(st.sampled_from(("scan_1", "scan_2")), st.lists(DETECTIONS, max_size=6)), max_size=5)


class Room:
    """The room in memory, for one tenant."""

    def __init__(self, who: Actor) -> None:
        self.who = who
        self.table: Table = memory_table()
        self.facts: Facts = memory_facts()
        self.store = Store(self.table, self.facts)

    def conclude(self, scan_id: str, wave: int, detections: list[Detection]) -> str:
        key = conclusions_key(self.who.tenant_id, scan_id, wave)
        self.facts.put(self.who, key, encode_rows(detections))
        return key

    def record(self, scan_id: str, key: str) -> int:
        return service.record(self.store, self.who, scan_id, key)

    def dying(self, scan_id: str, key: str, at: int) -> None:
        """The worker dies before its write number `at`; another one does the work again."""
        writes = 0

        def die() -> None:
            nonlocal writes
            writes += 1
            if writes == at:
                raise Crash

        self.table.client.before_write = die
        try:
            self.record(scan_id, key)
        except Crash:
            pass
        finally:
            self.table.client.before_write = lambda: None
        self.record(scan_id, key)

    def of_scan(self, scan_id: str) -> list[tuple[str, str, str]]:
        found = [(row.rank, row.finding_id) for row in self.store.sightings(self.who, scan_id)]
        assert found == sorted(found)
        names = [name for _, name in found]
        assert len(set(names)) == len(names)
        findings = {each.finding_id: each for each in self.store.findings(self.who, names)}
        assert set(findings) == set(names)
        return sorted((findings[name].check, findings[name].asset, str(rank)) for rank, name in found)

    def everything(self) -> list[dict[str, Any]]:
        volatile = {"version", "status_at", "first_seen", "last_seen", "history"}
        findings = self.table.all(self.who, Finding)
        return [finding.model_dump(exclude=volatile) for finding in findings]

    def news(self) -> Counter[str]:
        events = [event for event in events_in(self.table) if event.type == "FindingsDetected.v1"]
        return Counter(finding["finding_id"] for event in events for finding in event.data["findings"])


@given(WAVES, st.lists(st.integers(1, 4), max_size=5))
@settings(max_examples=150)
def test_a_worker_that_dies_anywhere_changes_nothing(
    waves: list[tuple[str, list[Detection]]], deaths: list[int]
) -> None:
    who = actor()
    calm, troubled = Room(who), Room(who)
    last: dict[str, list[Detection]] = {}
    for wave, (scan_id, detections) in enumerate(waves):
        last[scan_id] = detections
        expected = len(deduplicated(detections))
        assert calm.record(scan_id, calm.conclude(scan_id, wave, detections)) == expected
        troubled.dying(scan_id, troubled.conclude(scan_id, wave, detections), deaths[wave] if wave < len(deaths) else 9)
    for scan_id, detections in last.items():
        assert {row[:2] for row in calm.of_scan(scan_id)} == {(d.check, d.asset) for d in deduplicated(detections)}
        assert calm.of_scan(scan_id) == troubled.of_scan(scan_id)
    assert calm.everything() == troubled.everything()
    assert calm.news() == troubled.news()


@given(st.lists(DETECTIONS, max_size=8))
def test_recording_again_writes_nothing(detections: list[Detection]) -> None:
    room = Room(actor())
    key = room.conclude("scan_1", 0, detections)
    room.record("scan_1", key)

    def forbidden() -> None:
        raise AssertionError("nothing was to be written")

    room.table.client.before_write = forbidden
    assert room.record("scan_1", key) == len(deduplicated(detections))


def test_more_changes_of_severity_than_one_transaction_holds() -> None:
    room = Room(actor())
    for wave, severity in enumerate(("low", "critical", "info")):
        many = [detection(f"module:{number:03}", severity=severity) for number in range(120)]
        assert room.record("scan_1", room.conclude("scan_1", wave, many)) == 120
        assert {rank for _, _, rank in room.of_scan("scan_1")} == {str(list(Severity).index(Severity(severity)))}
    assert sum(room.news().values()) == 120


def test_a_room_that_never_rests_fails_the_step_and_not_the_findings() -> None:
    room = Room(actor())
    key = room.conclude("scan_1", 0, [detection("module:a")])
    room.record("scan_1", key)
    later = room.conclude("scan_1", 1, [detection("module:a", severity="low")])

    class Restless(Store):
        """Somebody touches the finding after each of our reads."""

        def findings(self, who: Actor, ids: Any) -> list[Finding]:
            read = super().findings(who, ids)
            for finding in read:
                target = Status.TRIAGED if finding.status is Status.OPEN else Status.OPEN
                service.change_finding(room.store, who, finding.finding_id, ChangeFinding(status=target), None)
            return read

    with pytest.raises(PreconditionFailed, match="faster than they can be recorded"):
        service.record(Restless(room.table, room.facts), room.who, "scan_1", later)
    assert room.record("scan_1", later) == 1
    assert room.of_scan("scan_1") == [("module:a", "a.example", "3")]
