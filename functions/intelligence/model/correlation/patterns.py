"""What a condition's values match: exact texts or regular expressions, each with an optional `not `.

Regular expressions run on RE2, whose time is linear in the text, so no rule can hang a scan. What RE2 does not know
(look-around, back-references) is refused when the rule is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import re2  # type: ignore[import-untyped]

MAX_PATTERN_CHARACTERS: Final = 1_000
MAX_PATTERN_BYTES: Final = 256 << 10
"""What a compiled pattern may take. It bounds the pattern's states, and with them the time for each character."""

Test = Callable[[str], bool]

_NOT: Final = re.compile(r"^not\s+")
_PADDED_LITERAL: Final = re.compile(r"(?:\.\*)?([A-Za-z0-9 _/:@=,;<>%&#!~'\"-]+)(?:\.\*)?")


class PatternError(ValueError):
    """A pattern that cannot be used; the text says why."""


def split_negation(pattern: str) -> tuple[bool, str]:
    """`not X` as (True, X), anything else as (False, X)."""
    bare = _NOT.sub("", pattern, count=1)
    return bare != pattern, bare


def exact(patterns: Sequence[str]) -> Test:
    """A text equals one of the patterns, or none of those after `not `."""
    return _in_order(patterns, _equal)


def regex(patterns: Sequence[str]) -> Test:
    """A pattern is found in a text, in any case, or none of those after `not ` is. Raises PatternError."""
    return _in_order(patterns, found)


def found(patterns: Sequence[str]) -> Test:
    """Whether one of several patterns (at least one) is found in a text, in any case. Raises PatternError."""
    literals = [_PADDED_LITERAL.fullmatch(pattern) for pattern in patterns]
    if all(literals):
        needles = [match[1].casefold() for match in literals if match]
        return lambda text: any(needle in text.casefold() for needle in needles)
    for pattern in patterns:
        _compile(pattern)
    search = _compile("|".join(f"(?:{pattern})" for pattern in patterns)).search
    return lambda text: search(text) is not None


def _equal(patterns: Sequence[str]) -> Test:
    wanted = frozenset(patterns)
    return lambda text: text in wanted


def _in_order(patterns: Sequence[str], one_of: Callable[[Sequence[str]], Test]) -> Test:
    """The first pattern that matches decides; when none does, the answer is whether the last one was negated."""
    groups: list[tuple[bool, list[str]]] = []
    for pattern in patterns:
        negated, bare = split_negation(pattern)
        if groups and groups[-1][0] == negated:
            groups[-1][1].append(bare)
        else:
            groups.append((negated, [bare]))
    tests = [(negated, one_of(group)) for negated, group in groups]
    if len(tests) == 1:
        negated, test = tests[0]
        return (lambda text: not test(text)) if negated else test
    return lambda text: _decide(tests, text)


def _decide(tests: Sequence[tuple[bool, Test]], text: str) -> bool:
    for negated, test in tests:
        if test(text):
            return not negated
    return tests[-1][0]


def _compile(pattern: str) -> Any:
    if len(pattern) > MAX_PATTERN_CHARACTERS:
        raise PatternError(f"the pattern is longer than {MAX_PATTERN_CHARACTERS} characters")
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = MAX_PATTERN_BYTES
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0]
        words = reason.decode() if isinstance(reason, bytes) else str(reason)
        raise PatternError(f"{words} (patterns run in linear time, so look-around is not supported)") from None
