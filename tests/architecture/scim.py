"""Scenes of what an organisation's own directory does by SCIM, and of what an administrator makes of its groups."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from fastapi.routing import APIRoute

from functions.identity import scim
from kernel.http.openapi import permission_of
from tests.architecture.people import played
from tests.architecture.scenes import Request
from tests.architecture.world import World
from tests.kit import Handler, call

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
ROUTES = [route for route in scim.app.routes if isinstance(route, APIRoute)]
SCIM_PERMISSIONS: dict[str, str | None] = {
    f"{method} {scim.PREFIX}{route.path}": permission_of(route)[1] for route in ROUTES for method in route.methods or ()
}
"""Every operation of the SCIM door, with the permission that it needs."""
SCIM_OPERATIONS: dict[str, Handler] = dict.fromkeys(SCIM_PERMISSIONS, scim.handler)


def _said(world: World, method: str, path: str, body: Any) -> dict[str, Any]:
    answer = call(scim.handler, method, f"{scim.PREFIX}{path}", world.who, body)
    assert answer.status in (200, 201), answer.body
    return dict(answer.body)


def _someone() -> dict[str, Any]:
    return {"schemas": [USER], "userName": f"{uuid.uuid4().hex}@example.org", "displayName": "Nora"}


def person(world: World) -> str:
    """Somebody whom the directory has named; the id."""
    played(world)
    assert world.person
    return str(_said(world, "POST", "/Users", _someone())["id"])


def group(world: World) -> str:
    """A group with somebody in it; the id."""
    members = [{"value": person(world)}]
    said = {"schemas": [GROUP], "displayName": uuid.uuid4().hex, "members": members}
    return str(_said(world, "POST", "/Groups", said)["id"])


def about(make: Callable[[World], str], path: str, body: Any = None) -> Callable[[World], Request]:
    """About a person or a group that is there."""
    return lambda world: Request(path.format(make(world)), body() if callable(body) else body)


def in_general(path: str, body: Any = None) -> Callable[[World], Request]:
    """About nobody who is there."""

    def scene(world: World) -> Request:
        person(world)
        return Request(f"{scim.PREFIX}{path}", body() if callable(body) else body)

    return scene


def administered(tail: str, body: Any = None) -> Callable[[World], Request]:
    """About a group, as the organisation's administrator sees it."""

    def scene(world: World) -> Request:
        name = group(world)
        return Request(f"/organizations/{world.who.tenant_id}/scim/groups" + (f"/{name}" if tail else ""), body)

    return scene


def _new_group() -> dict[str, Any]:
    return {"schemas": [GROUP], "displayName": uuid.uuid4().hex}


RENAMING = {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "displayName", "value": "Another"}]}
ONE_USER, ONE_GROUP = f"{scim.PREFIX}/Users/{{0}}", f"{scim.PREFIX}/Groups/{{0}}"
Scenes = dict[str, Callable[[World], Request]]
GROUPS: Scenes = {
    "GET /organizations/{organization_id}/scim/groups": administered(""),
    "GET /organizations/{organization_id}/scim/groups/{group_id}": administered("one"),
    "PUT /organizations/{organization_id}/scim/groups/{group_id}": administered("one", {"roles": ["analyst"]}),
}
SCIM: Scenes = {
    f"{method} {scim.PREFIX}{path}": scene
    for (method, path), scene in {
        ("GET", "/ServiceProviderConfig"): in_general("/ServiceProviderConfig"),
        ("GET", "/ResourceTypes"): in_general("/ResourceTypes"),
        ("GET", "/ResourceTypes/{name}"): in_general("/ResourceTypes/User"),
        ("GET", "/Schemas"): in_general("/Schemas"),
        ("GET", "/Schemas/{name}"): in_general(f"/Schemas/{USER}"),
        ("GET", "/Users"): in_general("/Users"),
        ("POST", "/Users"): in_general("/Users", _someone),
        ("GET", "/Users/{user_id}"): about(person, ONE_USER),
        ("PUT", "/Users/{user_id}"): about(person, ONE_USER, _someone),
        ("PATCH", "/Users/{user_id}"): about(person, ONE_USER, RENAMING),
        ("DELETE", "/Users/{user_id}"): about(person, ONE_USER),
        ("GET", "/Groups"): in_general("/Groups"),
        ("POST", "/Groups"): in_general("/Groups", _new_group),
        ("GET", "/Groups/{group_id}"): about(group, ONE_GROUP),
        ("PUT", "/Groups/{group_id}"): about(group, ONE_GROUP, _new_group),
        ("PATCH", "/Groups/{group_id}"): about(group, ONE_GROUP, RENAMING),
        ("DELETE", "/Groups/{group_id}"): about(group, ONE_GROUP),
        ("POST", "/.search"): in_general("/.search", {"schemas": [SEARCH]}),
        ("POST", "/Users/.search"): in_general("/Users/.search", {"schemas": [SEARCH]}),
        ("POST", "/Groups/.search"): in_general("/Groups/.search", {"schemas": [SEARCH]}),
        ("POST", "/Bulk"): in_general("/Bulk", {}),
    }.items()
}
