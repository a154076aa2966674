"""Text from anywhere, made safe and legible: no mark-up of its own, nothing invisible, every character shown."""

from __future__ import annotations

import unicodedata
from itertools import groupby
from typing import Any, Final
from urllib.parse import urlsplit
from xml.sax.saxutils import escape, quoteattr  # nosec B406 - writes mark-up, parses none

from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.platypus import Paragraph

from functions.reports.render.pdf.fonts import WIDE, font_for

MAX_CHARACTERS: Final = 4_000
MAX_LINES: Final = 60
UNKNOWN: Final = "\N{WHITE SQUARE}"


def paragraph(text: str, style: ParagraphStyle, limit: int = MAX_CHARACTERS, max_lines: int = MAX_LINES) -> Paragraph:
    """A text as a paragraph; line breaks are kept, words longer than the line are broken."""
    return Paragraph(marked(text, style.fontName, limit, max_lines), style)


def marked(text: str, font: str, limit: int = MAX_CHARACTERS, max_lines: int = MAX_LINES) -> str:
    """A text as the engine's mark-up, escaped, in fonts that have its characters; what is too long is cut."""
    lines = visible(cut(text.strip("\n"), limit)).split("\n")
    if len(lines) > max_lines:
        lines = [*lines[:max_lines], f"… ({len(lines) - max_lines} more lines)"]
    return "<br/>".join(_in_fonts(line, font) for line in lines)


def cut(text: str, limit: int) -> str:
    """A text of at most `limit` characters, and how many are left out."""
    return text if len(text) <= limit else f"{text[:limit].rstrip()}… ({len(text) - limit:,} more characters)"


def visible(text: str) -> str:
    """Control characters, lone surrogates and changes of writing direction written out, line breaks alone kept."""
    text = text.replace("\r\n", "\n").replace("\t", "    ")
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return "".join(map(_shown, text))


def linked(url: str, style: ParagraphStyle) -> Paragraph:
    """A web address as a link; anything else as plain text."""
    words = marked(url, style.fontName, 500)
    if not _is_web(url):
        return Paragraph(words, style)
    return Paragraph(f"<link href={quoteattr(url)} color='#1F6F8B'>{words}</link>", style)


def _shown(character: str) -> str:
    if character in "\n ":
        return character
    category = unicodedata.category(character)
    if category == "Zs":
        return " "
    return f"[U+{ord(character):04X}]" if category in ("Cc", "Cf", "Cs", "Zl", "Zp") else character


def runs(line: str, font: str) -> list[tuple[str, str]]:
    """A line as (font, text), each text in a font that has its characters; what none has becomes a square."""
    found: list[tuple[str, str]] = []
    for name, group in groupby(line, key=lambda character: font_for(character, font)):
        characters = "".join(group)
        found.append((WIDE, UNKNOWN * len(characters)) if name is None else (name, characters))
    return found


def line_width(line: str, font: str, size: float) -> float:
    """How wide a line of visible text is, in points."""
    return float(sum(stringWidth(characters, name, size) for name, characters in runs(line, font)))


def draw_line(canvas: Any, x: float, y: float, line: str, font: str, size: float, *, align: float = 0.0) -> None:
    """Draw a line of visible text at a point: from there on (`align` 0), around it (0.5) or up to it (1)."""
    x -= align * line_width(line, font, size)
    for name, characters in runs(line, font):
        canvas.setFont(name, size)
        canvas.drawString(x, y, characters)
        x += stringWidth(characters, name, size)


def _in_fonts(line: str, font: str) -> str:
    return "".join(_run(name, characters, font) for name, characters in runs(line, font))


def _run(name: str, characters: str, font: str) -> str:
    escaped = escape(characters)
    return escaped if name == font else f'<font name="{name}">{escaped}</font>'


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https")
        and bool(parts.netloc)
        and url.isascii()
        and url.isprintable()
        and " " not in url
    )
