"""Audit publishes what integrations tell it, and what becomes of the reports and exports of the trail."""

from __future__ import annotations

from typing import Any

from kernel.events import Category, Event

EXTERNAL = "external"
"""The context of an entry that an integration of the organisation's own has told."""


class ExternalEntryLogged(Event, context="audit"):
    """An integration of the organisation told of a deed outside the platform; `subject` is who did it, as it says."""

    entry_id: str
    action: str
    resource: str | None = None
    subject: str | None = None
    details: dict[str, Any] = {}


class AuditReportRequested(Event, context="audit", category=Category.COMPLIANCE):
    """Somebody wants a part of the trail as a file."""

    report_id: str
    format: str
    since: str
    until: str
    filters: dict[str, str] = {}


class AuditReportReady(Event, context="audit"):
    """A file of the trail can be downloaded; `digest` is its SHA-256."""

    report_id: str
    format: str
    entries: int
    digest: str


class AuditReportFailed(Event, context="audit"):
    """A file of the trail could not be made."""

    report_id: str
    reason: str


class AuditLogDiverged(Event, context="audit", category=Category.SECURITY):
    """The log no longer continues what was anchored: somebody has changed it."""

    size: int
    anchored_root: str
    root: str
