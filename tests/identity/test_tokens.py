"""The authorizers, with real keys: what passes, and the many tokens that must not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from functions.identity import tokens, triggers
from kernel.actor import Actor
from kernel.ids import new_id

POOL, CLIENT, REGION = "us-east-1_pool", "client-1", "us-east-1"
ISSUER = f"https://cognito-idp.{REGION}.amazonaws.com/{POOL}"
TENANT = new_id("org")


class Keys:
    """A pool's signing key, and one that is not the pool's."""

    def __init__(self) -> None:
        self.own = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.other = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def jwks(self) -> bytes:
        """The key set as the pool publishes it."""
        key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.own.public_key()))
        return json.dumps({"keys": [{**key, "kid": "k1", "use": "sig", "alg": "RS256"}]}).encode()


@pytest.fixture(scope="module")
def keys() -> Keys:
    return Keys()


@pytest.fixture(scope="module")
def pool(keys: Keys) -> Iterator[str]:
    """A server on loopback that publishes the key set where the emulator does."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == f"/{POOL}/.well-known/jwks.json"
            body = keys.jwks() if found else b""
            self.send_response(200 if found else 404)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def settings(pool: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL": pool,
        "AWS_REGION": REGION,
        "USER_POOL_ID": POOL,
        "USER_POOL_CLIENT_ID": CLIENT,
    }.items():
        monkeypatch.setenv(name, value)
    tokens._keys.cache_clear()


def claims(**changes: Any) -> dict[str, Any]:
    """What a good access token says, changed; a value of None leaves a claim out."""
    now = int(time.time())
    good = {
        "sub": "u1",
        "iss": ISSUER,
        "client_id": CLIENT,
        "token_use": "access",
        "iat": now,
        "exp": now + 900,
        "organization_id": TENANT,
        "user_id": "u1",
        "email": "ann@example.com",
        "roles": ["analyst"],
        "permissions": ["scans:read"],
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def signed(keys: Keys, key: Any = None, algorithm: str = "RS256", kid: str = "k1", **changes: Any) -> str:
    return jwt.encode(claims(**changes), key or keys.own, algorithm=algorithm, headers={"kid": kid})


def authorize(header: str) -> dict[str, Any]:
    answer = triggers.authorize({"headers": {"authorization": header}}, None)
    assert answer["isAuthorized"] is True
    context: dict[str, Any] = answer["context"]
    return context


def test_a_good_token_becomes_its_actor(keys: Keys) -> None:
    actor = Actor.model_validate_json(authorize(f"Bearer {signed(keys)}")["actor"])
    assert (actor.tenant_id, actor.user_id, actor.email) == (TENANT, "u1", "ann@example.com")
    assert actor.may("scans:read")
    assert not actor.may("scans:create")


def test_an_expired_token_says_so(keys: Keys) -> None:
    context = authorize(f"Bearer {signed(keys, exp=int(time.time()) - 60)}")
    assert context == {"reason": "The token has expired."}


def forged(keys: Keys) -> dict[str, str]:
    """Tokens that must not pass, by what is wrong with them."""
    public = keys.own.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    unsigned = jwt.encode(claims(), None, algorithm="none", headers={"kid": "k1"})
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"k1"}').rstrip(b"=").decode()
    body = unsigned.split(".")[1]
    mac = base64.urlsafe_b64encode(hmac.digest(public, f"{head}.{body}".encode(), hashlib.sha256)).rstrip(b"=")
    return {
        "no algorithm": unsigned,
        "the public key used as a secret": f"{head}.{body}.{mac.decode()}",
        "another key": signed(keys, keys.other),
        "an unknown key id": signed(keys, kid="k2"),
        "a path as key id": signed(keys, kid="../../etc/passwd"),
        "another pool": signed(keys, iss=ISSUER + "x"),
        "another client": signed(keys, client_id="client-2"),
        "an ID token": signed(keys, token_use="id"),
        "no organisation": signed(keys, organization_id=None),
        "a made-up organisation": signed(keys, organization_id="A#"),
        "a wildcard organisation": signed(keys, organization_id="*"),
        "no expiry": signed(keys, exp=None),
        "no permissions": signed(keys, permissions=None),
        "a flipped signature": signed(keys)[:-6] + "AAAAAA",
        "not a token": "abc",
        "nothing": "",
    }


@pytest.mark.parametrize("flaw", list(forged(Keys())))
def test_a_bad_token_is_nobody(keys: Keys, flaw: str) -> None:
    assert "actor" not in authorize(f"Bearer {forged(keys)[flaw]}")


@pytest.mark.parametrize("header", ["", "Basic YTpi", "bearer", "Token x"])
def test_another_scheme_is_nobody(header: str) -> None:
    assert "reason" in authorize(header)


def test_a_socket_opens_for_a_good_token_alone(keys: Keys) -> None:
    def effect(token: str) -> str:
        event = {"queryStringParameters": {"token": token}, "methodArn": "arn:aws:execute-api:::x"}
        (statement,) = triggers.authorize_socket(event, None)["policyDocument"]["Statement"]
        return str(statement["Effect"])

    assert effect(signed(keys)) == "Allow"
    assert {effect(token) for token in forged(keys).values()} == {"Deny"}
    assert triggers.authorize_socket({"methodArn": "arn"}, None)["policyDocument"]["Statement"][0]["Effect"] == "Deny"
