"""The authorizer against real keys: only an access token of our pool and client, in its time, makes an actor."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.access import Role, permissions_of
from contracts.identity import SessionRecord
from contracts.organizations import Tenancy
from functions.access import tokens
from functions.access.triggers import authorize, authorize_socket
from kernel import clock
from kernel.actor import Actor, Rate
from kernel.ids import new_id
from kernel.table import Table, create
from tests.edges import Receiver, receiving
from tests.kit import REGION, edge_of

POOL, CLIENT = f"{REGION}_pool1", "client-1"
ISSUER = f"https://cognito-idp.{REGION}.amazonaws.com/{POOL}"
OURS = rsa.generate_private_key(public_exponent=65537, key_size=2048)
STRANGERS = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ARN = "arn:aws:execute-api:us-east-1:000000000000:api/live/$connect"


def public(key: rsa.RSAPrivateKey, kid: str) -> dict[str, Any]:
    jwk: dict[str, Any] = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**jwk, "kid": kid, "use": "sig", "alg": "RS256"}


@pytest.fixture(autouse=True)
def pool(table: Table, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """The pool's key set on a real server, and a session of the person."""
    document = json.dumps({"keys": [public(OURS, "key-1")]}).encode()

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200 if request.path == f"/{POOL}/.well-known/jwks.json" else 404)
        request.send_header("Content-Length", str(len(document)))
        request.end_headers()
        request.wfile.write(document)

    _let_in(table)
    with receiving(answer) as server:
        settings = {
            "AWS_REGION": REGION,
            "USER_POOL_ID": POOL,
            "USER_POOL_CLIENT_ID": CLIENT,
        }
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(tokens, "_address", lambda: server.url.removesuffix("/in") + f"/{POOL}")
        tokens._keys.cache_clear()
        yield server
        tokens._keys.cache_clear()


def _let_in(table: Table) -> None:
    """The person's organisation, and a session in it."""
    session = SessionRecord(
        tenant_id=WHO.tenant_id,
        session_id=str(WHO.session_id),
        user_id=WHO.user_id,
        device="A browser",
        created_at=clock.timestamp(),
        last_seen_at=clock.timestamp(),
    )
    table.write(create(session))
    table.write(create(Tenancy(tenant_id=WHO.tenant_id)))


WHO = Actor(
    tenant_id=new_id("org"),
    user_id="0b7ff2a0-0000-4000-8000-000000000000",
    email="someone@example.com",
    roles=(Role.ANALYST,),
    permissions=permissions_of((Role.ANALYST,)),
    session_id="6f1f0a52-0000-4000-8000-000000000000",
    rate=Rate(per_second=20, burst=100),
)


def claims(**change: Any) -> dict[str, Any]:
    now = int(clock.now().timestamp())
    known = {
        "iss": ISSUER,
        "sub": WHO.user_id,
        "client_id": CLIENT,
        "token_use": "access",
        "iat": now - 10,
        "exp": now + 3600,
        "organization_id": WHO.tenant_id,
        "user_id": WHO.user_id,
        "email": WHO.email,
        "roles": list(WHO.roles),
        "permissions": sorted(WHO.permissions),
        "origin_jti": WHO.session_id,
    }
    return {name: value for name, value in {**known, **change}.items() if value is not ...}


def token(key: Any = OURS, algorithm: str = "RS256", kid: str | None = "key-1", **change: Any) -> str:
    headers = {} if kid is None else {"kid": kid}
    return jwt.encode(claims(**change), key, algorithm, headers=headers)


def ask(header: str | None) -> dict[str, Any]:
    return authorize({"headers": {} if header is None else {"authorization": header}}, None)


def socket(query: dict[str, str] | None) -> str:
    policy = authorize_socket({"queryStringParameters": query, "methodArn": ARN}, None)
    (statement,) = policy["policyDocument"]["Statement"]
    assert statement["Resource"] == ARN
    assert ("actor" in policy["context"]) == (statement["Effect"] == "Allow")
    return str(statement["Effect"])


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_good_token_makes_its_actor(scheme: str) -> None:
    answer = ask(f"{scheme} {token()}")
    assert answer["isAuthorized"] is True
    assert Actor.model_validate_json(answer["context"]["actor"]) == WHO
    assert socket({"token": token()}) == "Allow"


def test_the_actor_comes_from_where_the_edge_says(monkeypatch: pytest.MonkeyPatch) -> None:
    edge = edge_of(monkeypatch)
    bearer, gateways = token(), {"sourceIp": "198.51.100.1"}
    through = {"headers": {"authorization": f"Bearer {bearer}", **edge}, "requestContext": {"http": gateways}}
    answer = authorize(through, None)
    assert Actor.model_validate_json(answer["context"]["actor"]).address == edge["palisade-viewer"]
    around = {"headers": {"authorization": f"Bearer {bearer}", **edge, "palisade-edge": "guessed"}}
    answer = authorize({**around, "requestContext": {"http": gateways}}, None)
    assert Actor.model_validate_json(answer["context"]["actor"]).address == gateways["sourceIp"]


def test_a_socket_comes_from_where_the_edge_says(monkeypatch: pytest.MonkeyPatch) -> None:
    headers = {name.title(): value for name, value in edge_of(monkeypatch).items()}
    policy = authorize_socket(
        {
            "queryStringParameters": {"token": token()},
            "headers": headers,
            "requestContext": {"identity": {"sourceIp": "198.51.100.1"}},
            "methodArn": ARN,
        },
        None,
    )
    assert Actor.model_validate_json(policy["context"]["actor"]).address == "203.0.113.9"


def forged_with_public_key() -> str:
    """RS256's public key as the secret of HS256, as PyJWT itself refuses to sign."""
    pem = OURS.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    head, body = (part(each) for part, each in ((segment, {"alg": "HS256", "kid": "key-1"}), (segment, claims())))
    signature = hmac.digest(pem, f"{head}.{body}".encode(), hashlib.sha256)
    return f"{head}.{body}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def segment(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def unsigned(algorithm: str) -> str:
    return f"{segment({'alg': algorithm, 'kid': 'key-1'})}.{segment(claims())}."


def tampered() -> str:
    head, _, signature = token().split(".")
    return f"{head}.{segment(claims(roles=['super_admin'], permissions=['*']))}.{signature}"


BAD: dict[str, Callable[[], str]] = {
    "no algorithm": lambda: unsigned("none"),
    "no algorithm, oddly spelt": lambda: unsigned("nOnE"),
    "signature cut off": lambda: token().rpartition(".")[0] + ".",
    "public key as secret": forged_with_public_key,
    "a secret of the caller's": lambda: token("secret" * 8, "HS256"),
    "another algorithm of the same key": lambda: token(algorithm="RS512"),
    "another PSS algorithm": lambda: token(algorithm="PS256"),
    "a stranger's key under our name": lambda: token(STRANGERS),
    "a stranger's key under its name": lambda: token(STRANGERS, kid="key-2"),
    "no key named": lambda: token(kid=None),
    "a path as key": lambda: token(STRANGERS, kid="../../etc/passwd"),
    "an address as key": lambda: token(STRANGERS, kid="http://evil.example/key"),
    "claims changed": tampered,
    "ID token": lambda: token(token_use="id", aud=CLIENT),
    "refresh token": lambda: token(token_use="refresh"),
    "no use": lambda: token(token_use=...),
    "another client": lambda: token(client_id="client-2"),
    "no client": lambda: token(client_id=...),
    "another pool": lambda: token(iss=ISSUER + "x"),
    "no pool": lambda: token(iss=...),
    "from the future": lambda: token(iat=int(clock.now().timestamp()) + 600),
    "no end": lambda: token(exp=...),
    "no birth": lambda: token(iat=...),
    "no subject": lambda: token(sub=...),
    "no organisation": lambda: token(organization_id=...),
    "an organisation like none": lambda: token(organization_id="org_1#X"),
    "every organisation": lambda: token(organization_id="*"),
    "an organisation of another type": lambda: token(organization_id=7),
    "no user": lambda: token(user_id=...),
    "no roles": lambda: token(roles=...),
    "null roles": lambda: token(roles=None),
    "no session": lambda: token(origin_jti=...),
    "an unknown session": lambda: token(origin_jti="7f1f0a52-0000-4000-8000-000000000000"),
    "another's session": lambda: token(user_id="1b7ff2a0-0000-4000-8000-000000000000"),
    "another organisation than the session's": lambda: token(organization_id=new_id("org")),
    "no permissions": lambda: token(permissions=...),
    "numbers as permissions": lambda: token(permissions=7),
    "words": lambda: "not a token",
    "dots": lambda: "a.b.c",
    "nothing": lambda: "",
    "a megabyte": lambda: "A" * 1_000_000,
    "an API key": lambda: "plsd_0123456789",
}


@pytest.mark.parametrize("name", BAD)
def test_any_other_token_makes_nobody(name: str) -> None:
    bad = BAD[name]()
    answer = ask(f"Bearer {bad}")
    assert answer["isAuthorized"] is True
    assert set(answer["context"]) == {"reason", "problem"}
    assert answer["context"]["problem"] == "unauthenticated"
    assert socket({"token": bad}) == "Deny"


def test_a_token_that_has_ended_is_told_so() -> None:
    ended = token(exp=int(clock.now().timestamp()) - 60)
    assert ask(f"Bearer {ended}")["context"]["reason"] == "The token has expired."
    assert socket({"token": ended}) == "Deny"
    just_now = token(exp=int(clock.now().timestamp()) - 1)
    assert "actor" in ask(f"Bearer {just_now}")["context"]


@pytest.mark.parametrize("header", [None, "", "Basic YTpi", "Token x", "Bearer", "bearerx"])
def test_a_request_without_a_token_is_told_how_to_send_one(header: str | None) -> None:
    assert ask(header)["context"]["reason"] == "The Authorization header must carry a bearer token."


@pytest.mark.parametrize("query", [None, {}, {"token": ""}, {"TOKEN": "x"}])
def test_a_socket_without_a_token_is_refused(query: dict[str, str] | None) -> None:
    assert socket(query) == "Deny"


def test_keys_are_fetched_once_however_many_unknown_ones_are_named(pool: Receiver) -> None:
    """Nobody makes us call the pool for each forged token."""
    for number in range(5):
        assert "actor" in ask(f"Bearer {token()}")["context"]
        assert "actor" not in ask(f"Bearer {token(STRANGERS, kid=f'key-{number + 2}')}")["context"]
    assert len(pool.requests) == 1


def test_a_key_set_that_cannot_be_read_makes_nobody(pool: Receiver) -> None:
    def broken(request: BaseHTTPRequestHandler) -> None:
        request.send_response(500)
        request.send_header("Content-Length", "0")
        request.end_headers()

    pool.answer = broken
    assert "reason" in ask(f"Bearer {token()}")["context"]
    assert socket({"token": token()}) == "Deny"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_changed_character_passes(data: st.DataObject) -> None:
    good = token()
    place = data.draw(st.integers(0, len(good) - 1))
    other = data.draw(st.sampled_from("ABCabc019-_."))
    changed = good[:place] + other + good[place + 1 :]
    answer = ask(f"Bearer {changed}")
    if "actor" in answer["context"]:
        assert _same_bytes(good, changed)


def _same_bytes(one: str, other: str) -> bool:
    """The last character of a base64 part has bits that mean nothing."""

    def parts(text: str) -> list[bytes]:
        return [base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in text.split(".")]

    return parts(one) == parts(other)


def test_the_pools_own_address_is_used_where_nothing_plays_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("USER_POOL_ID", POOL)
    assert tokens._address() == ISSUER
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    assert tokens._address() == f"http://127.0.0.1:4566/{POOL}"
