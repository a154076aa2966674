"""Renderers: a part of the trail as CSV, JSON and PDF. Pure; each returns the document's bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from functions.audit.model.reports import AuditReportFormat
from functions.audit.render.told import Told


def _pdf(told: Told) -> bytes:
    from functions.audit.render.pdf import render_pdf

    return render_pdf(told)


def _csv(told: Told) -> bytes:
    from functions.audit.render.csv import render_csv

    return render_csv(told)


def _json(told: Told) -> bytes:
    from functions.audit.render.json import render_json

    return render_json(told)


RENDERERS: Final[dict[AuditReportFormat, Callable[[Told], bytes]]] = {
    AuditReportFormat.CSV: _csv,
    AuditReportFormat.JSON: _json,
    AuditReportFormat.PDF: _pdf,
}
"""Each format's libraries are loaded when the format is asked for."""

__all__ = ["RENDERERS", "Told"]
