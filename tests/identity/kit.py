"""What tests of identity share: people, log-ins, and what a token says."""

from __future__ import annotations

import time
from typing import Any

import jwt
import pyotp

from contracts.access import Role
from functions.identity import api, steps
from functions.identity.model.accounts import Place
from functions.identity.model.actors import of_claims
from kernel.actor import Actor
from tests.identity.pool import Pool
from tests.kit import Answer, call

ANN = "ann@example.com"
PASSWORD = "Correct-Horse-9-Battery"
FIREFOX = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"}


def add(tenant_id: str, **fields: Any) -> dict[str, Any]:
    """An operator adds a person."""
    user = {"email": ANN, "name": "Ann", "roles": [Role.ANALYST.value], "password": PASSWORD, **fields}
    return dict(steps.create_user({"tenant_id": tenant_id, "user": user}, None))


def log_in(email: str = ANN, password: str = PASSWORD, headers: dict[str, str] | None = None, **more: Any) -> Answer:
    """Somebody tries to log in."""
    return post("/auth/login", {"email": email, "password": password, **more}, headers=headers)


def post(path: str, body: Any = None, who: Actor | None = None, **options: Any) -> Answer:
    """A POST to identity."""
    return call(api.handler, "POST", path, who, body, **options)


def refresh(tokens: dict[str, Any]) -> Answer:
    """A refresh with the token of an answer."""
    return post("/auth/refresh", {"refresh_token": tokens["refresh_token"]})


def claims(tokens: dict[str, Any]) -> dict[str, Any]:
    """What an access token says."""
    said: dict[str, Any] = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    return said


def send(tokens: dict[str, Any], method: str, path: str, body: Any = None, **options: Any) -> Answer:
    """A request of the person who has these tokens."""
    headers = {"authorization": f"Bearer {tokens['access_token']}", **options.pop("headers", {})}
    return call(api.handler, method, path, bearer(tokens), body, headers=headers, **options)


def with_factor(pool: Pool, tokens: dict[str, Any]) -> list[str]:
    """The person sets up a second factor; the recovery codes."""
    email = str(bearer(tokens).email)
    shown = send(tokens, "POST", "/auth/mfa/enable").body
    code = pyotp.TOTP(shown["secret"]).at(int(time.time()) - 30)
    answer = send(tokens, "POST", "/auth/mfa/verify", {"code": code})
    assert answer.status == 200, answer.body
    assert pool.people[email].has_factor
    return list(answer.body["recovery_codes"])


def bearer(tokens: dict[str, Any]) -> Actor:
    """Whom the authorizer would make of an access token."""
    return of_claims(claims(tokens), Place())
