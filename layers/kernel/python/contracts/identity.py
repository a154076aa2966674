"""Identity publishes who logged in, the people it knows, and the sessions that the authorizer checks."""

from __future__ import annotations

from pydantic import Field

from kernel.events import Category, Event
from kernel.records import Record

SESSION_SECONDS = 7 * 86400
"""As long as a refresh token lives."""


class SessionRecord(
    Record,
    pk="PLATFORM#SESSIONS#{user_id}",
    sk="SESSION#{session_id}",
    gsi1=("PLATFORM#TENANTSESSIONS#{tenant_id}", "SESSION#{user_id}#{session_id}"),
    platform=True,
):
    """One device's session, in one organisation at a time (`tenant_id`). `session_id` is the `origin_jti` of its
    tokens. It outlives its end, so that a token of an ended session is known for what it is."""

    session_id: str
    user_id: str
    device: str
    address: str | None = None
    created_at: str
    last_seen_at: str
    provider: str = Field(default="password", description="How the person logged in: a password, or the SSO's name.")
    not_before: int = Field(default=0, description="Unix time; tokens issued before it no longer count.")
    ended_at: str | None = None


class SignInRules(Record, pk="PLATFORM#TENANTS#{tenant_id}", sk="SIGN_IN", platform=True):
    """How the people of a tenant may log in; absent where the defaults hold."""

    idle_minutes: int = Field(default=0, description="A session that was idle for longer is over; 0: never.")
    sso_only: bool = False
    mfa_required: bool = False


class UserCreated(Event, context="identity"):
    """A person can log in."""

    user_id: str
    email: str
    roles: list[str]


class LoggedIn(Event, context="identity", category=Category.SECURITY):
    """A person logged in."""

    user_id: str
    email: str
