"""Access tokens: how they are read and verified. PyJWT and its cryptography are imported by those who do: most requests
to the API do neither."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from kernel import aws

if TYPE_CHECKING:
    from jwt import PyJWKClient

ALGORITHM = "RS256"
KEYS_KEPT_SECONDS = 3600
LEEWAY_SECONDS = 5


def verify(token: str) -> dict[str, Any]:
    """The claims of an access token of our pool and client. Raises `jwt.PyJWTError` for any other token.

    The algorithm is fixed, the key comes from the pool's key set alone, and an ID token does not pass: its
    `token_use` says what it is.
    """
    import jwt

    key = _keys().get_signing_key_from_jwt(token)
    claims: dict[str, Any] = jwt.decode(
        token,
        key.key,
        algorithms=[ALGORITHM],
        issuer=_issuer(),
        leeway=LEEWAY_SECONDS,
        options={"require": ["exp", "iat", "iss", "sub"], "verify_aud": False},
    )
    if claims.get("token_use") != "access" or claims.get("client_id") != aws.setting("USER_POOL_CLIENT_ID"):
        raise jwt.InvalidAudienceError("not an access token of this application")
    return claims


def read_unverified(token: str) -> dict[str, Any]:
    """The claims of a token that the directory itself has just answered with."""
    import jwt

    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def _issuer() -> str:
    pool = aws.setting("USER_POOL_ID")
    return f"https://cognito-idp.{os.environ['AWS_REGION']}.amazonaws.com/{pool}"


@cache
def _keys() -> PyJWKClient:
    """The pool's key set, fetched once and again when an unknown key appears."""
    from jwt import PyJWKClient

    emulated = os.environ.get("AWS_ENDPOINT_URL")
    base = f"{emulated}/{aws.setting('USER_POOL_ID')}" if emulated else _issuer()
    return PyJWKClient(f"{base}/.well-known/jwks.json", cache_keys=True, lifespan=KEYS_KEPT_SECONDS, timeout=3)
