"""The report's own sentences: right for none, one and many, and never a number that is not in the data."""

from __future__ import annotations

import pytest

from functions.reports.model import counts_by_severity, grouped, in_order
from functions.reports.narrative import (
    RATINGS,
    day,
    duration,
    first_steps,
    listed,
    minute,
    summary,
    worst_severity,
)
from tests.reports.samples import company, finding, report, scan


def test_no_finding_one_finding_many_findings() -> None:
    assert "No findings were recorded." in summary(report())[1]
    assert summary(report(findings=(finding(),)))[1].startswith("One finding was recorded, of medium severity.")
    pair = (finding(), finding(finding_id="f2", check="c2"))
    told = summary(report(findings=pair))
    assert told[1].startswith("2 findings were recorded: 2 medium.")
    assert told[2] == "All of them concern https://shop.example.com."
    apart = (finding(), finding(finding_id="f2", asset="b"))
    assert summary(report(findings=apart))[2] == "They are spread over 2 assets, one on each."


def test_a_scan_that_never_started_is_not_dated() -> None:
    assert "(not started)" in summary(report(scan=scan(started_at="", finished_at="")))[0]
    later = scan(started_at="2026-05-04T23:00:00.000Z", finished_at="2026-05-05T01:00:00.000Z")
    assert "from 4 May 2026 to 5 May 2026" in summary(report(scan=later))[0]


def test_the_rating_follows_the_gravest_finding() -> None:
    assert RATINGS[worst_severity(company())] == "Critical"
    assert RATINGS[worst_severity(report())] == "Good"
    assert RATINGS[worst_severity(report(findings=(finding(severity="low"),)))] == "Low"


def test_findings_are_ordered_grouped_and_counted() -> None:
    data = company()
    assert [item.severity for item in in_order(data.findings)][:3] == ["critical", "critical", "high"]
    groups = grouped(data.findings)
    assert [group.number for group in groups] == list(range(1, 8))
    assert sum(len(group.findings) for group in groups) == len(data.findings)
    assert sum(counts_by_severity(data.findings).values()) == len(data.findings)
    steps = first_steps(groups)
    assert len(steps) == 5
    assert all(step.first.severity != "info" for step in steps)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2026-01-01T00:00:00.000Z", "2026-01-01T00:00:09.000Z", "9 s"),
        ("2026-01-01T00:00:00.000Z", "2026-01-01T00:03:09.000Z", "3 min 09 s"),
        ("2026-01-01T00:00:00.000Z", "2026-01-01T02:05:09.000Z", "2 h 05 min"),
        ("2026-01-01T00:00:00.000Z", "", ""),
        ("2026-01-02T00:00:00.000Z", "2026-01-01T00:00:00.000Z", ""),
    ],
)
def test_durations_in_words(start: str, end: str, expected: str) -> None:
    assert duration(start, end) == expected


def test_lists_and_times_in_words() -> None:
    assert listed([], 3) == ""
    assert listed(["a"], 3) == "a"
    assert listed(["a", "b"], 3) == "a and b"
    assert listed(["a", "b", "c", "d", "e"], 3) == "a, b, c and 2 more"
    assert day("2026-05-04T10:00:00.000Z") == "4 May 2026"
    assert minute("2026-05-04T10:01:00.000Z") == "2026-05-04 10:01 UTC"
    assert day("never") == minute("never") == "never"
