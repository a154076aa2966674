"""What tests of single sign-on share: a connected provider, a verified domain, a way in."""

from __future__ import annotations

from typing import Any

from functions.identity import api
from kernel.actor import Actor
from tests.identity.federation.hosted import CHALLENGE, REDIRECT, VERIFIER, Around
from tests.identity.kit import post
from tests.kit import Answer, call, committed_events

ACME = "acme.example"
RULES = [{"group": "analysts", "role": "analyst"}, {"group": "auditors", "role": "viewer"}]


def root(who: Actor) -> str:
    """Where an organisation's single sign-on is."""
    return f"/organizations/{who.tenant_id}/sso"


def connection(outside: Around, **fields: Any) -> dict[str, Any]:
    """What is said to connect an OpenID provider."""
    return {
        "kind": "oidc",
        "name": "Acme ID",
        "issuer": outside.url,
        "client_id": "palisade",
        "client_secret": "a-secret-of-acme",
        "default_roles": ["viewer"],
        **fields,
    }


def connect(outside: Around, who: Actor, **fields: Any) -> dict[str, Any]:
    """An organisation connects its OpenID provider."""
    answer = call(api.handler, "POST", f"{root(who)}/connections", who, connection(outside, **fields))
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.body
    return made


def claim(who: Actor, connection_id: str, domain: str = ACME) -> Answer:
    """An organisation names a domain."""
    body = {"domain": domain, "connection_id": connection_id}
    return call(api.handler, "POST", f"{root(who)}/domains", who, body)


def verify(who: Actor, domain: str = ACME) -> Answer:
    """An organisation says that the proof is there."""
    return call(api.handler, "POST", f"{root(who)}/domains/{domain}/verify", who)


def ready(outside: Around, who: Actor, domain: str = ACME, **fields: Any) -> dict[str, Any]:
    """An organisation has a provider and a verified domain; the connection."""
    made = connect(outside, who, **fields)
    claimed = claim(who, made["connection_id"], domain).body
    outside.texts.setdefault(claimed["record_name"], []).append(claimed["challenge"])
    answer = verify(who, domain)
    assert answer.status == 200, answer.body
    return made


def begin(email: str = f"ann@{ACME}", **fields: Any) -> Answer:
    """Somebody wants in."""
    body = {"email": email, "redirect_uri": REDIRECT, "code_challenge": CHALLENGE, **fields}
    return post("/auth/sso", {name: value for name, value in body.items() if value is not None})


def finish(begun: dict[str, Any], code: str, **fields: Any) -> Answer:
    """Somebody has come back."""
    proof = {"code": code, "state": begun["state"], "code_verifier": VERIFIER, "redirect_uri": REDIRECT}
    return post("/auth/sso/token", {**proof, **fields})


def log_in(outside: Around, email: str = f"ann@{ACME}", subject: str = "1", **said: Any) -> Answer:
    """Somebody goes all the way."""
    begun = begin(email).body
    return finish(begun, outside.come_back(begun, email, subject, **said))


def told(kind: str) -> list[dict[str, Any]]:
    """What was told of a kind."""
    return [event.data for event in committed_events() if event.type == f"{kind}.v1"]
