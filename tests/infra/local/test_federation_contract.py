"""Log-ins by foreign identity providers, as the emulator's hosted pages do them with their mend."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import jwt
import pytest

from infra.local.emulator import Handle
from infra.local.mends.federation import flat
from tests.loopback import Page, serving

pytestmark = pytest.mark.emulator
Aws = Callable[[str], Any]
REDIRECT = "http://localhost:18976/callback"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
FOREIGN = {"Origin": "https://idp.acme.example", "Referer": "https://idp.acme.example/"}
CLAIMS = {"email": "ann@acme.example", "groups": ["analysts", "all of acme, inc"], "checked": False, "amr": ["pwd"]}
VALUE = "<a:AttributeValue>{}</a:AttributeValue>"
GROUPS = VALUE.format("one") + VALUE.format("two")
ASSERTION = f"""<Response xmlns:a="urn:oasis:names:tc:SAML:2.0:assertion"><a:Assertion>
<a:Subject><a:NameID>ann</a:NameID></a:Subject><a:AttributeStatement>
<a:Attribute Name="mail">{VALUE.format("ann@acme.example")}</a:Attribute>
<a:Attribute Name="groups">{GROUPS}</a:Attribute></a:AttributeStatement></a:Assertion></Response>"""


@contextmanager
def token_endpoint() -> Iterator[str]:
    """An identity provider that takes every code."""

    class Tokens(Page):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            token = jwt.encode({"sub": "ann-1", **CLAIMS}, "k" * 32, "HS256")
            body = json.dumps({"id_token": token, "access_token": "a"}).encode()
            self.give(200, body)

    with serving(Tokens) as address:
        yield address


class Pool:
    """A user pool with one provider, and somebody's way through it."""

    def __init__(self, aws: Aws, handle: Handle, kind: str, details: dict[str, str], mapping: dict[str, str]) -> None:
        self._client, self._url = aws("cognito-idp"), handle.endpoint
        self.id = self._client.create_user_pool(PoolName=uuid.uuid4().hex)["UserPool"]["Id"]
        self._client.create_identity_provider(
            UserPoolId=self.id,
            ProviderName="sso-1",
            ProviderType=kind,
            ProviderDetails=details,
            AttributeMapping=mapping,
        )
        made = self._client.create_user_pool_client(
            UserPoolId=self.id,
            ClientName="api",
            CallbackURLs=[REDIRECT],
            AllowedOAuthFlows=["code"],
            AllowedOAuthScopes=["openid", "email"],
            AllowedOAuthFlowsUserPoolClient=True,
        )
        self.client_id = made["UserPoolClient"]["ClientId"]

    def begin(self) -> str:
        """Where the provider's page is, with what comes back from there."""
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "identity_provider": "sso-1",
            "redirect_uri": REDIRECT,
            "scope": "openid email",
            "state": "s-1",
            "nonce": "n-1",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        answer = httpx.get(f"{self._url}/oauth2/authorize?{urlencode(asked)}")
        assert answer.status_code == 302, answer.text
        return str(answer.headers["location"])

    def come_back(self, at: str) -> str:
        """From the provider's page; the code."""
        state = parse_qs(urlsplit(at).query)["state"][0]
        answer = httpx.get(f"{self._url}/oauth2/idpresponse", params={"code": "c", "state": state}, headers=FOREIGN)
        return self.code_in(answer)

    def post_back(self, at: str, assertion: str) -> str:
        """From a SAML provider's page; the code."""
        form = {
            "RelayState": parse_qs(urlsplit(at).query)["RelayState"][0],
            "SAMLResponse": base64.b64encode(assertion.encode()).decode(),
        }
        return self.code_in(httpx.post(f"{self._url}/saml2/idpresponse", data=form, headers=FOREIGN))

    def code_in(self, answer: httpx.Response) -> str:
        """The code that our own page gets."""
        assert answer.status_code == 302, answer.text
        asked = parse_qs(urlsplit(answer.headers["location"]).query)
        assert answer.headers["location"].startswith(REDIRECT)
        assert asked["state"] == ["s-1"]
        return asked["code"][0]

    def exchange(self, code: str, **fields: str) -> httpx.Response:
        """What a code is good for."""
        form = {
            "grant_type": "authorization_code",
            "client_id": self.client_id,
            "code": code,
            "redirect_uri": REDIRECT,
            **fields,
        }
        return httpx.post(f"{self._url}/oauth2/token", data=form)

    def said(self, code: str) -> dict[str, Any]:
        """What the identity token says."""
        answer = self.exchange(code, code_verifier=VERIFIER)
        assert answer.status_code == 200, answer.text
        claims: dict[str, Any] = jwt.decode(answer.json()["id_token"], options={"verify_signature": False})
        return claims


@pytest.fixture
def openid(aws: Aws, handle: Handle) -> Iterator[Pool]:
    """A pool with an OpenID provider."""
    with token_endpoint() as url:
        details = {
            "client_id": "c",
            "client_secret": "s",
            "oidc_issuer": url,
            "authorize_url": f"{url}/authorize",
            "token_url": f"{url}/token",
            "authorize_scopes": "openid",
            "attributes_request_method": "GET",
        }
        mapping = {"email": "email", "custom:groups": "groups", "custom:verified": "checked", "custom:amr": "amr"}
        yield Pool(aws, handle, "OIDC", details, mapping)


def test_a_code_is_good_for_who_began_and_once(openid: Pool) -> None:
    code = openid.come_back(openid.begin())
    for wrong in ({}, {"code_verifier": "w" * 64}, {"code_verifier": "ü" * 64}):
        refused = openid.exchange(code, **wrong)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert openid.said(code)["nonce"] == "n-1"
    assert openid.exchange(code, code_verifier=VERIFIER).status_code == 400


def test_what_a_provider_says_in_lists_arrives(openid: Pool) -> None:
    said = openid.said(openid.come_back(openid.begin()))
    assert said["custom:groups"] == "[analysts,all+of+acme%2C+inc]"
    assert (said["custom:verified"], said["custom:amr"]) == ("false", "pwd")
    assert said["identities"][0]["providerName"] == "sso-1"


def test_a_provider_is_told_the_address_that_the_platform_uses(openid: Pool, handle: Handle) -> None:
    asked = parse_qs(urlsplit(openid.begin()).query)
    assert asked["redirect_uri"] == [f"{handle.endpoint}/oauth2/idpresponse"]


def test_a_foreign_page_leads_back_to_a_log_in_that_began_and_nowhere_else(handle: Handle) -> None:
    unknown = httpx.get(f"{handle.endpoint}/oauth2/idpresponse?code=c&state=none", headers=FOREIGN)
    assert unknown.status_code == 400
    assert httpx.get(f"{handle.endpoint}/oauth2/authorize", headers=FOREIGN).status_code == 403


def test_a_saml_provider_says_all_values(aws: Aws, handle: Handle) -> None:
    details = {"MetadataFile": "<x/>", "IDPSSOEndpoint": "http://127.0.0.1:1/sso"}
    pool = Pool(aws, handle, "SAML", details, {"email": "mail", "custom:groups": "groups"})
    code = pool.post_back(pool.begin(), ASSERTION)
    assert pool.exchange(code).status_code == 400
    said = pool.said(code)
    assert (said["email"], said["custom:groups"]) == ("ann@acme.example", "[one,two]")


def test_one_value_is_itself() -> None:
    assert [flat(each) for each in (["one"], [], True, "text", 7)] == ["one", "[]", "true", "text", 7]
