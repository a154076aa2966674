"""Intelligence publishes what becomes of files that are taken in as scans, and how long facts are kept."""

from __future__ import annotations

from kernel.events import Category, Event


class ImportStarted(Event, context="intelligence"):
    """A file was uploaded, and is to be taken in as a scan."""

    import_id: str
    scan_id: str
    name: str
    format: str


class ImportFinished(Event, context="intelligence"):
    """A file was taken in: there is a scan with its facts."""

    import_id: str
    scan_id: str
    name: str
    observations: int


class ImportFailed(Event, context="intelligence"):
    """A file could not be taken in, and nothing of it was."""

    import_id: str
    name: str
    reason: str


class RetentionChanged(Event, context="intelligence", category=Category.COMPLIANCE):
    """Facts are to be kept for so many days from the end of their scan; without a number, until the scan is deleted."""

    days: int | None
    before: int | None


class FactsRetired(Event, context="intelligence", category=Category.COMPLIANCE):
    """The facts of scans were kept long enough, and are gone; their counts stay."""

    days: int | None
    scans: list[str]
    observations: int


class RuleChanged(Event, context="intelligence", category=Category.SECURITY):
    """A correlation rule was added, changed, removed, enabled or disabled; scans that begin from now on show it."""

    name: str
    change: str
