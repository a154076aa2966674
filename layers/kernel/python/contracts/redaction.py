"""What is left of a record when a person is taken out of it. Pure."""

from __future__ import annotations

import json
import re
from typing import Any

from contracts.privacy import ERASED_NAME, Subject

PLACES = frozenset({"address", "device"})
"""Fields that are about whoever the object around them names."""
ERASED = "erased"
SHORTEST_NAME = 2


def without(value: Any, subject: Subject) -> Any:
    """A JSON value without a person: the address and the name are gone wherever they stand, and where an object names
    the person by id, so are the addresses and devices in it. Texts that are JSON themselves are looked into."""
    return _without(value, subject, _patterns(subject), within=False)


def names(value: Any, subject: Subject) -> bool:
    """Whether a person's address or name stands somewhere in a JSON value."""
    text = json.dumps(value, ensure_ascii=False)
    return any(pattern.search(text) for pattern, _ in _patterns(subject))


def _patterns(subject: Subject) -> list[tuple[re.Pattern[str], str]]:
    found = [(re.compile(re.escape(subject.email), re.IGNORECASE), subject.pseudonym)] if subject.email else []
    if len(subject.name) >= SHORTEST_NAME:
        found.append((re.compile(rf"(?<!\w){re.escape(subject.name)}(?!\w)"), ERASED_NAME))
    return found


def _without(value: Any, subject: Subject, patterns: list[tuple[re.Pattern[str], str]], *, within: bool) -> Any:
    if isinstance(value, dict):
        about = within or subject.user_id in [each for each in value.values() if isinstance(each, str)]
        about = about or _origin_is(value, subject.user_id)
        return {
            name: ERASED
            if about and name in PLACES and isinstance(each, str)
            else _without(each, subject, patterns, within=about)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [_without(each, subject, patterns, within=within) for each in value]
    if not isinstance(value, str):
        return value
    if value[:1] in ("{", "[") and (inner := _parsed(value)) is not None:
        cleaned = _without(inner, subject, patterns, within=within)
        return value if cleaned == inner else json.dumps(cleaned, ensure_ascii=False, separators=(",", ":"))
    for pattern, replacement in patterns:
        value = pattern.sub(replacement, value)
    return value


def _origin_is(value: dict[str, Any], user_id: str) -> bool:
    origin = value.get("origin")
    return isinstance(origin, dict) and origin.get("user_id") == user_id


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
