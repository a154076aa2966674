"""What callers send to the identity API."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Email = Annotated[str, Field(min_length=3, max_length=254, pattern=r"^[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+$")]
Token = Annotated[str, Field(min_length=10, max_length=4096, pattern=r"^[A-Za-z0-9._=+/-]+$")]


class Login(BaseModel):
    """E-mail and password."""

    model_config = ConfigDict(extra="forbid")

    email: Email
    password: Annotated[str, Field(min_length=1, max_length=256)]


class Refresh(BaseModel):
    """The refresh token of a session."""

    model_config = ConfigDict(extra="forbid")

    refresh_token: Token


class NewUser(BaseModel):
    """A person to add to an organisation. Without a password, Cognito mails an invitation."""

    model_config = ConfigDict(extra="forbid")

    email: Email
    name: Annotated[str, Field(min_length=1, max_length=120)]
    roles: Annotated[tuple[str, ...], Field(min_length=1, max_length=20)]
    password: Annotated[str | None, Field(min_length=12, max_length=256)] = None
