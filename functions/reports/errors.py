"""What can be wrong with a report."""

from __future__ import annotations

from kernel.errors import Conflict, Invalid


class UnknownReportFormat(Invalid):
    """Reports are not written in this format."""

    slug, title = "unknown-report-format", "Reports cannot be written in this format"


class NothingToReport(Conflict):
    """The scan has not begun."""

    slug, title = "nothing-to-report", "The scan has not begun: there is nothing to report yet"
