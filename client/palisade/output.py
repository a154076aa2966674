"""What a command says: tables and sentences for people, JSON for programs, and nothing a terminal would obey."""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from typing import Any

from rich.console import Console, RenderableType
from rich.text import Text

WIDE = 500
"""Columns of a table that goes to a file or a pipe: nothing is cut there."""
_OBEYED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories that move the cursor, hide text or reverse it."""


def out() -> Console:
    """Where results go."""
    return _console(stderr=False)


def err() -> Console:
    """Where progress, hints and errors go."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else WIDE
    return Console(stderr=stderr, width=width, highlight=False, markup=False, soft_wrap=width is not None)


def show(renderable: RenderableType, data: Any, *, as_json: bool) -> None:
    """A command's result, in one of its two forms."""
    if as_json:
        show_json(data)
    else:
        out().print(renderable)


def show_json(data: Any) -> None:
    """A result for programs: ASCII alone, so that any terminal and any locale can carry it."""
    sys.stdout.write(json.dumps(data, indent=2) + "\n")
    sys.stdout.flush()


def line(text: str) -> None:
    """One line at once, for what comes bit by bit."""
    out().print(safe(text), markup=False, highlight=False, soft_wrap=True)


def hint(sentence: str) -> None:
    """Something that the reader may want to do next."""
    err().print(Text(sentence, style="dim"), soft_wrap=True)


def safe(value: Any) -> str:
    """Text that came from elsewhere, with what a terminal would obey written out (`\\x1b`)."""
    return "".join(_visible(char) for char in str(value))


def _visible(char: str) -> str:
    return char.encode("unicode_escape").decode() if unicodedata.category(char) in _OBEYED else char
