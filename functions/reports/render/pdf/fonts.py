"""The fonts of the report: Source Sans for text, DejaVu for what it lacks, the readers' own fonts for East Asia.

Source Sans Pro is under the SIL Open Font Licence, DejaVu under the Bitstream Vera licence; both are embedded in part.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont

TEXT: Final = "Text"
STRONG: Final = "Text-Strong"
BOLD: Final = "Text-Bold"
LIGHT: Final = "Text-Light"
MONO: Final = "Mono"
WIDE: Final = "Wide"
KANA: Final = "HeiseiKakuGo-W5"
HANGUL: Final = "HYGothic-Medium"
HAN: Final = "STSong-Light"

_SOURCE_SANS: Final = {TEXT: "Regular", STRONG: "Semibold", BOLD: "Bold", LIGHT: "Light"}
_DEJAVU: Final = {WIDE: "DejaVuSans.ttf", MONO: "DejaVuSansMono.ttf"}


@cache
def register() -> dict[str, TTFont]:
    """Make the fonts known to the PDF engine, once per process; returns those that are embedded."""
    sans = Path(str(resources.files("font_source_sans_pro").joinpath("files")))
    shipped = Path(str(resources.files("functions.reports.render").joinpath("fonts")))
    embedded = {
        **{name: TTFont(name, str(sans / f"SourceSansPro-{weight}.ttf")) for name, weight in _SOURCE_SANS.items()},
        **{name: TTFont(name, str(shipped / file)) for name, file in _DEJAVU.items()},
    }
    for font in (*embedded.values(), *map(UnicodeCIDFont, (KANA, HANGUL, HAN))):
        pdfmetrics.registerFont(font)
    pdfmetrics.registerFontFamily(TEXT, normal=TEXT, bold=BOLD, italic=TEXT, boldItalic=BOLD)
    return embedded


@cache
def covered(font: str) -> frozenset[int]:
    """The code points that an embedded font has glyphs for."""
    return frozenset(register()[font].face.charToGlyph)


@cache
def font_for(character: str, font: str) -> str | None:
    """The font that shows a character in text set in `font`; None when none of ours does."""
    code = ord(character)
    if code in covered(font):
        return font
    if 0x3040 <= code <= 0x30FF:
        return KANA
    if 0x1100 <= code <= 0x11FF or 0xAC00 <= code <= 0xD7AF:
        return HANGUL
    if 0x3000 <= code <= 0x303F or 0x3400 <= code <= 0x9FFF or 0xFF00 <= code <= 0xFFEF:
        return HAN
    return WIDE if code in covered(WIDE) else None
