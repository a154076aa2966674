"""What callers send to the identity API."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Email = Annotated[str, Field(min_length=3, max_length=254, pattern=r"^[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+$")]
Token = Annotated[str, Field(min_length=10, max_length=4096, pattern=r"^[A-Za-z0-9._=+/-]+$")]
Password = Annotated[str, Field(min_length=1, max_length=256)]
Code = Annotated[str, Field(pattern=r"^[0-9]{6}$")]
RecoveryCode = Annotated[str, Field(min_length=8, max_length=40, pattern=r"^[A-Za-z0-9 -]+$")]
OrganizationId = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9_]+$")]


class Body(BaseModel):
    """Nothing but what is named."""

    model_config = ConfigDict(extra="forbid")


class Login(Body):
    """E-mail and password."""

    email: Email
    password: Password
    recovery_code: Annotated[
        RecoveryCode | None,
        Field(description="In place of the second factor, which is switched off by it: set it up again."),
    ] = None


class Answer(Body):
    """The answer to what a log-in asked: the code of the authenticator, or a new password."""

    session: Annotated[str, Field(min_length=10, max_length=4096, pattern=r"^[A-Za-z0-9._=+/-]+$")]
    code: Code | None = None
    new_password: Password | None = None


class Refresh(Body):
    """The refresh token of a session."""

    refresh_token: Token


class Switch(Body):
    """The organisation to go on in."""

    refresh_token: Token
    organization_id: OrganizationId


class LogOut(Body):
    """The session to end, or all of its person's."""

    refresh_token: Token
    everywhere: bool = False


class NewUser(Body):
    """A person to add to an organisation. Without a password, Cognito mails an invitation."""

    email: Email
    name: Annotated[str, Field(min_length=1, max_length=120)]
    roles: Annotated[tuple[str, ...], Field(min_length=1, max_length=20)]
    password: Annotated[str | None, Field(min_length=12, max_length=256)] = None
