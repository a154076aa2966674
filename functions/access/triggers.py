"""The gateway's authorizers, through which every request passes."""

from __future__ import annotations

from functools import cache
from typing import Any

from contracts.developers import KEY_PREFIX
from functions.access.gate import Gate
from functions.access.gatekeeper import Entrance, Visit
from functions.access.tokens import TokenRefused, verify
from kernel import observe
from kernel.actor import Actor
from kernel.errors import Problem, Unauthenticated
from kernel.viewer import viewer_address

SCHEME = "bearer "


@cache
def store() -> Entrance:
    """The process's entrance, which remembers whom it has let in."""
    return Entrance(Gate())


def authorize(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """The authorizer of the HTTP API. It lets every request with an Authorization header through to its room, with
    the verified actor or with the reason why there is none: the room answers with a problem, which the gateway
    cannot."""
    gateway = event.get("requestContext", {}).get("http", {})
    headers = event.get("headers", {})
    address = viewer_address(headers, gateway.get("sourceIp"))
    visit = Visit(gateway.get("method", ""), gateway.get("path", ""), address)
    header = headers.get("authorization", "")
    try:
        if not header.lower().startswith(SCHEME):
            raise Unauthenticated("The Authorization header must carry a bearer token.")
        actor = _admit(header[len(SCHEME) :], visit)
    except Problem as problem:
        return {"isAuthorized": True, "context": {"reason": problem.detail, "problem": problem.slug}}
    return {"isAuthorized": True, "context": {"actor": actor.model_dump_json()}}


def authorize_socket(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """The authorizer of `$connect`. A browser cannot set headers on a WebSocket, so the token comes as the query
    parameter `token`; a refused one never gets a connection."""
    token = (event.get("queryStringParameters") or {}).get("token", "")
    seen = event.get("requestContext", {}).get("identity", {}).get("sourceIp")
    address = viewer_address(event.get("headers") or {}, seen)
    try:
        actor = _admit(token, Visit("GET", "/ws", address))
    except Problem:
        return _policy("Deny", event["methodArn"], {})
    return _policy("Allow", event["methodArn"], {"actor": actor.model_dump_json()})


def _admit(bearer: str, visit: Visit) -> Actor:
    if bearer.startswith(KEY_PREFIX):
        return _from(visit, store().admit_key(bearer, visit))
    try:
        return _from(visit, store().admit_session(verify(bearer), visit))
    except TokenRefused as refused:
        raise Unauthenticated(refused.reason) from None
    except (KeyError, ValueError, TypeError) as error:
        observe.logger().warning("token refused", extra={"reason": type(error).__name__})
        raise Unauthenticated("The token is not valid here.") from None


def _from(visit: Visit, actor: Actor) -> Actor:
    """The actor with the address that it came from: the room's own gateway event names the edge's."""
    return actor.model_copy(update={"address": visit.address})


def _policy(effect: str, resource: str, context: dict[str, str]) -> dict[str, Any]:
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}
    return {
        "principalId": "user",
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": context,
    }
