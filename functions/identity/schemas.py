"""What callers send to the identity API."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from functions.identity.model import ProfilePreferences
from functions.identity.model.federation import ProviderKind, RoleRule
from kernel.text import Line

Email = Annotated[str, Field(min_length=3, max_length=254, pattern=r"^[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+$")]
Token = Annotated[str, Field(min_length=10, max_length=4096, pattern=r"^[A-Za-z0-9._=+/-]+$")]
Password = Annotated[str, Field(min_length=1, max_length=256)]
Code = Annotated[str, Field(pattern=r"^[0-9]{6}$")]
RecoveryCode = Annotated[str, Field(min_length=8, max_length=40, pattern=r"^[A-Za-z0-9 -]+$")]
InvitationToken = Annotated[str, Field(min_length=10, max_length=200, pattern=r"^[A-Za-z0-9._-]+$")]
RoleId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_]+$")]
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


class Register(Body):
    """Who wants in: with a new organisation, or by invitation to one."""

    email: Email
    password: Password
    name: Line
    organization_name: Line | None = None
    invitation: InvitationToken | None = None


class VerifyEmail(Body):
    """The code that was mailed."""

    email: Email
    code: Code


class Address(Body):
    """An e-mail address."""

    email: Email


class ResetPassword(Body):
    """The code that was mailed, and what the password is to be."""

    email: Email
    code: Code
    new_password: Password


class ChangePassword(Body):
    """The password, and what it is to be."""

    current_password: Password
    new_password: Password


class OneTimeCode(Body):
    """What the authenticator shows."""

    code: Code


class FreshPassword(Body):
    """The password, asked for again."""

    password: Password


class ChangeSignIn(Body):
    """How the people of an organisation may log in."""

    idle_minutes: Annotated[int, Field(ge=0, le=10_080, description="0: no limit but the session's week.")] = 0
    mfa_required: bool = False
    sso_only: Annotated[
        bool,
        Field(
            description="Passwords let nobody in but administrators with a second factor, whom an outage of the "
            "identity provider must not shut out."
        ),
    ] = False


class ChangeProfile(Body):
    """The caller's own name and preferences in the organisation; what is left out stays."""

    name: Line | None = None
    preferences: ProfilePreferences | None = None


class Invite(Body):
    """Who is to come into the organisation, and what for."""

    email: Email
    roles: Annotated[tuple[RoleId, ...], Field(min_length=1, max_length=20)]


class ChangeRoles(Body):
    """All roles that a person is to have."""

    roles: Annotated[tuple[RoleId, ...], Field(min_length=1, max_length=20)]


class AddRole(Body):
    """One more role."""

    role: RoleId


class AcceptInvitation(Body):
    """The token of the mail."""

    token: InvitationToken


Https = Annotated[str, Field(min_length=9, max_length=1024, pattern=r"^https?://[!-~]+$")]
Claim = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[!-~]+$")]
DomainName = Annotated[str, Field(min_length=3, max_length=253, pattern=r"^[^\s@/:#\x00-\x1f]+$")]
ConnectionId = Annotated[str, Field(pattern=r"^sso_[0-7][0-9A-HJKMNP-TV-Z]{25}$")]
MAX_METADATA = 131_072


class ConnectionBody(Body):
    """What a connection says of people."""

    name: Line
    groups_attribute: Annotated[Claim | None, Field(description="Absent: `groups`.")] = None
    email_attribute: Annotated[Claim | None, Field(description="Absent: `email`, or the usual SAML name.")] = None
    role_rules: Annotated[
        tuple[RoleRule, ...],
        Field(
            max_length=100,
            description="Groups and the roles they give, set at every log-in. None: roles stay as they are given here.",
        ),
    ] = ()
    default_roles: Annotated[
        tuple[RoleId, ...],
        Field(max_length=20, description="For whom no rule speaks; empty: such a person does not get in."),
    ] = ()
    just_in_time: Annotated[
        bool, Field(description="People come into the organisation by their first log-in; else they are provisioned.")
    ] = True
    enabled: bool = True
    scopes: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[!#-\[\]-~]{1,64}$")], ...],
        Field(max_length=10, description="OIDC: what is asked for beside `openid`."),
    ] = ("email", "profile")
    issuer: Annotated[Https | None, Field(description="OIDC: whose discovery document is read.")] = None
    client_id: Annotated[Claim | None, Field(description="OIDC.")] = None
    client_secret: Annotated[
        str | None, Field(min_length=1, max_length=1024, pattern=r"^[ -~]+$", description="OIDC; never shown.")
    ] = None
    metadata_url: Annotated[Https | None, Field(description="SAML: where the metadata are; read once, now.")] = None
    metadata_xml: Annotated[str | None, Field(min_length=20, max_length=MAX_METADATA, description="SAML.")] = None


class CreateConnection(ConnectionBody):
    """An identity provider to connect."""

    kind: ProviderKind


class ChangeConnection(ConnectionBody):
    """All that a connection is to be; a provider's own settings (`issuer` with `client_id` and `client_secret`, or the
    metadata) stay as they are when none is sent."""


class ClaimDomain(Body):
    """A domain whose addresses log in by a connection."""

    domain: DomainName
    connection_id: ConnectionId


class BeginSso(Body):
    """Who wants in: by the address, by the domain alone, or by a social provider of the deployment."""

    email: Email | None = None
    domain: DomainName | None = None
    provider: Annotated[
        str | None,
        Field(pattern=r"^[A-Za-z]{3,32}$", description="A social provider, such as `Google`, where there is one."),
    ] = None
    redirect_uri: Annotated[str, Field(min_length=8, max_length=1024, pattern=r"^https?://[!-~]+$")]
    code_challenge: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9_-]{43}$", description="S256 of the code verifier (RFC 7636).")
    ]


class FinishSso(Body):
    """What came back, and the proof that the caller is who began."""

    state: Annotated[str, Field(min_length=20, max_length=200, pattern=r"^[A-Za-z0-9_-]+$")]
    code: Annotated[str, Field(min_length=1, max_length=2048, pattern=r"^[!-~]+$")]
    code_verifier: Annotated[str, Field(pattern=r"^[A-Za-z0-9._~-]{43,128}$")]
    redirect_uri: Annotated[str, Field(min_length=8, max_length=1024, pattern=r"^https?://[!-~]+$")]


class ChangeScimGroup(Body):
    """The roles that everybody in the group has by it; none: being in it gives nothing."""

    roles: Annotated[tuple[RoleId, ...], Field(max_length=20)]
