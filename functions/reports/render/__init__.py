"""Renderers: a report's data as PDF, JSON, CSV and XLSX. Pure; each returns the document's bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from functions.reports.model import ReportData


def _pdf(data: ReportData) -> bytes:
    from functions.reports.render.pdf import render_pdf

    return render_pdf(data)


def _json(data: ReportData) -> bytes:
    from functions.reports.render.json import render_json

    return render_json(data)


def _csv(data: ReportData) -> bytes:
    from functions.reports.render.csv import render_csv

    return render_csv(data)


def _xlsx(data: ReportData) -> bytes:
    from functions.reports.render.xlsx import render_xlsx

    return render_xlsx(data)


# Each format's libraries are loaded when the format is asked for: a JSON report needs no PDF engine.
RENDERERS: Final[dict[str, tuple[Callable[[ReportData], bytes], str]]] = {
    "pdf": (_pdf, "application/pdf"),
    "json": (_json, "application/json"),
    "csv": (_csv, "text/csv; charset=utf-8"),
    "xlsx": (_xlsx, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}
"""Each format's renderer and media type."""
