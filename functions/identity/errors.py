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


class NoSso(NotFound):
    """Nobody's single sign-on answers for the address."""

    slug, title = "no-sso", "There is no single sign-on for this address"


class SsoOver(Unauthenticated):
    """The log-in took too long, was never begun, or its code was used before."""

    slug, title = "sso-over", "This log-in is over: begin anew"


class SsoMismatch(Unauthenticated):
    """What came back is not what was asked for: another client's code, another log-in's token."""

    slug, title = "sso-mismatch", "The answer does not belong to this log-in"


class ForeignRedirect(Conflict):
    """The identity provider's answer goes nowhere but to this deployment's own pages."""

    slug, status, title = "foreign-redirect", 422, "The redirect address is none of this deployment's"


class ForeignAddress(Unauthenticated):
    """An identity provider speaks for the addresses of its verified domains alone."""

    slug, title = "foreign-address", "Your identity provider does not answer for this address"


class NoRoleBySso(Unauthenticated):
    """The identity provider lets the person in, and the organisation gives the groups no role."""

    slug, title = "no-role-by-sso", "Your groups give you no role here: ask an administrator"


class NotProvisioned(Unauthenticated):
    """The connection lets in nobody who is not in the organisation yet."""

    slug, title = "not-provisioned", "You are not in the organisation yet: ask an administrator"


class OtherIdentity(Unauthenticated):
    """Another identity of the same provider is this person already."""

    slug, title = "other-identity", "This person logs in with another identity of the provider"


class PasswordNeeded(Unauthenticated):
    """A social provider does not stand for a second factor."""

    slug, title = "password-needed", "This account has a second factor: log in with the password"


class SsoOnly(Unauthenticated):
    """The organisation wants its people to come through its identity provider."""

    slug, title = "sso-only", "Your organisation logs in by single sign-on"


class SsoDomainTaken(Conflict):
    """The domain is another organisation's, or the organisation has named it before."""

    slug, title = "sso-domain-taken", "The domain is in use for single sign-on already"


class SsoDomainUnverified(Conflict):
    """The proof that the organisation owns the domain is not there."""

    slug, title = "sso-domain-unverified", "The domain's proof was not found"


class BadDomain(Conflict):
    """It is no domain that e-mail addresses end in."""

    slug, status, title = "bad-domain", 422, "This is no domain"


class BadProvider(Conflict):
    """The identity provider's own description cannot be read, or does not fit."""

    slug, status, title = "bad-identity-provider", 422, "The identity provider cannot be used"


class SsoNotReady(Conflict):
    """Nobody could log in."""

    slug, title = "sso-not-ready", "Connect an identity provider and verify a domain first"


class SsoInUse(Conflict):
    """The organisation's people could no longer log in."""

    slug, title = "sso-in-use", "Your organisation logs in by single sign-on alone: allow passwords first"


class WrongName(Conflict):
    """What destroys something is confirmed by its name."""

    slug, status, title = "wrong-name", 422, "The name does not match: nothing was removed"


class NameInUse(Conflict):
    """Somebody else, or another group, has the name."""

    slug, title = "name-in-use", "The name is in use"


class NoAddress(Conflict):
    """Nobody can log in without an e-mail address."""

    slug, status, title = "no-address", 400, "A person needs an e-mail address: as userName, or in emails"


class AddressElsewhere(Conflict):
    """The address is a person's already, and this organisation has not proved that it owns the domain."""

    slug, title = "address-elsewhere", "The address has an account already: verify its domain, or invite the person"


class NoSuchPeople(Conflict):
    """A group holds people of the organisation alone."""

    slug, status, title = "no-such-people", 400, "A member of the group is no user of the organisation"


class GroupLimit(Conflict):
    """More groups, or more people in one, than the platform keeps."""

    slug, status, title = "group-limit", 409, "The platform keeps no more of these"


class ScimFault(Conflict):
    """What is wrong with a SCIM request, in SCIM's own word for it."""

    slug, status, title = "scim", 400, "The SCIM request is wrong"

    def __init__(self, detail: str, word: str | None) -> None:
        super().__init__(detail)
        self.word = word


class ScimUnsupported(Conflict):
    """Something of SCIM that the platform does not offer."""

    slug, status, title = "not-implemented", 501, "This is not supported"
