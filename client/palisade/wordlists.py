"""Templates name lists of payloads by files that lie beside them; the platform takes them in the template itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

MAX_BYTES = 60_000
ABOVE = 6
"""A template in `http/cves/2024/` names `helpers/wordlists/numbers.txt`: folders above it are looked into as well."""
_BLOCK = re.compile(r"^(?P<indent> *)(?:- )?payloads: *(?:#.*)?$")
_NAMED = re.compile(
    r"^(?P<head>(?P<indent> +)[\w-]+:) *(?P<quote>[\"']?)(?P<file>[\w./-]+\.\w{1,5})(?P=quote) *(?:#.*)?$"
)


def with_wordlists(text: str, folder: Path) -> str:
    """A template's text with the lists written out whose files are found; the others stay named, and are refused."""
    return "\n".join(_lines(text.split("\n"), folder))


def _lines(lines: list[str], folder: Path) -> Iterator[str]:
    within: int | None = None
    for line in lines:
        block = _BLOCK.match(line)
        if block:
            within = len(block["indent"])
        elif within is not None and line.strip() and len(line) - len(line.lstrip()) <= within:
            within = None
        named = _NAMED.match(line) if within is not None else None
        words = _words(named["file"], folder) if named else None
        if named and words:
            yield named["head"]
            yield from (f"{named['indent']}  - {json.dumps(word, ensure_ascii=False)}" for word in words)
        else:
            yield line


def _words(name: str, folder: Path) -> list[str] | None:
    """The lines of a list; None when there is no such file, or it is too long for a template. Hidden files are none:
    a stranger's template in somebody's home must not take the keys that lie there along."""
    relative = Path(name)
    if relative.is_absolute() or any(part.startswith(".") for part in relative.parts):
        return None
    for place in (folder, *list(folder.parents)[:ABOVE]):
        file = place / relative
        if file.is_file() and file.stat().st_size <= MAX_BYTES:
            return [line for line in file.read_text("utf-8", "replace").splitlines() if line]
    return None
