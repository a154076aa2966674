"""Doors that Cognito and the gateway call: claims for new tokens, and the check of every request's token."""

from __future__ import annotations

from functools import cache
from typing import Any

import jwt

from functions.identity.model import actor_of
from functions.identity.service import standing
from functions.identity.store import Store
from functions.identity.tokens import verify
from kernel import observe

store = cache(Store)
SCHEME = "bearer "
REFUSED = (jwt.PyJWTError, KeyError, ValueError, TypeError)
"""A token that is not good, or that is and does not speak of an actor."""


def pre_token(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Cognito's pre-token-generation trigger, version 2: organisation, roles and permissions go into both tokens."""
    asked = event["request"]
    claims = standing.claims(store(), asked["userAttributes"]["sub"], asked.get("clientMetadata") or {})
    override = {"claimsToAddOrOverride": claims}
    event["response"] = {
        "claimsAndScopeOverrideDetails": {"accessTokenGeneration": override, "idTokenGeneration": override}
    }
    return event


def authorize(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """The gateway's authorizer. It lets every request with a token through to its room, with the verified actor or
    with the reason why there is none: the room answers 401 as a problem, which the gateway cannot."""
    header = event.get("headers", {}).get("authorization", "")
    if not header.lower().startswith(SCHEME):
        return _nobody("The Authorization header must carry a bearer token.")
    try:
        actor = actor_of(verify(header[len(SCHEME) :]))
    except jwt.ExpiredSignatureError:
        return _nobody("The token has expired.")
    except REFUSED as error:
        observe.logger().warning("token refused", extra={"reason": type(error).__name__})
        return _nobody("The token is not valid here.")
    return {"isAuthorized": True, "context": {"actor": actor.model_dump_json()}}


def authorize_socket(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """The authorizer of `$connect`. A browser cannot set headers on a WebSocket, so the token comes as the query
    parameter `token`; a refused one never gets a connection."""
    parameters = event.get("queryStringParameters") or {}
    try:
        actor = actor_of(verify(parameters.get("token", "")))
    except REFUSED as error:
        observe.logger().warning("token refused", extra={"reason": type(error).__name__})
        return _policy("Deny", event["methodArn"], {})
    return _policy("Allow", event["methodArn"], {"actor": actor.model_dump_json()})


def _policy(effect: str, resource: str, context: dict[str, str]) -> dict[str, Any]:
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}
    return {
        "principalId": "user",
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": context,
    }


def _nobody(reason: str) -> dict[str, Any]:
    return {"isAuthorized": True, "context": {"reason": reason}}
