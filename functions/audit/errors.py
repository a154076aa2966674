"""What can be wrong with a wish to the audit trail, and with the trail itself."""

from __future__ import annotations

from kernel.errors import Invalid


class WrongPeriod(Invalid):
    """A period that ends before it begins, or reaches too far."""

    slug, title = "wrong-period", "The period is not one that can be searched"


class ExportIsWhole(Invalid):
    """An export that leaves entries out could not be verified."""

    slug, title = "export-is-whole", "An export holds every entry of its period"


class LogDiverged(Exception):
    """The log is not the one that was sealed: somebody has changed it. It goes no further until somebody has looked."""
