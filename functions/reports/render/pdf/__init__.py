"""The report as a PDF that can be handed over."""

from __future__ import annotations

import io

from reportlab.platypus import PageBreak

from functions.reports.model import ReportData, grouped
from functions.reports.render.pdf.appendix import appendix
from functions.reports.render.pdf.cover import contents, cover
from functions.reports.render.pdf.document import Report, canvas_dated
from functions.reports.render.pdf.findings import findings
from functions.reports.render.pdf.fonts import register
from functions.reports.render.pdf.graph import picture
from functions.reports.render.pdf.summary import executive_summary, scope_and_method


def render_pdf(data: ReportData) -> bytes:
    """A PDF of the report; the same data give the same bytes."""
    register()
    target = io.BytesIO()
    groups = grouped(data.findings)
    story = [
        *cover(data),
        PageBreak(),
        *contents(),
        PageBreak(),
        *executive_summary(data, groups),
        *scope_and_method(data),
        *findings(data, groups),
        *picture(data),
        *appendix(data),
    ]
    Report(target, data).multiBuild(story, maxPasses=6, canvasmaker=canvas_dated(data.generated_at))
    return target.getvalue()
