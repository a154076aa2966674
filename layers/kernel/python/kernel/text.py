"""Text and times that people type in, as a room may keep them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

MOMENT = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})$"
FIRST, LAST = 2000, 2200
"""Years between which a moment lies that people ask for."""


def visible(text: str) -> str:
    """The text without the space around it. Raises ValueError for control characters, or when nothing is left."""
    if not text.isprintable() or not text.strip():
        raise ValueError("must be visible text without control characters")
    return text.strip()


Line = Annotated[str, Field(min_length=1, max_length=120), AfterValidator(visible)]
"""One line, such as a name or a title."""


def _written(value: object) -> object:
    """pydantic takes a number for a time, as the seconds since 1970; here it is a mistake."""
    if not isinstance(value, datetime) and not (isinstance(value, str) and re.fullmatch(MOMENT, value)):
        raise ValueError("a moment is written as 2026-01-31T12:00:00Z")
    return value


def _sane(value: datetime) -> datetime:
    if not FIRST <= value.year < LAST:
        raise ValueError(f"a moment lies between the years {FIRST} and {LAST}")
    return value


Instant = Annotated[
    datetime,
    BeforeValidator(_written),
    AfterValidator(_sane),
    Field(json_schema_extra={"format": "date-time", "pattern": MOMENT, "maxLength": 40}),
]
"""A point in time with its offset, as RFC 3339 writes it."""
