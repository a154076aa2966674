"""Single sign-on: an organisation's identity providers, their domains, and who somebody is there. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, ClassVar
from urllib.parse import unquote_plus

from pydantic import BaseModel, ConfigDict, Field

from functions.identity.errors import BadDomain
from functions.identity.model.accounts import NOBODY, digest
from kernel import clock
from kernel.ids import new_id
from kernel.records import Hidden, Record, Resource

ATTEMPT_SECONDS = 600
"""So long may somebody be at the identity provider."""
KEPT_SECONDS = 86_400
TXT_LABEL = "_palisade-sso"
MAX_GROUPS = 1000
GROUPS, FACTORS, VERIFIED = "custom:groups", "custom:amr", "custom:verified"
"""Where the directory keeps what an identity provider said of a person."""
VERDICTS = {"true": True, "false": False}
"""Whether a provider says that it has verified the address; many say nothing."""
PASSWORD_FACTORS = frozenset({"pwd", "pin", "kba"})
OTHER_FACTORS = frozenset({"otp", "hwk", "swk", "sc", "sms", "tel", "fpt", "face", "iris", "retina", "vbm"})
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


class ProviderKind(StrEnum):
    """How an identity provider speaks."""

    OIDC = "oidc"
    SAML = "saml"


class RoleRule(BaseModel):
    """Who is in the group has the role."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    group: Annotated[str, Field(min_length=1, max_length=256)]
    role: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_]+$")]


class Connection(Record, pk="TENANT#{tenant_id}#SSO", sk="CONNECTION#{connection_id}"):
    """An identity provider of an organisation. Its client secret lies in the directory alone."""

    location: ClassVar[str | None] = "/organizations/{organization_id}/sso/connections/{connection_id}"

    connection_id: str
    organization_id: str
    name: str
    kind: ProviderKind
    issuer: str = Field(description="OIDC: the issuer. SAML: the entity id of the identity provider.")
    client_id: str | None = Field(default=None, description="OIDC: what this platform is called there.")
    scopes: tuple[str, ...] = ()
    groups_attribute: str = Field(description="The claim, or SAML attribute, that names a person's groups.")
    email_attribute: str
    role_rules: tuple[RoleRule, ...] = ()
    default_roles: tuple[str, ...] = ()
    just_in_time: bool = Field(description="Whether people come into the organisation by their first log-in.")
    enabled: bool = True
    created_at: str
    callback_url: str = Field(default="", description="What the identity provider is to send people back to.")
    audience: str = Field(default="", description="SAML: this platform's entity id.")

    @property
    def roles(self) -> tuple[str, ...]:
        """All roles that it can give."""
        return tuple(dict.fromkeys((*self.default_roles, *(rule.role for rule in self.role_rules))))

    def roles_for(self, groups: frozenset[str]) -> tuple[str, ...]:
        """The roles of somebody in these groups; the default ones where no rule speaks."""
        given = dict.fromkeys(rule.role for rule in self.role_rules if rule.group in groups)
        return tuple(given) or self.default_roles


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """What the directory must know of an OpenID provider."""

    issuer: str
    client_id: str
    client_secret: str


@dataclass(frozen=True, slots=True)
class SamlSettings:
    """What the directory must know of a SAML identity provider: its metadata, as they were checked."""

    metadata: str


Settings = OidcSettings | SamlSettings


class SsoDomain(Record, pk="TENANT#{tenant_id}#SSO", sk="DOMAIN#{domain}"):
    """That an organisation's people with addresses of a domain log in by one of its connections. It counts when the
    domain's owner has published the challenge."""

    location: ClassVar[str | None] = "/organizations/{organization_id}/sso/domains/{domain}"

    domain: str
    organization_id: str
    connection_id: str
    record_name: str = Field(description="The TXT record that is to hold the challenge.")
    challenge: str
    created_at: str
    verified_at: str | None = None


class DomainOwner(Record, pk="PLATFORM#DOMAINS#{domain}", sk="OWNER", platform=True):
    """Whose a verified domain is: there is one for each."""

    domain: str
    connection_id: str


class FederatedIdentity(Record, pk="PLATFORM#PEOPLE#{subject}", sk="IDENTITY", platform=True):
    """Which person an identity of a provider is (`subject` is what the directory calls it), in the organisation whose
    provider that is, and in no other."""

    subject: str
    user_id: str
    connection_id: str

    @property
    def home(self) -> str | None:
        """The organisation that it opens; None for a social one, which opens what a password does."""
        return None if self.tenant_id == NOBODY else self.tenant_id


class IdentityLink(Record, pk="TENANT#{tenant_id}#SSO", sk="LINK#{user_id}#{connection_id}"):
    """A person is one identity of a provider: who takes over an address there does not become the person here."""

    user_id: str
    connection_id: str
    subject: str


class Attempt(Record, pk="PLATFORM#CHALLENGES#{digest}", sk="SSO", platform=True):
    """A log-in that went to an identity provider. It outlives its use, so that a second one is known for what it is."""

    digest: str
    connection_id: str = Field(description="The connection, or the name of a social provider.")
    redirect_uri: str
    code_challenge: str
    nonce: Hidden[str]
    ends_at: int
    used: bool = False

    @property
    def provider(self) -> str:
        """Who is to answer, by the directory's name."""
        return provider_name(self.connection_id)

    @property
    def is_social(self) -> bool:
        """Whether it went to a provider of the deployment's, and not of an organisation's."""
        return self.tenant_id == NOBODY

    def is_late(self, now: int) -> bool:
        """Whether its time is over."""
        return now >= self.ends_at

    def is_proved_by(self, verifier: str) -> bool:
        """Whether the caller is who began it (RFC 7636, S256)."""
        return hmac.compare_digest(self.code_challenge, challenge_of(verifier))


class SsoBegun(Resource):
    """Where the person goes next."""

    confidential: ClassVar[bool] = True

    authorization_url: str = Field(description="The page to open in the person's browser.")
    state: str = Field(description="Comes back with the code: compare it, and send it to `POST /auth/sso/token`.")
    connection: str = Field(description="The name of the identity provider.")
    expires_in: int = ATTEMPT_SECONDS


@dataclass(frozen=True, slots=True)
class Said:
    """What an identity provider said of somebody, as the directory handed it on."""

    subject: str
    provider: str
    nonce: str
    email: str
    verified: bool | None
    name: str
    groups: frozenset[str]
    mfa: bool

    @classmethod
    def of(cls, claims: Mapping[str, Any]) -> Said:
        """Read an identity token of the directory."""
        email = str(claims.get("email", "")).strip().lower()
        providers = [each.get("providerName") for each in _listed(claims.get("identities")) if isinstance(each, dict)]
        return cls(
            subject=str(claims.get("sub", "")),
            provider=str(providers[0]) if len(providers) == 1 else "",
            nonce=str(claims.get("nonce", "")),
            email=email,
            verified=VERDICTS.get(str(claims.get(VERIFIED, "")).lower()),
            name=_printable(str(claims.get("name", ""))) or email.partition("@")[0],
            groups=frozenset(several(str(claims.get(GROUPS, "")))[:MAX_GROUPS]),
            mfa=shows_factor(several(str(claims.get(FACTORS, "")))),
        )


def new_attempt(tenant_id: str, connection_id: str, redirect_uri: str, code_challenge: str) -> tuple[Attempt, str]:
    """A log-in that begins, and its state."""
    state, now = secrets.token_urlsafe(32), int(clock.now().timestamp())
    attempt = Attempt(
        tenant_id=tenant_id,
        digest=digest(state),
        connection_id=connection_id,
        redirect_uri=redirect_uri,
        code_challenge=code_challenge,
        nonce=secrets.token_urlsafe(24),
        ends_at=now + ATTEMPT_SECONDS,
        expires_at=now + KEPT_SECONDS,
    )
    return attempt, state


def new_domain(tenant_id: str, domain: str, connection_id: str) -> SsoDomain:
    """A claim that its owner has not proved."""
    return SsoDomain(
        tenant_id=tenant_id,
        organization_id=tenant_id,
        domain=domain,
        connection_id=connection_id,
        record_name=f"{TXT_LABEL}.{domain}",
        challenge=f"palisade-sso={secrets.token_urlsafe(24)}",
        created_at=clock.timestamp(),
    )


def new_connection_id() -> str:
    """Names a connection, here and in the directory."""
    return new_id("sso")


def provider_name(connection_id: str) -> str:
    """The directory takes no underscore, and 32 characters."""
    return connection_id.replace("_", "-")


def challenge_of(verifier: str) -> str:
    """The S256 challenge of RFC 7636."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def domain_in(email: str) -> str:
    """The domain of an address."""
    return email.rpartition("@")[2].strip().lower()


def read_domain(text: str) -> str:
    """The one spelling of a domain. Raises BadDomain."""
    try:
        name = text.strip().rstrip(".").encode("idna").decode().lower()
    except UnicodeError:
        raise BadDomain() from None
    labels = name.split(".")
    if len(labels) < 2 or len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise BadDomain()
    if labels[-1].isdecimal():
        raise BadDomain("This is an address of a machine.")
    return name


def several(text: str) -> list[str]:
    """The values of an attribute: the directory brackets several of them, parted by commas and encoded for forms."""
    if text.startswith("[") and text.endswith("]"):
        parts = (unquote_plus(part.strip()).strip('"') for part in text[1:-1].split(","))
        return [part for part in parts if part]
    return [text] if text else []


def shows_factor(methods: list[str]) -> bool:
    """Whether authentication methods (RFC 8176) are more than a password."""
    named = set(methods)
    return "mfa" in named or (bool(named & PASSWORD_FACTORS) and bool(named & OTHER_FACTORS))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _printable(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable()).strip()[:120]
