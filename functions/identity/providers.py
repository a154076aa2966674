"""Identity providers of organisations: how the directory knows them, what they publish of themselves, and the hosted
pages that lead to them."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlencode, urlsplit

from functions.identity.errors import BadProvider
from functions.identity.model.federation import (
    FACTORS,
    GROUPS,
    VERIFIED,
    Attempt,
    Connection,
    OidcSettings,
    ProviderKind,
    Settings,
    provider_name,
)
from functions.identity.model.sessions import Granted
from functions.identity.tokens import read_unverified
from kernel import aws
from kernel.egress.addresses import Policy, Realm
from kernel.egress.deployment import dns_settings, partner_policy
from kernel.errors import Unavailable

if TYPE_CHECKING:
    from kernel.egress.client import Egress

ATTEMPTS = 5
NATIVE = "COGNITO"
MAX_DOCUMENT = 131_072
DISCOVERY = "/.well-known/openid-configuration"
SCOPES = "openid email profile"
TYPES = {ProviderKind.OIDC: "OIDC", ProviderKind.SAML: "SAML"}


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What a code was good for: tokens, and what the identity token says."""

    granted: Granted
    claims: dict[str, Any]


class Registry(Protocol):
    """Where the directory knows identity providers."""

    def add(self, connection: Connection, settings: Settings) -> None:
        """Make one known. Raises BadProvider when the directory cannot use it."""

    def change(self, connection: Connection, settings: Settings | None) -> None:
        """Make it known otherwise; its own settings stay when there are no new ones. Raises BadProvider."""

    def remove(self, connection: Connection) -> None:
        """Forget it; one that is not known is left alone."""


class Outside(Protocol):
    """What others publish."""

    async def discover(self, issuer: str) -> None:
        """Raises BadProvider unless an OpenID provider describes itself there."""

    async def metadata(self, url: str) -> str:
        """The text of SAML metadata. Raises BadProvider."""

    async def texts(self, name: str) -> list[str]:
        """The TXT records of a name; none when nobody answers."""


class Hosted(Protocol):
    """The directory's pages that send people to their identity provider."""

    def address(self, attempt: Attempt, state: str) -> str:
        """Where the person goes."""

    async def exchange(self, code: str, verifier: str, redirect_uri: str) -> Exchanged | None:
        """What a code is good for; None when for nothing."""


class CognitoProviders:
    """Registry on the stack's user pool."""

    def add(self, connection: Connection, settings: Settings) -> None:
        """Cognito keeps the client secret, and nobody else."""
        errors = self._client.exceptions
        try:
            self._client.create_identity_provider(
                UserPoolId=aws.setting("USER_POOL_ID"),
                ProviderName=provider_name(connection.connection_id),
                ProviderType=TYPES[connection.kind],
                ProviderDetails=_details(connection, settings),
                AttributeMapping=_mapping(connection),
            )
        except errors.InvalidParameterException as refused:
            raise BadProvider(_said(refused)) from None
        except errors.LimitExceededException:
            raise BadProvider("This deployment can take no more identity providers at the moment.") from None
        self._align()

    def change(self, connection: Connection, settings: Settings | None) -> None:
        """Details are replaced as a whole, or not at all."""
        details = {"ProviderDetails": _details(connection, settings)} if settings else {}
        try:
            self._client.update_identity_provider(
                UserPoolId=aws.setting("USER_POOL_ID"),
                ProviderName=provider_name(connection.connection_id),
                AttributeMapping=_mapping(connection),
                **details,
            )
        except self._client.exceptions.InvalidParameterException as refused:
            raise BadProvider(_said(refused)) from None

    def remove(self, connection: Connection) -> None:
        """Nobody comes in by it any more."""
        with contextlib.suppress(self._client.exceptions.ResourceNotFoundException):
            self._client.delete_identity_provider(
                UserPoolId=aws.setting("USER_POOL_ID"), ProviderName=provider_name(connection.connection_id)
            )
        self._align()

    def _align(self) -> None:
        """The pool's client lets in by every provider that the pool knows. Cognito has no condition for that: whoever
        comes at the same moment looks once more after writing, so that the last one sees all."""
        pool, client_id = aws.setting("USER_POOL_ID"), aws.setting("USER_POOL_CLIENT_ID")
        for _ in range(ATTEMPTS):
            known = self._client.describe_user_pool_client(UserPoolId=pool, ClientId=client_id)["UserPoolClient"]
            wanted = sorted([NATIVE, *self._names(pool)])
            if sorted(known.get("SupportedIdentityProviders", [])) == wanted:
                return
            said = {name: value for name, value in known.items() if value and name in self._settable}
            self._client.update_user_pool_client(**said | {"SupportedIdentityProviders": wanted})
        raise Unavailable("Many identity providers change at once. Try again.", retry_after=1)

    def _names(self, pool: str) -> Iterator[str]:
        more: dict[str, str] = {}
        while True:
            answer = self._client.list_identity_providers(UserPoolId=pool, MaxResults=60, **more)
            yield from (each["ProviderName"] for each in answer["Providers"])
            if "NextToken" not in answer:
                return
            more = {"NextToken": answer["NextToken"]}

    @property
    def _settable(self) -> frozenset[str]:
        """What an update of a client takes; what it does not say is lost."""
        operation = self._client.meta.service_model.operation_model("UpdateUserPoolClient")
        return frozenset(operation.input_shape.members)

    @property
    def _client(self) -> Any:
        return aws.client("cognito-idp")


class Published:
    """Outside, through the outbound client."""

    async def discover(self, issuer: str) -> None:
        """The document must name the issuer it was asked for (OpenID Connect Discovery 1.0, section 4.3)."""
        body = await self._read(issuer.rstrip("/") + DISCOVERY)
        try:
            said = json.loads(body)
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict) or said.get("issuer") != issuer:
            raise BadProvider("The discovery document is none, or names another issuer.")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            _demand_address(str(said.get(name, "")))

    async def metadata(self, url: str) -> str:
        """As UTF-8, bounded."""
        body = await self._read(url)
        try:
            return body.decode("utf-8-sig")
        except UnicodeError:
            raise BadProvider("The metadata are no UTF-8.") from None

    async def texts(self, name: str) -> list[str]:
        """What the resolvers of the deployment say."""
        from kernel.egress.errors import EgressError

        try:
            async with _egress(partner_policy()) as egress:
                answer = await egress.query(name, "TXT")
        except EgressError:
            return []
        rows = [row for rows in answer.answer for row in rows if hasattr(row, "strings")]
        return [b"".join(row.strings).decode("ascii", "replace") for row in rows]

    async def _read(self, url: str) -> bytes:
        from kernel.egress.errors import EgressError
        from kernel.egress.limits import Limits

        _demand_address(url)
        limits = Limits(body=MAX_DOCUMENT, total_seconds=10, connect_seconds=5, redirects=2)
        try:
            async with _egress(partner_policy()) as egress:
                answer = await egress.get(url, limits=limits)
        except EgressError as failure:
            raise BadProvider(f"{url} cannot be read: {failure}.") from None
        if answer.status != 200:
            raise BadProvider(f"{url} answers {answer.status}.")
        return answer.body


class HostedPages:
    """Hosted, on the domain of the stack's user pool."""

    def address(self, attempt: Attempt, state: str) -> str:
        """The hosted page that leads on to the provider at once."""
        asked = {
            "response_type": "code",
            "client_id": aws.setting("USER_POOL_CLIENT_ID"),
            "identity_provider": attempt.provider,
            "redirect_uri": attempt.redirect_uri,
            "scope": SCOPES,
            "state": state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.code_challenge,
            "code_challenge_method": "S256",
        }
        return f"{aws.setting('HOSTED_LOGIN_URL')}/oauth2/authorize?{urlencode(asked)}"

    async def exchange(self, code: str, verifier: str, redirect_uri: str) -> Exchanged | None:
        """At the token endpoint: the address is the stack's own, and not a tenant's."""
        from kernel.egress.client import Request

        form = {
            "grant_type": "authorization_code",
            "client_id": aws.setting("USER_POOL_CLIENT_ID"),
            "code": code,
            "code_verifier": verifier,
            "redirect_uri": redirect_uri,
        }
        request = Request(
            "POST",
            f"{aws.setting('HOSTED_LOGIN_URL')}/oauth2/token",
            (("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json")),
            urlencode(form).encode(),
        )
        async with _egress(Policy(realms=frozenset({Realm.LOOPBACK}))) as egress:
            answer = await egress.send(request)
        if answer.status >= 500:
            raise RuntimeError(f"the token endpoint answers {answer.status}")
        if answer.status != 200:
            return None
        said = json.loads(answer.body)
        granted = Granted(said["access_token"], said.get("refresh_token"), int(said["expires_in"]))
        claims = read_unverified(said["id_token"])  # the directory has just handed it to us
        is_ours = claims.get("token_use") == "id" and claims.get("aud") == aws.setting("USER_POOL_CLIENT_ID")
        return Exchanged(granted, claims) if is_ours else None


def socials() -> list[str]:
    """The social providers of the deployment, by the directory's names."""
    return os.environ.get("SOCIAL_PROVIDERS", "").split()


def redirects() -> list[str]:
    """Where the hosted pages send people back to, and nowhere else."""
    return aws.setting("SSO_REDIRECTS").split()


def callbacks(kind: ProviderKind) -> tuple[str, str]:
    """What an identity provider must be told of us: where it sends people, and what we are called (SAML)."""
    base = aws.setting("HOSTED_LOGIN_URL")
    if kind is ProviderKind.OIDC:
        return f"{base}/oauth2/idpresponse", ""
    return f"{base}/saml2/idpresponse", f"urn:amazon:cognito:sp:{aws.setting('USER_POOL_ID')}"


def _details(connection: Connection, settings: Settings) -> dict[str, str]:
    if isinstance(settings, OidcSettings):
        return {
            "oidc_issuer": settings.issuer,
            "client_id": settings.client_id,
            "client_secret": settings.client_secret,
            "attributes_request_method": "GET",
            "authorize_scopes": " ".join(dict.fromkeys(("openid", *connection.scopes))),
        }
    return {"MetadataFile": settings.metadata, "IDPSignout": "false"}


def _mapping(connection: Connection) -> dict[str, str]:
    mapping = {"email": connection.email_attribute, GROUPS: connection.groups_attribute}
    if connection.kind is ProviderKind.OIDC:
        mapping |= {"name": "name", FACTORS: "amr", VERIFIED: "email_verified"}
    return mapping


def _demand_address(url: str) -> None:
    """Secrets and people go there: in the clear on the operator's own machine alone."""
    parts = urlsplit(url)
    clear = parts.scheme == "http" and Realm.LOOPBACK in partner_policy().realms
    if (parts.scheme != "https" and not clear) or not parts.hostname or parts.username is not None:
        raise BadProvider(f"{url or 'an address that is missing'} is no https address.")


def _egress(policy: Policy) -> Egress:
    from kernel.egress.client import Egress  # heavy, and few requests need it

    return Egress(policy, dns=dns_settings())


def _said(refused: Any) -> str:
    return str(refused.response["Error"].get("Message", ""))
