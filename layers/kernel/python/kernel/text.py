"""Text that people type in, as a room may keep it."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field


def visible(text: str) -> str:
    """The text without the space around it. Raises ValueError for control characters, or when nothing is left."""
    if not text.isprintable() or not text.strip():
        raise ValueError("must be visible text without control characters")
    return text.strip()


Line = Annotated[str, Field(min_length=1, max_length=120), AfterValidator(visible)]
"""One line, such as a name or a title."""
