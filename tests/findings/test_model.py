"""Findings: the same weakness is one finding for ever, and its status follows the rules."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from contracts.findings import Detection
from functions.findings.errors import ReasonMissing, WrongTransition
from functions.findings.model import (
    MAX_EVIDENCE,
    MAX_HISTORY,
    MAX_SCANS,
    NEEDS_REASON,
    SCANNER,
    SETTLED,
    TRANSITIONS,
    Finding,
    Status,
    deduplicated,
    finding_id,
    new_finding,
)

TENANT = "org_1"


def detection(**fields: Any) -> Detection:
    """A detection with what a test does not care about filled in."""
    told: dict[str, Any] = {
        "check": "module:headers/csp-missing",
        "asset": "https://a",
        "title": "CSP is missing",
        "severity": "medium",
        "description": "…",
        "remedy": "Send one.",
        "evidence": ("obs_1",),
    }
    return Detection(**(told | fields))


def at(minute: int) -> str:
    return f"2026-01-01T00:{minute:02}:00.000Z"


def test_the_id_depends_on_tenant_check_and_asset_alone() -> None:
    first = new_finding(TENANT, detection(), "scan_1", at(1))
    again = new_finding(TENANT, detection(title="Other words", severity="high"), "scan_2", at(9))
    assert first.finding_id == again.finding_id
    assert finding_id("org_2", first.check, first.asset) != first.finding_id
    assert len({finding_id(TENANT, "a", "bc"), finding_id(TENANT, "ab", "c")}) == 2


def test_seen_again_the_newest_scan_tells_the_words_whatever_the_order() -> None:
    finding = new_finding(TENANT, detection(), "scan_1", at(5))
    assert finding.see(detection(severity="high", evidence=("obs_2",)), "scan_2", at(9))
    assert finding.see(detection(severity="low", evidence=("obs_0",)), "scan_0", at(1))
    assert (finding.severity, finding.evidence) == ("high", ["obs_2"])
    assert (finding.first_seen, finding.last_seen) == (at(1), at(9))
    assert finding.scan_ids == ["scan_1", "scan_2", "scan_0"]
    assert finding.scans == 3


def test_told_twice_nothing_changes() -> None:
    finding = new_finding(TENANT, detection(), "scan_1", at(5))
    assert not finding.see(detection(), "scan_1", at(5))
    assert finding == new_finding(TENANT, detection(), "scan_1", at(5))


@pytest.mark.parametrize("settled", sorted(SETTLED))
def test_seen_after_it_was_settled_a_finding_is_reopened(settled: Status) -> None:
    finding = new_finding(TENANT, detection(), "scan_1", at(1))
    finding.move(settled, "usr_1", at(5))
    finding.see(detection(), "scan_1", at(1))
    assert finding.status is settled
    finding.see(detection(), "scan_2", at(6))
    assert finding.status is Status.REOPENED
    assert finding.history[-1].by == SCANNER
    assert "scan_2" in finding.history[-1].reason


@pytest.mark.parametrize("status", sorted(NEEDS_REASON))
def test_what_a_person_has_decided_stays_decided(status: Status) -> None:
    finding = new_finding(TENANT, detection(), "scan_1", at(1))
    with pytest.raises(ReasonMissing):
        finding.move(status, "usr_1", at(2), "  ")
    assert finding.status is Status.OPEN
    finding.move(status, "usr_1", at(2), "Known test system.")
    finding.see(detection(), "scan_2", at(6))
    assert finding.status is status


def test_a_change_that_is_not_allowed_says_so_and_changes_nothing() -> None:
    finding = new_finding(TENANT, detection(), "scan_1", at(1))
    finding.move(Status.CLOSED, "usr_1", at(2))
    before = finding.model_copy(deep=True)
    with pytest.raises(WrongTransition, match="closed cannot become triaged"):
        finding.move(Status.TRIAGED, "usr_1", at(3))
    assert finding == before


def test_a_rule_takes_in_what_it_supersedes_on_its_own_asset() -> None:
    superior = detection(check="rule:r", evidence=("o1",), attributes={"supersedes": ["module:m/a", "module:m/b"]})
    here = detection(check="module:m/a", evidence=("o2",))
    elsewhere = detection(check="module:m/a", asset="https://b")
    other = detection(check="module:m/c")
    kept = deduplicated([here, elsewhere, other, superior])
    assert [(each.check, each.asset) for each in kept] == [
        ("module:m/a", "https://b"),
        ("module:m/c", "https://a"),
        ("rule:r", "https://a"),
    ]
    assert kept[2].evidence == ("o1", "o2")
    assert kept[2].attributes["covers"] == ["module:m/a"]


def test_sightings_of_one_weakness_are_joined() -> None:
    (joined,) = deduplicated(
        [detection(confidence=0.5, evidence=("o1",)), detection(confidence=0.9, title="Surer", evidence=("o2", "o1"))]
    )
    assert joined.title == "Surer"
    assert joined.evidence == ("o2", "o1")


checks = st.sampled_from(("rule:a", "rule:b", "module:m/x", "module:m/y"))


@given(st.lists(st.tuples(checks, st.sampled_from("ab"), st.lists(checks, max_size=3)), max_size=12))
def test_nothing_is_lost_without_a_superior(told: list[tuple[str, str, list[str]]]) -> None:
    given_ = [
        detection(check=check, asset=asset, evidence=(str(number),), attributes={"supersedes": supersedes})
        for number, (check, asset, supersedes) in enumerate(told)
    ]
    kept = deduplicated(given_)
    names = [(each.check, each.asset) for each in kept]
    assert len(set(names)) == len(names)
    covered = {(check, each.asset) for each in kept for check in each.attributes.get("covers", ())}
    assert {(check, asset) for check, asset, _ in told} == set(names) | covered
    evidence = {number for each in kept for number in each.evidence}
    assert evidence == {str(number) for number in range(len(told))}
    assert deduplicated(kept) == kept


class Life(RuleBasedStateMachine):
    """A finding through any sequence of sightings and changes by people."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = 0
        self.sightings: set[str] = set()

    def _now(self) -> str:
        self.clock += 1
        return f"2026-01-01T{self.clock // 3600:02}:{self.clock // 60 % 60:02}:{self.clock % 60:02}.000Z"

    @initialize()
    def found(self) -> None:
        self.sightings.add("scan_0")
        self.finding = new_finding(TENANT, detection(), "scan_0", self._now())

    @rule(scan=st.integers(0, 40).map("scan_{}".format), severity=st.sampled_from(("low", "critical")))
    def scan_sees_it(self, scan: str, severity: str) -> None:
        before, now = self.finding.status, self._now()
        evidence = tuple(f"obs_{number}" for number in range(60))
        self.finding.see(detection(severity=severity, evidence=evidence), scan, now)
        self.sightings.add(scan)
        assert self.finding.last_seen == now
        assert self.finding.severity == severity
        assert self.finding.status is (Status.REOPENED if before in SETTLED else before)

    @rule(to=st.sampled_from(Status), reason=st.sampled_from(("", "because")))
    def person_moves_it(self, to: Status, reason: str) -> None:
        before = self.finding.model_copy(deep=True)
        allowed = to in TRANSITIONS[before.status] and (reason or to not in NEEDS_REASON)
        if allowed:
            self.finding.move(to, "usr_1", self._now(), reason)
            assert self.finding.status is to
            assert self.finding.history[-1].before is before.status
        else:
            with pytest.raises((WrongTransition, ReasonMissing)):
                self.finding.move(to, "usr_1", self._now(), reason)
            assert self.finding == before

    @invariant()
    def history_is_a_chain_that_ends_here(self) -> None:
        if not hasattr(self, "finding"):
            return
        history = self.finding.history
        for earlier, later in pairwise(history):
            assert earlier.after is later.before
            assert earlier.at < later.at
        assert not history or history[-1].after is self.finding.status

    @invariant()
    def bounded(self) -> None:
        if not hasattr(self, "finding"):
            return
        finding = self.finding
        assert finding.first_seen <= finding.last_seen
        assert len(finding.history) <= MAX_HISTORY
        assert len(finding.scan_ids) <= MAX_SCANS
        assert len(finding.evidence) <= MAX_EVIDENCE
        assert Finding.model_validate_json(finding.model_dump_json()) == finding


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=40)
