"""Prints the table of recall and precision at the end of a run."""

from __future__ import annotations

from typing import Any

from tests.oracles.comparison import HEADING

ROW = "oracle"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The rows that the tests recorded, wherever they ran."""
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.stats.get(outcome, [])]
    rows = sorted(value for report in reports for name, value in report.user_properties if name == ROW)
    if rows:
        terminalreporter.section("the oracles")
        for row in (HEADING, *rows):
            terminalreporter.write_line(row)
