"""What can be wrong when somebody logs in."""

from __future__ import annotations

from kernel.errors import Conflict, Forbidden, NotFound, TooManyRequests, Unauthenticated


class WrongCredentials(Unauthenticated):
    """E-mail or password is wrong; which of them is not said."""

    slug, title = "wrong-credentials", "E-mail or password is wrong"


class LockedOut(TooManyRequests):
    """Too many wrong tries; it is the same for an address of nobody."""

    slug, title = "locked-out", "Too many wrong tries: wait before the next one"


class SessionOver(Unauthenticated):
    """The refresh token is no longer good."""

    slug, title = "session-over", "The session is over: log in again"


class ChallengeOver(Unauthenticated):
    """The log-in took too long, or its question was answered before."""

    slug, title = "challenge-over", "This log-in is over: begin anew"


class WrongCode(Unauthenticated):
    """A one-time or recovery code is wrong."""

    slug, title = "wrong-code", "The code is wrong"


class CodeUsed(Unauthenticated):
    """A one-time code came a second time."""

    slug, title = "code-used", "The code was used already: wait for the next one"


class WeakPassword(Conflict):
    """The password does not do."""

    slug, status, title = "weak-password", 422, "The password is too easy to guess"


class UnknownQuestion(Conflict):
    """The directory wants a step that the platform does not offer."""

    slug, title = "challenge-required", "This account needs another step to log in"


class WrongAnswer(Conflict):
    """The answer is not to the question that was asked."""

    slug, status, title = "wrong-answer", 422, "The log-in asks for something else"


class BelongsElsewhere(Conflict):
    """An operator cannot put a person of another organisation into this one: that takes an invitation."""

    slug, title = "belongs-elsewhere", "This person belongs to another organisation"


class NoOrganization(Forbidden):
    """The person can log in and belongs to no organisation."""

    slug, title = "no-organization", "This account belongs to no organisation"


class NotAMember(NotFound):
    """The caller is not in that organisation, or there is none: the two look alike."""


class CodeExpired(Unauthenticated):
    """A mailed code came too late."""

    slug, title = "code-expired", "The code has expired: ask for another"


class SessionNeeded(Forbidden):
    """An API key has no password and no second factor."""

    slug, title = "session-needed", "This needs a person's session"


class FactorThere(Conflict):
    """The second factor must be switched off before another is set up."""

    slug, title = "mfa-enabled", "A second factor is set up already"


class NoFactor(Conflict):
    """There is no second factor to do this with."""

    slug, title = "mfa-not-enabled", "No second factor is set up"


class FactorDemanded(Conflict):
    """The organisation demands the second factor."""

    slug, title = "mfa-required", "Your organisation demands a second factor"


class FactorFirst(Conflict):
    """Who demands a second factor of all must have one."""

    slug, title = "mfa-first", "Set up your own second factor first"


class LastAdministrator(Conflict):
    """An organisation without an administrator could never have one again."""

    slug, title = "last-administrator", "Somebody must administer the organisation: name another one first"


class UnknownRole(Conflict):
    """There is no such role."""

    slug, status, title = "unknown-role", 422, "There is no such role in the organisation"


class CannotGrant(Forbidden):
    """Nobody hands on what he does not hold."""

    slug, title = "cannot-grant", "You cannot grant what you may not do yourself"


class AlreadyMember(Conflict):
    """The person is in the organisation."""

    slug, title = "already-a-member", "This person is in the organisation already"


class TooManyOrganizations(Conflict):
    """A person is in so many organisations, and no more."""

    slug, title = "too-many-organizations", "A person can be in 50 organisations"


class InvitationUnknown(NotFound):
    """The token is no invitation's, or an older one of it."""

    slug, title = "invitation-unknown", "There is no such invitation"


class InvitationExpired(Conflict):
    """The invitation came too late."""

    slug, title = "invitation-expired", "The invitation has expired: ask for another"


class InvitationClosed(Conflict):
    """The invitation was accepted before, or taken back."""

    slug, title = "invitation-closed", "The invitation was used or taken back"


class InvitationForAnother(Forbidden):
    """Invitations are for the address that they were sent to."""

    slug, title = "invitation-for-another", "The invitation is for another address"


class NothingToJoin(Conflict):
    """A registration founds an organisation or joins one."""

    slug, status, title = "invalid", 422, "Name a new organisation, or show an invitation: one of them"


class NoRoleLeft(Conflict):
    """Who is in an organisation has a role in it."""

    slug, title = "no-role-left", "A person has one role at least: remove the person instead"


class WrongPassword(Forbidden):
    """Who is logged in does not know the password. It is no 401, for the session is good."""

    slug, title = "wrong-password", "The password is wrong"


class WrongFactorCode(Conflict):
    """The authenticator that is being set up shows something else."""

    slug, status, title = "wrong-code", 422, "The code is wrong"
