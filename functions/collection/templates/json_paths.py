"""Paths into JSON as templates write them: the part of jq's language that only looks (`.a.b[0].c`, `.[]`, `."x-y"`)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from functions.collection.templates.errors import TemplateError

MAX_VALUES = 200
EACH = object()
"""The step into every value of a list or a mapping."""
_STEP = re.compile(r"""\.?(?:(?P<name>[A-Za-z_][\w-]*)|"(?P<quoted>[^"]*)"|\[(?P<index>-?\d*|"[^"]*")\])\??""")

Path = tuple[Any, ...]


def parse_path(text: str) -> Path:
    """A path as its steps. Raises `TemplateError` for what is more than a path."""
    text = text.strip()
    if not text.startswith("."):
        raise TemplateError("a path into JSON begins with a dot")
    steps: list[Any] = []
    place = 0 if len(text) > 1 else 1
    while place < len(text):
        match = _STEP.match(text, place)
        if match is None or match.end() == place:
            raise TemplateError(f"only paths are supported, not {text[place : place + 30]!r}")
        steps.append(_step(match))
        place = match.end()
    return tuple(steps)


def values_at(path: Path, text: str) -> list[str]:
    """What a path leads to in a JSON text: scalars as they print, the rest as JSON. Empty for what is not JSON."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return []
    found: list[str] = []
    for value in _walk([document], path):
        found.append(value if isinstance(value, str) else json.dumps(value, separators=(",", ":")))
        if len(found) >= MAX_VALUES:
            break
    return found


def _step(match: re.Match[str]) -> Any:
    if match["name"] is not None or match["quoted"] is not None:
        return match["name"] if match["name"] is not None else match["quoted"]
    index = match["index"]
    if index == "":
        return EACH
    return index.strip('"') if index.startswith('"') else int(index)


def _walk(values: list[Any], path: Path) -> Iterator[Any]:
    for step in path:
        values = [found for value in values for found in _into(value, step)][: MAX_VALUES * 10]
    yield from (value for value in values if value is not None)


def _into(value: Any, step: Any) -> Iterator[Any]:
    if step is EACH:
        yield from value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()
    elif isinstance(step, int):
        if isinstance(value, list) and -len(value) <= step < len(value):
            yield value[step]
    elif isinstance(value, dict) and step in value:
        yield value[step]
