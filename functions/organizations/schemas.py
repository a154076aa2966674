"""What callers send to the organizations API."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _visible(text: str) -> str:
    if not text.isprintable() or not text.strip():
        raise ValueError("must be visible text without control characters")
    return text.strip()


class ChangeOrganization(BaseModel):
    """What an administrator may change."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=120), AfterValidator(_visible)]
