"""What a report of the trail tells."""

from __future__ import annotations

from typing import NamedTuple

from functions.audit.model.entries import AuditLogEntry


class Told(NamedTuple):
    """The entries of a period, newest first. `has_more` says that there were more than a file of its kind holds."""

    since: str
    until: str
    filters: dict[str, str]
    made_at: str
    entries: list[AuditLogEntry]
    has_more: bool
