"""Intelligence publishes what becomes of files that are taken in as scans."""

from __future__ import annotations

from kernel.events import Event


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
