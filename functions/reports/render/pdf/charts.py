"""Drawn figures: findings by severity, and a gauge of the overall rating."""

from __future__ import annotations

from typing import Final

from reportlab.lib.colors import white
from reportlab.platypus import Flowable

from functions.reports.model import SEVERITIES
from functions.reports.render.pdf import style
from functions.reports.render.pdf.fonts import BOLD, STRONG, TEXT


class SeverityChart(Flowable):
    """Findings by severity: a ring with the total, and a bar for each severity."""

    HEIGHT: Final = 118.0
    RING: Final = 54.0
    HOLE: Final = 36.0

    def __init__(self, counts: dict[str, int]) -> None:
        super().__init__()
        self.counts = counts
        self.total = sum(counts.values())
        self.width, self.height = style.WIDTH, self.HEIGHT

    def draw(self) -> None:
        """Draw ring and bars."""
        self._ring(self.RING + 6, self.HEIGHT / 2)
        self._bars(2 * self.RING + 46)

    def _ring(self, x: float, y: float) -> None:
        canvas, radius = self.canv, self.RING
        canvas.setFillColor(style.RULE)
        canvas.circle(x, y, radius, stroke=0, fill=1)
        start = 90.0
        for severity in SEVERITIES:
            extent = -360.0 * self.counts[severity] / max(1, self.total)
            if extent:
                canvas.setFillColor(style.SEVERITY[severity])
                canvas.setStrokeColor(white)
                canvas.setLineWidth(1.2)
                self._wedge(x, y, radius, start, extent)
                start += extent
        canvas.setFillColor(white)
        canvas.circle(x, y, self.HOLE, stroke=0, fill=1)
        canvas.setFillColor(style.INK)
        canvas.setFont(BOLD, 23)
        canvas.drawCentredString(x, y - 4, f"{self.total:,}")
        canvas.setFillColor(style.MUTED)
        canvas.setFont(TEXT, 8.6)
        canvas.drawCentredString(x, y - 17, "finding" if self.total == 1 else "findings")

    def _wedge(self, x: float, y: float, radius: float, start: float, extent: float) -> None:
        if extent <= -359.9:
            self.canv.circle(x, y, radius, stroke=0, fill=1)
        else:
            self.canv.wedge(x - radius, y - radius, x + radius, y + radius, start, extent, stroke=1, fill=1)

    def _bars(self, left: float) -> None:
        canvas = self.canv
        room = self.width - left - 84
        most = max(1, *self.counts.values())
        for number, severity in enumerate(SEVERITIES):
            y = self.HEIGHT - 21 - number * 21.5
            count = self.counts[severity]
            canvas.setFillColor(style.BODY)
            canvas.setFont(STRONG, 9.2)
            canvas.drawString(left, y + 3.2, severity.capitalize())
            canvas.setFillColor(style.TINT)
            canvas.roundRect(left + 54, y, room, 12, 2.5, stroke=0, fill=1)
            if count:
                canvas.setFillColor(style.SEVERITY[severity])
                canvas.roundRect(left + 54, y, max(5.0, room * count / most), 12, 2.5, stroke=0, fill=1)
            canvas.setFillColor(style.INK if count else style.MUTED)
            canvas.setFont(BOLD, 9.6)
            canvas.drawRightString(self.width, y + 2.8, f"{count:,}")


class Gauge(Flowable):
    """The overall rating: five steps, the one that holds filled."""

    STEPS: Final = tuple(reversed(SEVERITIES))

    def __init__(self, severity: str, rating: str) -> None:
        super().__init__()
        self.severity, self.rating = severity, rating
        self.width, self.height = style.WIDTH, 40.0

    def draw(self) -> None:
        """Draw the steps and the word."""
        canvas = self.canv
        canvas.setFillColor(style.MUTED)
        canvas.setFont(STRONG, 8)
        canvas.drawString(0, 27, "OVERALL RATING")
        canvas.setFillColor(style.SEVERITY[self.severity])
        canvas.setFont(BOLD, 20)
        canvas.drawString(0, 6, self.rating)
        step, left, level = 54.0, self.width - 5 * 54.0, self.STEPS.index(self.severity)
        for number, severity in enumerate(self.STEPS):
            canvas.setFillColor(style.SEVERITY[severity] if number <= level else style.RULE)
            canvas.roundRect(left + number * step, 12, step - 4, 9, 2, stroke=0, fill=1)
