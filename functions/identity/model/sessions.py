"""Sessions: what callers get of them, their refresh tokens, and the questions on the way in. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Literal

from pydantic import Field

from contracts.identity import SESSION_SECONDS, SessionRecord, SignInRules
from functions.identity.model.accounts import NOBODY, Place, digest
from kernel import clock
from kernel.records import Hidden, Record, Resource

GRACE_SECONDS = 30
"""A refresh token that was just replaced still gives its successor: the answer may have been lost."""
CHALLENGE_SECONDS = 300
CODES_PER_CHALLENGE = 5
KEPT_AFTER_SECONDS = 86_400


class Tokens(Resource):
    """A session: the access token goes into `Authorization: Bearer`."""

    access_token: str
    refresh_token: str = Field(description="Good once: each refresh gives the next one.")
    token_type: str = "Bearer"  # noqa: S105 - a scheme's name
    expires_in: int = Field(description="Seconds until the access token ends.")
    mfa_setup_required: bool = Field(
        default=False,
        description="The organisation demands a second factor and the person has none: until one is set up, the "
        "token allows nothing else. Refresh the session afterwards.",
    )
    mfa_was_disabled: bool = Field(
        default=False, description="A recovery code was used: the second factor is off, and is to be set up again."
    )


class Session(Resource):
    """One device's session."""

    session_id: str
    organization_id: str
    device: str
    address: str | None
    created_at: str
    last_seen_at: str
    provider: str
    mfa: bool
    current: bool = Field(description="Whether the request came with it.")


class SignIn(Resource):
    """How the people of an organisation may log in."""

    idle_minutes: int = Field(description="A session that was idle for longer is over; 0: never.")
    mfa_required: bool
    sso_only: bool = False
    version: int


class Question(StrEnum):
    """What is asked beyond the password."""

    MFA = "mfa"
    NEW_PASSWORD = "new_password"  # noqa: S105 - a question's name


class ChallengeDocument(Resource):
    """The log-in goes on at `POST /auth/challenge`."""

    challenge: Question
    session: str = Field(description="Names this log-in; good for five minutes and for one answer.")
    expires_in: int = CHALLENGE_SECONDS
    recovery_codes: bool = Field(default=False, description="Whether a recovery code would do as well.")


class Challenge(Record, pk="PLATFORM#CHALLENGES#{digest}", sk="CHALLENGE", platform=True):
    """A log-in half done. The directory's own name for it, which is the caller's too, is kept as a hash alone."""

    digest: str
    email: str
    question: Question
    tries: int = 0
    tenant_id: Hidden[str] = NOBODY

    @classmethod
    def of(cls, session: str, email: str, question: Question) -> Challenge:
        """The record of a question that was just asked."""
        ends = int(clock.now().timestamp()) + CHALLENGE_SECONDS
        return cls(digest=digest(session), email=email, question=question, expires_at=ends)

    def is_over(self, now: int) -> bool:
        """Whether it came too late, or too often. The table forgets only later."""
        return self.tries >= CODES_PER_CHALLENGE or now >= (self.expires_at or 0)


@dataclass(frozen=True, slots=True)
class Granted:
    """What the directory gives for a log-in or a refresh."""

    access_token: str
    refresh_token: str | None
    expires_in: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What the directory asks before it gives anything."""

    question: Question
    session: str


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token of ours: which session, which number, our seal on both, and the directory's own token."""

    user_id: str
    session_id: str
    generation: int
    seal: str
    inner: str

    @classmethod
    def read(cls, text: str) -> RefreshToken | None:
        """The parts of a token; None when it is none of ours."""
        parts = text.split(".", 4)
        if len(parts) != 5 or not all(parts) or not parts[2].isdecimal() or len(parts[2]) > 9:
            return None
        return cls(parts[0], parts[1], int(parts[2]), parts[3], parts[4])

    def verdict(self, session: SessionRecord, now: int) -> Literal["good", "forged", "reused"]:
        """What a session thinks of it."""
        if not hmac.compare_digest(self.seal, _seal(session, self.generation)):
            return "forged"
        behind = session.generation - self.generation
        if behind == 0 or (behind == 1 and now < session.rotated_at + GRACE_SECONDS):
            return "good"
        return "reused"


def refresh_token(session: SessionRecord, inner: str) -> str:
    """The refresh token that counts for a session now."""
    seal = _seal(session, session.generation)
    return f"{session.user_id}.{session.session_id}.{session.generation}.{seal}.{inner}"


def begin(session_id: str, user_id: str, tenant_id: str, place: Place, provider: str) -> SessionRecord:
    """A new session."""
    now = clock.now()
    return SessionRecord(
        tenant_id=tenant_id,
        session_id=session_id,
        user_id=user_id,
        device=place.device,
        address=place.address,
        created_at=clock.timestamp(now),
        last_seen_at=clock.timestamp(now),
        provider=provider,
        refresh_key=secrets.token_hex(16),
        rotated_at=int(now.timestamp()),
        expires_at=int(now.timestamp()) + SESSION_SECONDS + KEPT_AFTER_SECONDS,
    )


def is_over(session: SessionRecord, rules: SignInRules | None) -> bool:
    """Whether a session has ended, or was idle for longer than its organisation allows."""
    now = clock.now()
    if session.ended_at or now - clock.parse(session.created_at) > timedelta(seconds=SESSION_SECONDS):
        return True
    idle = rules.idle_minutes if rules else 0
    return bool(idle) and now - clock.parse(session.last_seen_at) > timedelta(minutes=idle)


def shown(session: SessionRecord, current: str | None) -> Session:
    """A session as its person sees it."""
    return Session(
        session_id=session.session_id,
        organization_id=session.tenant_id,
        device=session.device,
        address=session.address,
        created_at=session.created_at,
        last_seen_at=session.last_seen_at,
        provider=session.provider,
        mfa=session.mfa,
        current=session.session_id == current,
    )


def _seal(session: SessionRecord, generation: int) -> str:
    text = f"{session.user_id}.{session.session_id}.{generation}"
    made = hmac.digest(session.refresh_key.encode(), text.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(made[:18]).decode()
