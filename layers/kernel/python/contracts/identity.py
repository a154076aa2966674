"""Identity publishes who logged in, and the users it knows."""

from __future__ import annotations

from kernel.events import Event


class UserCreated(Event, context="identity"):
    """A person can log in."""

    user_id: str
    email: str
    roles: list[str]


class LoggedIn(Event, context="identity"):
    """A person logged in."""

    user_id: str
    email: str
