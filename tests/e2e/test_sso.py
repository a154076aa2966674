"""Single sign-on through the whole local cloud, with real identity providers on loopback and authlib as the client."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import jwt
import pytest
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc6749 import MismatchingStateException
from authlib.oauth2.rfc6749.parameters import parse_authorization_code_response
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from dnslib import QTYPE, RR, TXT
from dnslib.server import BaseResolver, DNSLogger, DNSServer

from contracts.access import Role
from infra.local import emulator, lifecycle
from infra.local.emulator import free_port
from infra.local.layout import Layout
from tests.e2e.client import Client, Demo, eventually
from tests.identity.federation.servers import are_installed, key_and_certificate, running

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not are_installed(), reason="`npm ci --prefix tests/identity/federation` installs the providers"
    ),
]
REDIRECT = "http://localhost:18976/callback"
ACME = "acme.test"
PASSWORD = "one-for-all-of-acme"
SECRET = "what-acme-gave-to-palisade"
PEOPLE = {
    "ann": {"email": f"ann@{ACME}", "email_verified": True, "name": "Ann", "groups": ["analysts", "all of acme, inc"]},
    "bob": {"email": f"bob@{ACME}", "email_verified": True, "name": "Bob", "groups": ["all"], "amr": ["pwd", "otp"]},
    "eve": {"email": "eve@other.test", "email_verified": True, "name": "Eve", "groups": ["analysts"]},
    "mal": {"email": f"ann@{ACME}", "email_verified": True, "name": "Mal", "groups": ["analysts"]},
    "new": {"email": f"new@{ACME}", "email_verified": False, "name": "New", "groups": ["analysts"]},
}


@dataclass
class Names:
    """A name server's TXT records."""

    texts: dict[str, str]
    port: int


@pytest.fixture(scope="module")
def names() -> Iterator[Names]:
    """A name server that answers for the organisation's domain."""
    texts: dict[str, str] = {}

    class Zone(BaseResolver):
        def resolve(self, request: Any, _handler: Any) -> Any:
            reply, name = request.reply(), str(request.q.qname).rstrip(".")
            if request.q.qtype == QTYPE.TXT and name in texts:
                reply.add_answer(RR(request.q.qname, QTYPE.TXT, rdata=TXT(texts[name]), ttl=0))
            return reply

    server = DNSServer(Zone(), port=0, address="127.0.0.1", logger=DNSLogger("-request,-reply"))
    server.start_thread()
    yield Names(texts, server.server.server_address[1])
    server.stop()
    server.server.server_close()
    server.thread.join()


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory, names: Names) -> Layout:
    """A local cloud that asks that name server."""
    home = tmp_path_factory.mktemp("sso")
    nameservers = f"{ACME}=127.0.0.1:{names.port}"
    return Layout(home=home, port=free_port(), aws_port=free_port(), nameservers=nameservers)


@pytest.fixture(scope="module")
def cloud(layout: Layout) -> Iterator[Demo]:
    """The running local cloud."""
    if not emulator.is_current():
        emulator.make_environment()
    try:
        lifecycle.up(layout, print)
        yield Demo(layout.demo)
    finally:
        lifecycle.down(layout)


@pytest.fixture(scope="module")
def issuer(layout: Layout) -> Iterator[str]:
    """The organisation's OpenID provider: the certified one, as anybody runs it."""
    settings = {
        "client_id": "palisade",
        "client_secret": SECRET,
        "redirect_uri": f"{layout.aws}/oauth2/idpresponse",
        "people": PEOPLE,
        "password": PASSWORD,
    }
    with running("openid.mjs", settings) as served:
        yield served.address


@pytest.fixture(scope="module")
def boss(cloud: Demo) -> Iterator[Client]:
    """Who administers the organisation."""
    with cloud.client(Role.ORGANIZATION_ADMIN) as client:
        yield client


def root(client: Client) -> str:
    claims = jwt.decode(client.token, options={"verify_signature": False})
    return f"/organizations/{claims['organization_id']}"


@pytest.fixture(scope="module")
def connection(boss: Client, issuer: str, names: Names) -> dict[str, Any]:
    """The organisation's provider, with its verified domain."""
    sent = {
        "kind": "oidc",
        "name": "Acme ID",
        "issuer": issuer,
        "client_id": "palisade",
        "client_secret": SECRET,
        "scopes": ["email", "profile", "groups"],
        "role_rules": [{"group": "analysts", "role": "analyst"}],
        "default_roles": ["viewer"],
    }
    made = boss.post(f"{root(boss)}/sso/connections", json=sent)
    assert made.status_code == 201, made.text
    body = {"domain": ACME, "connection_id": made.json()["connection_id"]}
    claimed = boss.post(f"{root(boss)}/sso/domains", json=body)
    assert claimed.status_code == 201, claimed.text
    path = f"{root(boss)}/sso/domains/{ACME}"
    unproved = boss.post(f"{path}/verify")
    assert unproved.json()["type"].endswith("/sso-domain-unverified"), unproved.text
    names.texts[claimed.json()["record_name"]] = claimed.json()["challenge"]
    proved = boss.post(f"{path}/verify")
    assert proved.status_code == 200, proved.text
    found: dict[str, Any] = made.json()
    return found


class Browser(httpx.Client):
    """Goes where it is sent, fills in the log-in form, and stops where our own page would be."""

    def log_in(self, address: str, name: str, password: str = PASSWORD) -> str:
        """The address on which the person comes back."""
        page = self.get(address)
        for _ in range(20):
            if page.is_redirect:
                target = urljoin(str(page.url), page.headers["location"])
                if target.startswith(REDIRECT):
                    return target
                page = self.get(target)
            elif '<input name="login">' in page.text:
                page = self.post(str(page.url), data={"login": name, "password": password})
            elif form := re.search(r'<form[^>]*action="([^"]+)"', page.text):
                fields = dict(re.findall(r'name="(SAMLResponse|RelayState)" value="([^"]*)"', page.text))
                page = self.post(form[1], data=fields)
            else:
                raise AssertionError(f"{page.status_code} {page.url}: {page.text[:300]}")
        raise AssertionError("the log-in leads nowhere")


@contextmanager
def person() -> Iterator[Browser]:
    """Somebody with a fresh browser."""
    with Browser(timeout=30) as browser:
        yield browser


@dataclass
class Attempt:
    """A log-in that began, as an OAuth client keeps it."""

    api: Client
    verifier: str
    begun: dict[str, Any]

    @classmethod
    def of(cls, api: Client, email: str) -> Attempt:
        """Begin one."""
        verifier = generate_token(64)
        challenge = create_s256_code_challenge(verifier)
        body = {"email": email, "redirect_uri": REDIRECT, "code_challenge": challenge}
        answer = api.post("/auth/sso", json=body)
        assert answer.status_code == 200, answer.text
        return cls(api, verifier, answer.json())

    def come_back(self, address: str) -> dict[str, str]:
        """What an OAuth client takes from the address on which the person came back. Raises when it is not ours."""
        found: dict[str, str] = parse_authorization_code_response(address, self.begun["state"])
        return found

    def finish(self, code: str, **fields: str) -> httpx.Response:
        """Show the code."""
        proof = {"state": self.begun["state"], "code": code, "code_verifier": self.verifier, "redirect_uri": REDIRECT}
        return self.api.post("/auth/sso/token", json={**proof, **fields})


def log_in(api: Client, name: str, email: str | None = None) -> httpx.Response:
    """Somebody goes all the way."""
    attempt = Attempt.of(api, email or str(PEOPLE[name]["email"]))
    with person() as browser:
        back = browser.log_in(attempt.begun["authorization_url"], name)
    return attempt.finish(attempt.come_back(back)["code"])


def claims_of(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = jwt.decode(answer.json()["access_token"], options={"verify_signature": False})
    return found


def problem_of(answer: httpx.Response) -> str:
    return str(answer.json()["type"]).rpartition("/")[2]


def refusals(boss: Client) -> list[str]:
    """What the organisation was told of those who were not let in."""
    items = boss.get("/audit/security-events", params={"limit": 200}).json()["items"]
    return [each["details"]["reason"] for each in items if each["action"].startswith("SsoRefused")]


def test_a_person_of_a_real_openid_provider_comes_in_and_works(
    cloud: Demo, boss: Client, connection: dict[str, Any]
) -> None:
    with Client(cloud.url) as api:
        answer = log_in(api, "ann")
        said = claims_of(answer)
        assert (said["email"], said["roles"]) == (f"ann@{ACME}", ["analyst"])
        api.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        assert api.get("/scans").status_code == 200
        me = api.get("/users/me").json()
        assert (me["name"], me["organization_id"]) == ("Ann", connection["organization_id"])
        (session,) = api.get("/auth/sessions").json()["items"]
        assert (session["provider"], session["mfa"]) == (connection["connection_id"], False)
        fresh = api.post("/auth/refresh", json={"refresh_token": answer.json()["refresh_token"]})
        assert claims_of(fresh)["user_id"] == said["user_id"]
        assert claims_of(log_in(api, "ann"))["user_id"] == said["user_id"]
    emails = [each["email"] for each in boss.get("/users").json()["items"]]
    assert emails.count(f"ann@{ACME}") == 1


def test_who_is_in_no_group_gets_the_default_role(cloud: Demo, connection: dict[str, Any]) -> None:
    with Client(cloud.url) as api:
        answer = log_in(api, "bob")
        assert claims_of(answer)["roles"] == ["viewer"]


def test_whom_the_provider_may_not_speak_for_stays_out(cloud: Demo, boss: Client, connection: dict[str, Any]) -> None:
    with Client(cloud.url) as api:
        assert problem_of(log_in(api, "eve", f"eve@{ACME}")) == "foreign-address"
        assert problem_of(log_in(api, "new")) == "foreign-address"
        claims_of(log_in(api, "ann"))
        assert problem_of(log_in(api, "mal")) == "other-identity"
        assert (
            api.post(
                "/auth/sso", json={"email": "eve@other.test", "redirect_uri": REDIRECT, "code_challenge": "c" * 43}
            ).status_code
            == 404
        )
    emails = {each["email"] for each in boss.get("/users").json()["items"]}
    assert "eve@other.test" not in emails


def test_codes_are_good_once_for_who_began(cloud: Demo, connection: dict[str, Any]) -> None:
    with Client(cloud.url) as api, person() as browser:
        attempt = Attempt.of(api, f"ann@{ACME}")
        back = browser.log_in(attempt.begun["authorization_url"], "ann")
        code = attempt.come_back(back)["code"]
        with pytest.raises(MismatchingStateException):
            parse_authorization_code_response(back, "another-state")
        assert problem_of(attempt.finish(code, code_verifier="w" * 64)) == "sso-mismatch"
        assert problem_of(attempt.finish(code, redirect_uri="http://localhost:1/else")) == "foreign-redirect"
        assert problem_of(attempt.finish(code, state=secrets.token_urlsafe(32))) == "sso-over"
        assert attempt.finish(code).status_code == 200
        assert problem_of(attempt.finish(code)) == "sso-over"
        thief = Attempt.of(api, f"ann@{ACME}")
        victims = Attempt.of(api, f"ann@{ACME}")
        stolen = victims.come_back(browser.log_in(victims.begun["authorization_url"], "ann"))["code"]
        assert problem_of(thief.finish(stolen)) == "sso-over"


def test_a_client_that_goes_past_the_platform_gets_tokens_that_open_nothing(
    cloud: Demo, layout: Layout, connection: dict[str, Any]
) -> None:
    """authlib at Cognito's own endpoints: code and PKCE work there, and what they give has no session here."""
    with Client(cloud.url) as api:
        claims_of(log_in(api, "ann"))
        begun = Attempt.of(api, f"ann@{ACME}").begun
        asked = parse_qs(urlsplit(begun["authorization_url"]).query)
        client_id, verifier = asked["client_id"][0], generate_token(64)
        with OAuth2Session(
            client_id, redirect_uri=REDIRECT, scope="openid email", code_challenge_method="S256"
        ) as client:
            address, _state = client.create_authorization_url(
                f"{layout.aws}/oauth2/authorize",
                code_verifier=verifier,
                identity_provider=asked["identity_provider"][0],
            )
            with person() as browser:
                back = browser.log_in(address, "ann")
            endpoint = f"{layout.aws}/oauth2/token"
            with pytest.raises(Exception, match="invalid_grant"):
                client.fetch_token(endpoint, authorization_response=back, code_verifier="w" * 64)
            tokens = client.fetch_token(endpoint, authorization_response=back, code_verifier=verifier)
        api.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        assert api.get("/users/me").status_code in (401, 403)


def test_a_person_of_a_real_saml_provider_comes_in_with_all_groups(cloud: Demo, layout: Layout, names: Names) -> None:
    """The provider checks our request, and signs its answer. That the signature counts is Cognito's to see to: the
    emulator does not look at it."""
    domain = f"saml.{ACME}"
    people = {"sam": {"mail": f"sam@{domain}", "memberOf": ["staff, all", "analysts"]}}
    settings = {**key_and_certificate(), "people": people, "password": PASSWORD}
    with running("saml.mjs", settings) as provider, cloud.client(Role.ORGANIZATION_ADMIN, tenant=1) as other:
        sent = {
            "kind": "saml",
            "name": "Globex SAML",
            "metadata_url": f"{provider.address}/metadata",
            "email_attribute": "mail",
            "groups_attribute": "memberOf",
            "role_rules": [{"group": "analysts", "role": "analyst"}, {"group": "staff, all", "role": "viewer"}],
        }
        made = other.post(f"{root(other)}/sso/connections", json=sent)
        assert made.status_code == 201, made.text
        connection = made.json()
        assert connection["issuer"] == f"{provider.address}/metadata"
        provider.tell({name: connection[name] for name in ("audience", "callback_url")})
        body = {"domain": domain, "connection_id": connection["connection_id"]}
        claimed = other.post(f"{root(other)}/sso/domains", json=body).json()
        names.texts[claimed["record_name"]] = claimed["challenge"]
        assert other.post(f"{root(other)}/sso/domains/{domain}/verify").status_code == 200
        with Client(cloud.url) as api:
            answer = log_in(api, "sam", f"sam@{domain}")
            said = claims_of(answer)
        assert (said["email"], sorted(said["roles"])) == (f"sam@{domain}", ["analyst", "viewer"])
        assert said["organization_id"] == connection["organization_id"]


def test_the_security_team_reads_who_was_not_let_in(cloud: Demo, boss: Client, connection: dict[str, Any]) -> None:
    with Client(cloud.url) as api:
        assert problem_of(log_in(api, "eve", f"eve@{ACME}")) == "foreign-address"
    assert eventually(lambda: "foreign-address" in refusals(boss), 30)


def test_an_organisation_logs_in_by_single_sign_on_alone(cloud: Demo, boss: Client, connection: dict[str, Any]) -> None:
    path = f"{root(boss)}/sign-in"
    analyst = cloud.user(Role.ANALYST)
    assert boss.put(path, json={"sso_only": True}).status_code == 200
    try:
        with Client(cloud.url) as api:
            refused = api.post("/auth/login", json={"email": analyst["email"], "password": analyst["password"]})
            assert (refused.status_code, problem_of(refused)) == (401, "sso-only")
            assert claims_of(log_in(api, "ann"))["roles"] == ["analyst"]
    finally:
        assert boss.put(path, json={"sso_only": False}).status_code == 200
