"""Regular expressions of templates. They run on RE2: in time linear in the text, whatever the expression."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from functions.collection.templates.errors import TemplateError

MAX_PATTERN = 8_192
MAX_PROGRAM_BYTES = 4 * 1024 * 1024
MAX_MATCHES = 200


@lru_cache(maxsize=2048)
def compile_pattern(pattern: str, ignore_case: bool = False) -> Any:
    """A pattern that searches bytes (UTF-8). Raises `TemplateError`."""
    import re2  # type: ignore[import-untyped]

    if len(pattern) > MAX_PATTERN:
        raise TemplateError(f"a regular expression has at most {MAX_PATTERN} characters")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MAX_PROGRAM_BYTES
    options.case_sensitive = not ignore_case
    try:
        return re2.compile(pattern.encode("utf-8", "surrogateescape"), options)
    except re2.error as error:
        reason = error.args[0]
        words = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        hint = "; expressions run in linear time, so look-around and back-references are refused"
        raise TemplateError(f"the regular expression is refused: {words}{hint}") from None


def is_found(pattern: Any, text: str) -> bool:
    """Whether a pattern is in a text."""
    return pattern.search(encoded(text)) is not None


def all_found(pattern: Any, text: str, group: int = 0) -> list[str]:
    """What a group of the pattern holds wherever it is found; at most `MAX_MATCHES`."""
    found: list[str] = []
    for match in pattern.finditer(encoded(text)):
        if group <= pattern.groups and match.group(group) is not None:
            found.append(decoded(match.group(group)))
        if len(found) >= MAX_MATCHES:
            break
    return found


def encoded(text: str) -> bytes:
    """A text as the bytes it came from: what was not UTF-8 survives as lone surrogates."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def decoded(data: bytes) -> str:
    """Bytes as a text that `encoded` turns back into the same bytes."""
    return data.decode("utf-8", "surrogateescape")
