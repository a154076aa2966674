"""What can be wrong when somebody logs in."""

from __future__ import annotations

from kernel.errors import Conflict, Forbidden, Unauthenticated


class WrongCredentials(Unauthenticated):
    """E-mail or password is wrong; which of them is not said."""

    slug, title = "wrong-credentials", "E-mail or password is wrong"


class SessionOver(Unauthenticated):
    """The refresh token is no longer good."""

    slug, title = "session-over", "The session is over: log in again"


class ChallengeRequired(Conflict):
    """Cognito wants more than a password."""

    slug, title = "challenge-required", "This account needs another step to log in"


class BelongsElsewhere(Conflict):
    """A person acts in one organisation, and this one in another."""

    slug, title = "belongs-elsewhere", "This person belongs to another organisation"


class NoOrganization(Forbidden):
    """The person can log in and belongs to no organisation."""

    slug, title = "no-organization", "This account belongs to no organisation"
