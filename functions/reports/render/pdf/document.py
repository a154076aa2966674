"""The document: pages with header and footer, the table of contents, outline and metadata."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

from reportlab.lib.units import mm
from reportlab.lib.utils import TimeStamp
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, PageTemplate

from functions.reports.model import ReportData
from functions.reports.render.pdf import style
from functions.reports.render.pdf.cover import BAND, paint_cover
from functions.reports.render.pdf.fonts import STRONG, TEXT
from functions.reports.render.pdf.parts import Anchor
from functions.reports.render.pdf.text import cut, draw_line, marked, visible


class Report(BaseDocTemplate):
    """A report's pages. The number of the last page is that of the build before."""

    def __init__(self, target: io.BytesIO, data: ReportData) -> None:
        super().__init__(
            target,
            pagesize=style.PAGE,
            title=_meta(f"{data.title}: {data.client}"),
            author=_meta(data.prepared_by),
            subject=_meta(f"Scan {data.scan.name} ({data.scan.scan_id})"),
            keywords=[_meta(data.classification), _meta(data.report_id)],
            creator="Palisade",
            lang="en-GB",
            invariant=1,
        )
        self._data = data
        self._last_page = 0
        self.addPageTemplates([self._cover_page(), self._inner_page()])

    def _cover_page(self) -> PageTemplate:
        height = style.PAGE[1]
        top = Frame(style.MARGIN, height - BAND + 6 * mm, style.WIDTH, BAND - 80 * mm, 0, 0, 0, 0)
        below = Frame(style.MARGIN, 20 * mm, style.WIDTH, height - BAND - 32 * mm, 0, 0, 0, 0)
        return PageTemplate("cover", [top, below], onPage=self._on_cover, autoNextPageTemplate="inner")

    def _inner_page(self) -> PageTemplate:
        height = style.PAGE[1] - style.TOP - style.BOTTOM
        frame = Frame(style.MARGIN, style.BOTTOM, style.WIDTH, height, 0, 0, 0, 0)
        return PageTemplate("inner", [frame], onPage=self._on_page)

    def _on_cover(self, canvas: Any, _: BaseDocTemplate) -> None:
        paint_cover(canvas, self._data)

    def _on_page(self, canvas: Any, _: BaseDocTemplate) -> None:
        width, height = style.PAGE
        canvas.saveState()
        canvas.setStrokeColor(style.RULE)
        canvas.setLineWidth(0.5)
        canvas.line(style.MARGIN, height - 16 * mm, width - style.MARGIN, height - 16 * mm)
        canvas.line(style.MARGIN, 15 * mm, width - style.MARGIN, 15 * mm)
        canvas.setFillColor(style.MUTED)
        high, low, right = height - 13.2 * mm, 10.6 * mm, width - style.MARGIN
        draw_line(canvas, style.MARGIN, high, _line(self._data.client, 60), STRONG, 8)
        draw_line(canvas, right, high, _line(self._data.title, 60), TEXT, 8, align=1)
        draw_line(canvas, style.MARGIN, low, _line(self._data.classification, 60), TEXT, 8)
        draw_line(canvas, right, low, self._number(), TEXT, 8, align=1)
        canvas.restoreState()

    def _number(self) -> str:
        return f"Page {self.page} of {self._last_page}" if self._last_page else f"Page {self.page}"

    def afterFlowable(self, flowable: Flowable) -> None:  # noqa: N802 - the engine's name
        """Tell the table of contents where a listed place came to lie."""
        if isinstance(flowable, Anchor) and flowable.listed:
            title = marked(_line(flowable.title, 90), style.TOC_2.fontName)
            self.notify("TOCEntry", (flowable.level, title, self.page, flowable.key))

    def _allSatisfied(self) -> bool:  # noqa: N802 - the engine's name
        """Whether another build is needed: also while the count of pages in the footers is not the true one."""
        settled = self._last_page == self.page
        self._last_page = self.page
        return bool(super()._allSatisfied()) and settled  # type: ignore[misc] # known to the engine alone


def canvas_dated(at: str) -> Any:
    """A maker of canvases whose document bears the given date and not the time of its making."""

    def make(*arguments: Any, **options: Any) -> Canvas:
        canvas = Canvas(*arguments, **options)
        # The engine offers no other way to date a document than the process's environment.
        vars(canvas)["_doc"]._timeStamp = _stamp(at)
        return canvas

    return make


def _stamp(at: str) -> TimeStamp:
    stamp = TimeStamp(invariant=1)
    try:
        moment = datetime.fromisoformat(at).astimezone(UTC)
    except ValueError:
        return stamp
    stamp.t, stamp.lt, stamp.YMDhms = moment.timestamp(), moment.timetuple(), tuple(moment.timetuple())[:6]
    return stamp


def _line(text: str, limit: int) -> str:
    flat = " ".join(visible(text).split())
    return flat if len(flat) <= limit else f"{flat[: limit - 1]}…"


def _meta(text: str) -> str:
    return cut(visible(text).replace("\n", " "), 250)
