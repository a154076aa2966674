"""What callers send to the privacy API."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from functions.privacy.model import GRACE_DAYS

UserId = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
Address = Annotated[
    str, StringConstraints(min_length=3, max_length=254, pattern=r"^[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+$")
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ExportPerson(_Body):
    """Whose data; one's own when nobody is named."""

    user_id: UserId | None = None


class ErasePerson(_Body):
    """Who is to be forgotten, confirmed by typing the person's address."""

    user_id: UserId
    confirmation: Annotated[Address, Field(description="The person's e-mail address.")]
    grace_days: Annotated[int, Field(ge=1, le=30, description="Until then it can be taken back.")] = GRACE_DAYS
