"""Text and times that people type in, as a room may keep them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field


def visible(text: str) -> str:
    """The text without the space around it. Raises ValueError for control characters, or when nothing is left."""
    if not text.isprintable() or not text.strip():
        raise ValueError("must be visible text without control characters")
    return text.strip()


Line = Annotated[str, Field(min_length=1, max_length=120), AfterValidator(visible)]
"""One line, such as a name or a title."""


def _written(value: Any) -> Any:
    """A number is a time to pydantic; to RFC 3339, and so to the API's description, it is none."""
    if isinstance(value, str) and not re.match(r"\d{4}-\d\d-\d\d[Tt ]", value):
        raise ValueError("write a time as in RFC 3339, such as 2026-01-31T12:00:00Z")
    if isinstance(value, bool | int | float):
        raise ValueError("write a time as in RFC 3339, such as 2026-01-31T12:00:00Z")
    return value


Instant = Annotated[datetime, BeforeValidator(_written)]
"""A point in time, as RFC 3339 writes it."""
