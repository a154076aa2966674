"""The caller of a request, as the authorizer verified it. Nothing else of the request says who calls."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

from fastapi import Depends, Request
from pydantic import ValidationError

from kernel import observe
from kernel.actor import Actor
from kernel.errors import Forbidden, ForbiddenByPolicy, OtherRegion, Suspended, Unauthenticated
from kernel.limits import Admission, RateExceeded
from kernel.table import Table

REFUSALS = {problem.slug: problem for problem in (Forbidden, ForbiddenByPolicy, OtherRegion, Suspended)}
"""Why the authorizer lets nobody in, where it is not that nobody is logged in."""


class Permission:
    """A dependency that gives the actor, if it holds the permission. The OpenAPI document lists it."""

    def __init__(self, name: str | None) -> None:
        self.name = name

    async def __call__(self, request: Request) -> Actor:
        actor = caller(request)
        if self.name:
            actor.require(self.name)
        return actor


def require(permission: str | None) -> Any:
    """A parameter default: the actor, refused unless it holds the permission (None: any logged-in user)."""
    return Depends(Permission(permission))


def caller(request: Request) -> Actor:
    """The verified actor of a request. Raises Unauthenticated with the authorizer's reason."""
    known: Actor | None = getattr(request.state, "actor", None)
    if known is None:
        known = _read(request)
        _count(request, known)
        request.state.actor = known
        observe.logger().append_keys(tenant_id=known.tenant_id, user_id=known.user_id)
    return known


@cache
def admission() -> Admission:
    """The process's count of requests."""
    return Admission(Table())


def _count(request: Request, actor: Actor) -> None:
    """Hold the request against its caller's rate; the answer says how he stands."""
    if actor.rate is None and actor.key_rate is None:
        return
    try:
        request.state.standing = admission().admit(actor)
    except RateExceeded as exceeded:
        request.state.standing = exceeded.standing
        raise


def _read(request: Request) -> Actor:
    gateway = request.scope.get("aws.event", {}).get("requestContext", {})
    verified = (gateway.get("authorizer") or {}).get("lambda") or {}
    if "actor" not in verified:
        raise REFUSALS.get(verified.get("problem", ""), Unauthenticated)(verified.get("reason"))
    try:
        actor = _actor(verified["actor"])
    except ValidationError:
        raise Unauthenticated() from None
    address = actor.address or gateway.get("http", {}).get("sourceIp")
    return actor.model_copy(update={"address": address, "request_id": request.state.request_id})


@lru_cache(maxsize=256)
def _actor(text: str) -> Actor:
    """What the authorizer says of a token is the same for every request with it."""
    return Actor.model_validate_json(text)
