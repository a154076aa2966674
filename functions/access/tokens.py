"""Access tokens: how they are read and verified. PyJWT and its cryptography are imported by those who do: most requests
to the API do neither."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from kernel import aws, observe

if TYPE_CHECKING:
    from jwt import PyJWKClient

ALGORITHM = "RS256"
KEYS_KEPT_SECONDS = 3600
LEEWAY_SECONDS = 5


class TokenRefused(Exception):
    """The token is none of ours, or not any more."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def verify(token: str) -> dict[str, Any]:
    """The claims of an access token of our pool and client. Raises TokenRefused for any other token.

    The algorithm is fixed, the key comes from the pool's key set alone, and an ID token does not pass: its
    `token_use` says what it is.
    """
    import jwt

    try:
        key = _keys().get_signing_key_from_jwt(token)
        claims: dict[str, Any] = jwt.decode(
            token,
            key.key,
            algorithms=[ALGORITHM],
            issuer=_issuer(),
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "iat", "iss", "sub"], "verify_aud": False},
        )
    except jwt.ExpiredSignatureError:
        raise TokenRefused("The token has expired.") from None
    except (jwt.PyJWTError, ValueError) as error:
        observe.logger().warning("token refused", extra={"reason": type(error).__name__})
        raise TokenRefused("The token is not valid here.") from None
    if claims.get("token_use") != "access" or claims.get("client_id") != aws.setting("USER_POOL_CLIENT_ID"):
        raise TokenRefused("The token is not an access token of this application.")
    return claims


def _issuer() -> str:
    pool = aws.setting("USER_POOL_ID")
    return f"https://cognito-idp.{os.environ['AWS_REGION']}.amazonaws.com/{pool}"


def _address() -> str:
    """Where the pool is found: at its issuer's address, or where one address plays all of AWS."""
    emulated = os.environ.get("AWS_ENDPOINT_URL")
    return f"{emulated}/{aws.setting('USER_POOL_ID')}" if emulated else _issuer()


@cache
def _keys() -> PyJWKClient:
    """The pool's key set, fetched once and again when an unknown key appears."""
    from jwt import PyJWKClient

    address = f"{_address()}/.well-known/jwks.json"
    return PyJWKClient(address, cache_keys=True, lifespan=KEYS_KEPT_SECONDS, timeout=3)
