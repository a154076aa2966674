"""How the report looks: measures, colours, and the styles of its texts."""

from __future__ import annotations

from typing import Any, Final

from reportlab.lib.colors import Color, HexColor, white
from reportlab.lib.enums import TA_CENTER, TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm

from functions.reports.render.pdf.fonts import BOLD, LIGHT, MONO, STRONG, TEXT

PAGE: Final = A4
MARGIN: Final = 20 * mm
TOP: Final = 26 * mm
BOTTOM: Final = 22 * mm
WIDTH: Final = PAGE[0] - 2 * MARGIN
"""Of the text, in points."""

INK: Final = HexColor("#14213D")
BODY: Final = HexColor("#2B3340")
MUTED: Final = HexColor("#6B7785")
RULE: Final = HexColor("#D9DEE5")
TINT: Final = HexColor("#F4F6F9")
ACCENT: Final = HexColor("#1F6F8B")
ACCENT_TINT: Final = HexColor("#E8F2F5")
WARNING_TINT: Final = HexColor("#FDF4E3")

SEVERITY: Final[dict[str, Color]] = {
    "critical": HexColor("#8E1B2E"),
    "high": HexColor("#D0342C"),
    "medium": HexColor("#E08A00"),
    "low": HexColor("#2F7DB8"),
    "info": HexColor("#6B7785"),
}

TYPE: Final[dict[str, Color]] = {
    "domain": HexColor("#14213D"),
    "host": HexColor("#2F7DB8"),
    "ip": HexColor("#3F8F5B"),
    "port": HexColor("#8BBF9F"),
    "service": HexColor("#5BA37A"),
    "url": HexColor("#C99A2E"),
    "http_response": HexColor("#E5C36A"),
    "technology": HexColor("#8A6FB0"),
    "software": HexColor("#6F5596"),
    "certificate": HexColor("#1F8A8A"),
    "tls_config": HexColor("#6BB8B8"),
    "dns_record": HexColor("#9AA7B8"),
    "mail_server": HexColor("#4C6FA5"),
    "vulnerability": HexColor("#8E1B2E"),
    "misconfiguration": HexColor("#E07A3F"),
    "exposure": HexColor("#D0342C"),
}
OTHER_TYPE: Final = HexColor("#B6BEC9")


def _style(
    name: str, size: float, leading: float, font: str = TEXT, color: Color = BODY, **more: Any
) -> ParagraphStyle:
    return ParagraphStyle(
        name, fontName=font, fontSize=size, leading=leading, textColor=color, splitLongWords=1, **more
    )


NORMAL: Final = _style("normal", 10, 14.5, spaceAfter=6)
LEAD: Final = _style("lead", 11.5, 17, spaceAfter=8)
SMALL: Final = _style("small", 8.5, 11.5)
SMALL_MUTED: Final = _style("small-muted", 8.5, 11.5, color=MUTED)
CODE: Final = _style("code", 7.4, 10.2, MONO)
LABEL: Final = _style("label", 7.8, 10, STRONG, MUTED)
CELL: Final = _style("cell", 9, 12)
CELL_STRONG: Final = _style("cell-strong", 9, 12, STRONG, INK)
CELL_RIGHT: Final = _style("cell-right", 9, 12, alignment=TA_RIGHT)
CELL_HEAD: Final = _style("cell-head", 8.2, 11, STRONG, white)
CELL_HEAD_RIGHT: Final = _style("cell-head-right", 8.2, 11, STRONG, white, alignment=TA_RIGHT)
H1: Final = _style("h1", 23, 28, BOLD, INK, spaceAfter=12)
H2: Final = _style("h2", 14, 18, BOLD, INK, spaceBefore=12, spaceAfter=6)
H3: Final = _style("h3", 10.5, 14, STRONG, INK, spaceBefore=8, spaceAfter=3, keepWithNext=1)
ASSET: Final = _style("asset", 10, 14, STRONG, ACCENT, spaceBefore=12, keepWithNext=1)
FINDING: Final = _style("finding", 14.5, 18, BOLD, INK)
TILE_NUMBER: Final = _style("tile-number", 21, 24, BOLD, INK, alignment=TA_CENTER)
TILE_LABEL: Final = _style("tile-label", 8.2, 10.5, TEXT, MUTED, alignment=TA_CENTER)
TOC_1: Final = _style("toc-1", 11, 20, STRONG, INK)
TOC_2: Final = _style("toc-2", 9.2, 14, TEXT, BODY, leftIndent=12)
COVER_TITLE: Final = _style("cover-title", 34, 39, LIGHT, white)
COVER_CLIENT: Final = _style("cover-client", 20, 25, STRONG, white)
COVER_SMALL: Final = _style("cover-small", 10.5, 14, TEXT, HexColor("#B9C6DA"))
COVER_VALUE: Final = _style("cover-value", 10.5, 14.5, TEXT, INK)
