"""What lies around single sign-on, played on loopback: Cognito's hosted pages and its list of identity providers, an
OpenID provider's discovery document, and a name server. The real ones are in test_openid.py and test_saml.py."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from dnslib import QTYPE, RR, TXT
from dnslib.server import BaseResolver, DNSLogger, DNSServer

from tests.identity.pool import SIGNING, Pool, Refused, Someone

REDIRECT = "http://localhost:18976/callback"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@dataclass
class Around:
    """What was asked of it, and what it answers."""

    pool: Pool
    url: str = ""
    providers: dict[str, dict[str, Any]] = field(default_factory=dict)
    client: dict[str, Any] = field(default_factory=lambda: {"SupportedIdentityProviders": ["COGNITO"]})
    codes: dict[str, dict[str, Any]] = field(default_factory=dict)
    documents: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    texts: dict[str, list[str]] = field(default_factory=dict)

    def come_back(self, begun: dict[str, Any], email: str, subject: str = "1", **said: Any) -> str:
        """Somebody logs in at the identity provider, and is sent back with this code."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(begun["authorization_url"]).query).items()}
        provider = said.pop("provider", asked["identity_provider"])
        name = f"{provider}_{subject}".lower()
        identities = [{"providerName": provider, "userId": subject, "primary": "true"}]
        someone = self.pool.people.setdefault(
            name, Someone(name, secrets.token_urlsafe(), "EXTERNAL_PROVIDER", {"identities": json.dumps(identities)})
        )
        code = secrets.token_urlsafe(24)
        claims = {
            "sub": someone.sub,
            "aud": asked["client_id"],
            "token_use": "id",
            "email": email,
            "nonce": asked["nonce"],
            "identities": identities,
            **said,
        }
        self.codes[code] = {"someone": someone, "claims": claims, **asked}
        return code

    def exchange(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """The token endpoint."""
        known = self.codes.pop(form.get("code", ""), None)
        proof = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if known is None or known["redirect_uri"] != form["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        if known["code_challenge"] != proof.rstrip(b"=").decode() or form["client_id"] != known["client_id"]:
            return 400, {"error": "invalid_grant"}
        given = self.pool._tokens(known["someone"], str(uuid.uuid4()), None)
        return 200, {
            "access_token": given["AccessToken"],
            "refresh_token": given["RefreshToken"],
            "expires_in": given["ExpiresIn"],
            "id_token": jwt.encode(known["claims"], SIGNING, "HS256"),
        }

    def create(self, request: dict[str, Any]) -> dict[str, Any]:
        """CreateIdentityProvider."""
        if request["ProviderName"] in self.providers:
            raise Refused("DuplicateProviderException")
        self.providers[request["ProviderName"]] = request
        return {"IdentityProvider": {**request, "UserPoolId": "p"}}

    def update(self, request: dict[str, Any]) -> dict[str, Any]:
        """UpdateIdentityProvider."""
        self.providers[request["ProviderName"]] |= request
        return {"IdentityProvider": self.providers[request["ProviderName"]]}

    def remove(self, request: dict[str, Any]) -> dict[str, Any]:
        """DeleteIdentityProvider."""
        if self.providers.pop(request["ProviderName"], None) is None:
            raise Refused("ResourceNotFoundException")
        return {}

    def listed(self, request: dict[str, Any]) -> dict[str, Any]:
        """ListIdentityProviders, two at a time."""
        names, start = sorted(self.providers), int(request.get("NextToken", "0"))
        more = {"NextToken": str(start + 2)} if len(names) > start + 2 else {}
        return {"Providers": [{"ProviderName": name} for name in names[start : start + 2]], **more}

    def described(self, request: dict[str, Any]) -> dict[str, Any]:
        """DescribeUserPoolClient."""
        return {"UserPoolClient": {**request, "ClientName": "api", **self.client}}

    def changed(self, request: dict[str, Any]) -> dict[str, Any]:
        """UpdateUserPoolClient: what is not said is lost."""
        assert request["ClientName"] == "api"
        self.client = {"SupportedIdentityProviders": request["SupportedIdentityProviders"]}
        return {"UserPoolClient": request}


@contextmanager
def around(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> Iterator[Around]:
    """All of it, and the settings that lead there."""
    made = Around(pool)
    for operation, method in {
        "CreateIdentityProvider": made.create,
        "UpdateIdentityProvider": made.update,
        "DeleteIdentityProvider": made.remove,
        "ListIdentityProviders": made.listed,
        "DescribeUserPoolClient": made.described,
        "UpdateUserPoolClient": made.changed,
    }.items():
        setattr(pool, f"_{operation}", method)
    with _web(made) as web, _names(made) as names:
        made.url = f"http://127.0.0.1:{web}"
        made.documents["/.well-known/openid-configuration"] = (200, json.dumps(discovery(made.url)).encode())
        monkeypatch.setenv("HOSTED_LOGIN_URL", made.url)
        monkeypatch.setenv("SSO_REDIRECTS", f"{REDIRECT} https://app.example.com/sso/callback")
        monkeypatch.setenv("SCAN_REALMS", "loopback")
        monkeypatch.setenv("NAMESERVERS", f"127.0.0.1:{names}")
        yield made


def discovery(issuer: str) -> dict[str, str]:
    """What an OpenID provider says of itself."""
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "jwks_uri": f"{issuer}/keys",
    }


@contextmanager
def _web(made: Around) -> Iterator[int]:
    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(*made.documents.get(self.path, (404, b"")))

        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["content-length"])).decode()
            status, said = made.exchange({name: values[0] for name, values in parse_qs(sent).items()})
            self._answer(status, json.dumps(said).encode())

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def _names(made: Around) -> Iterator[int]:
    class Zone(BaseResolver):
        def resolve(self, request: Any, _handler: Any) -> Any:
            reply = request.reply()
            if request.q.qtype == QTYPE.TXT:
                for text in made.texts.get(str(request.q.qname).rstrip("."), []):
                    reply.add_answer(RR(request.q.qname, QTYPE.TXT, rdata=TXT(text), ttl=0))
            return reply

    server = DNSServer(Zone(), port=0, address="127.0.0.1", logger=DNSLogger("-request,-reply"))
    server.start_thread()
    try:
        yield server.server.server_address[1]
    finally:
        server.stop()
        server.server.server_close()
        server.thread.join()
