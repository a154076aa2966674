"""Identity publishes who logged in, the people it knows, and the sessions that the authorizer checks."""

from __future__ import annotations

from pydantic import Field

from kernel.events import Category, Event
from kernel.records import Hidden, Record

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
    mfa: bool = Field(default=False, description="Whether the person has shown a second factor.")
    home: Hidden[str | None] = Field(
        default=None,
        description="The organisation whose single sign-on began it: it goes nowhere but there, and to who lets that "
        "one's people in.",
    )
    not_before: int = Field(default=0, description="Unix time; tokens issued before it no longer count.")
    ended_at: str | None = None
    refresh_key: Hidden[str] = Field(default="", description="Signs the numbers of its refresh tokens.")
    generation: Hidden[int] = Field(default=0, description="The number of the refresh token that counts.")
    rotated_at: Hidden[int] = Field(default=0, description="Unix time at which it began to count.")


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
    session_id: str = ""
    device: str = ""


class NewDeviceSeen(Event, context="identity", category=Category.SECURITY):
    """A person logged in from a device, or a network, that was never seen before."""

    user_id: str
    email: str
    device: str
    address: str | None = None


class LogInRefused(Event, context="identity", category=Category.SECURITY):
    """Somebody tried to log in as a person of the organisation, and could not."""

    user_id: str
    reason: str


class AccountLocked(Event, context="identity", category=Category.SECURITY):
    """Too many wrong passwords or codes: nobody gets in from there for a while."""

    user_id: str
    email: str
    seconds: int


class RefreshTokenReused(Event, context="identity", category=Category.SECURITY):
    """A refresh token came again that had been replaced: somebody has a copy of it, and the session was ended."""

    user_id: str
    session_id: str


class SessionsEnded(Event, context="identity", category=Category.SECURITY):
    """Sessions of a person were ended, and why: `log_out`, `revoked`, `password`, `removed`, `no_access`,
    `reused`."""

    user_id: str
    session_ids: list[str]
    reason: str


class OrganizationEntered(Event, context="identity", category=Category.SECURITY):
    """A person's session came over from another of the person's organisations."""

    user_id: str
    session_id: str


class FactorBegun(Event, context="identity", category=Category.SECURITY):
    """A person began to set up a second factor."""

    user_id: str


class FactorEnabled(Event, context="identity", category=Category.SECURITY):
    """A person logs in with a second factor from now on."""

    user_id: str


class FactorDisabled(Event, context="identity", category=Category.SECURITY):
    """A person logs in without a second factor from now on; `how`: `disabled`, or `recovery_code`."""

    user_id: str
    how: str


class RecoveryCodesRenewed(Event, context="identity", category=Category.SECURITY):
    """A person got new recovery codes; the old ones are no longer good."""

    user_id: str


class RecoveryCodeUsed(Event, context="identity", category=Category.SECURITY):
    """A recovery code let somebody in."""

    user_id: str
    left: int


class PasswordResetAsked(Event, context="identity", category=Category.SECURITY):
    """Somebody asked for a code to reset a person's password."""

    user_id: str


class PasswordChanged(Event, context="identity", category=Category.SECURITY):
    """A person has another password; `how`: `changed`, `reset` or `first`."""

    user_id: str
    email: str
    how: str


class SignInRulesChanged(Event, context="identity", category=Category.SECURITY):
    """How an organisation's people may log in was changed."""

    idle_minutes: int
    mfa_required: bool
    before_idle_minutes: int
    before_mfa_required: bool
    sso_only: bool = False
    before_sso_only: bool = False


class ProfileChanged(Event, context="identity"):
    """A person changed the own name or preferences."""

    user_id: str
    name: str
    before: str


class MemberInvited(Event, context="identity", category=Category.SECURITY):
    """Somebody was invited into the organisation; again, when the invitation was sent anew."""

    invitation_id: str
    email: str
    roles: list[str]
    again: bool = False


class InvitationRevoked(Event, context="identity", category=Category.SECURITY):
    """An invitation was taken back."""

    invitation_id: str
    email: str


class InvitationAccepted(Event, context="identity", category=Category.SECURITY):
    """Somebody came into the organisation by invitation."""

    invitation_id: str
    user_id: str
    email: str
    roles: list[str]


class InvitationRefused(Event, context="identity", category=Category.SECURITY):
    """Somebody tried an invitation that is not good for him; `reason` is the problem's name."""

    invitation_id: str
    email: str
    reason: str


class MemberRolesChanged(Event, context="identity", category=Category.SECURITY):
    """A person may do something else in the organisation."""

    user_id: str
    email: str
    roles: list[str]
    before: list[str]


class MemberRemoved(Event, context="identity", category=Category.SECURITY):
    """A person is no longer in the organisation; `left` when it was the person's own wish."""

    user_id: str
    email: str
    roles: list[str]
    left: bool = False


class SsoConnectionChanged(Event, context="identity", category=Category.SECURITY):
    """An identity provider of the organisation was connected (`before` is empty), changed or cut off (`after` is
    empty): what was said of it, without its secret."""

    connection_id: str
    name: str
    before: dict[str, object] = {}
    after: dict[str, object] = {}
    secret_replaced: bool = False


class SsoDomainClaimed(Event, context="identity", category=Category.SECURITY):
    """The organisation wants single sign-on for a domain, and has not proved that it owns it."""

    domain: str
    connection_id: str


class SsoDomainVerified(Event, context="identity", category=Category.SECURITY):
    """The organisation owns the domain: who has an address in it logs in by the connection."""

    domain: str
    connection_id: str


class SsoDomainReleased(Event, context="identity", category=Category.SECURITY):
    """The domain is free for single sign-on."""

    domain: str
    connection_id: str
    was_verified: bool


class SsoDomainRefused(Event, context="identity", category=Category.SECURITY):
    """A domain was not given to the organisation; `reason` is the problem's name."""

    domain: str
    reason: str


class SsoRefused(Event, context="identity", category=Category.SECURITY):
    """A log-in by an identity provider of the organisation was refused; `reason`: `reused`, `expired`, `redirect`,
    `verifier`, `code`, `nonce`, `provider`, or the problem's name."""

    connection_id: str
    reason: str
    email: str = ""


class IdentityLinked(Event, context="identity", category=Category.SECURITY):
    """A person logs in by an identity provider of the organisation from now on."""

    user_id: str
    email: str
    connection_id: str


class BreakGlassUsed(Event, context="identity", category=Category.SECURITY):
    """An administrator logged in with a password where single sign-on is the rule."""

    user_id: str
    email: str


class PersonProvisioned(Event, context="identity", category=Category.SECURITY):
    """The organisation's directory has named a person; `active` when the person is in the organisation by it."""

    user_id: str
    email: str
    user_name: str
    external_id: str | None = None
    active: bool


class ProvisionedPersonChanged(Event, context="identity", category=Category.SECURITY):
    """The organisation's directory says something else of a person: which attributes it changed, and what that means
    here. A person who is no longer active is no longer in the organisation."""

    user_id: str
    email: str
    changed: list[str]
    user_name: str
    before_user_name: str
    active: bool
    was_active: bool


class PersonDeprovisioned(Event, context="identity", category=Category.SECURITY):
    """The organisation's directory no longer knows a person."""

    user_id: str
    email: str
    was_active: bool


class ProvisioningRefused(Event, context="identity", category=Category.SECURITY):
    """What the organisation's directory wanted was not done; `reason` is the problem's name."""

    what: str
    subject: str
    reason: str


class DirectoryGroupChanged(Event, context="identity", category=Category.SECURITY):
    """A group of the organisation's directory was made, changed or removed: who came and went, and the roles that its
    members have by it. A large change is told in parts."""

    group_id: str
    name: str
    before: str | None = None
    added: list[str] = []
    removed: list[str] = []
    roles: list[str] = []
    before_roles: list[str] = []
    deleted: bool = False
