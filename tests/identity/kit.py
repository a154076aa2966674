"""What tests of identity share: people, log-ins, and what a token says."""

from __future__ import annotations

from typing import Any

import jwt

from contracts.access import Role
from functions.identity import api, steps
from functions.identity.model import actor_of
from kernel.actor import Actor
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


def bearer(tokens: dict[str, Any]) -> Actor:
    """Whom the authorizer would make of an access token."""
    return actor_of(claims(tokens))
