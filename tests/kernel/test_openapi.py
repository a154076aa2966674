"""The API's description: valid OpenAPI 3.1, complete, and true about who may call what."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel

from contracts.access import AREAS
from infra.generated import openapi, rooms
from kernel.actor import Actor
from kernel.http import Room, require
from kernel.http.openapi import document, permission_of

UNDESCRIBED = {("GET", "/openapi.json"), ("GET", "/docs")}
ANY_USER = {
    *(("GET", path) for path in ("/plans", "/users/me", "/users/me/organizations")),
    *((method, "/auth/sessions") for method in ("GET", "DELETE")),
    *(("PUT", "/users/me"), ("DELETE", "/auth/sessions/{session_id}"), ("POST", "/invitations/accept")),
    ("DELETE", "/users/me/organizations/{organization_id}"),
    ("POST", "/auth/change-password"),
    *((method, "/privacy/exports") for method in ("GET", "POST")),
    *((method, "/privacy/exports/{export_id}") for method in ("GET", "DELETE")),
    *(("POST", f"/auth/mfa/{path}") for path in ("enable", "disable", "verify", "recovery-codes")),
}
"""Routes that need a log-in and no permission: they are about the caller alone."""


@pytest.fixture(scope="module")
def api() -> dict[str, Any]:
    return json.loads(json.dumps(openapi()))


def routes() -> Iterator[tuple[str, str, APIRoute]]:
    for room in rooms():
        for route in room.routes:
            if isinstance(route, APIRoute):
                for method in route.methods or ():
                    yield method, route.path, route


def operations(api: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in api["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def test_the_document_is_valid(api: dict[str, Any]) -> None:
    assert list(OpenAPIV31SpecValidator(api).iter_errors()) == []


def test_the_validator_would_see_a_fault(api: dict[str, Any]) -> None:
    broken = copy.deepcopy(api)
    broken["paths"]["/scans"]["get"]["operationId"] = broken["paths"]["/scans"]["post"]["operationId"]
    assert list(OpenAPIV31SpecValidator(broken).iter_errors())


def test_every_route_is_described(api: dict[str, Any]) -> None:
    described = {(method, path) for method, path, _ in operations(api)}
    assert described == {(method, path) for method, path, _ in routes()} - UNDESCRIBED


def test_every_guard_is_told(api: dict[str, Any]) -> None:
    told = {(method, path): operation for method, path, operation in operations(api)}
    for method, path, route in routes():
        if (method, path) in UNDESCRIBED:
            continue
        guarded, permission = permission_of(route)
        operation = told[method, path]
        assert operation["security"] == ([{"bearer": []}] if guarded else []), path
        assert operation.get("x-permission") == permission, path
        assert ("403" in operation["responses"]) == guarded, path
        if guarded and permission is None:
            assert (method, path) in ANY_USER


def test_permissions_belong_to_areas_that_roles_know(api: dict[str, Any]) -> None:
    wanted = {operation["x-permission"] for _, _, operation in operations(api) if "x-permission" in operation}
    assert {permission.partition(":")[0] for permission in wanted} <= set(AREAS)


def test_operations_have_names_words_and_ids(api: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(api)]
    assert len(set(names)) == len(names)
    for _, path, operation in operations(api):
        assert operation.get("description"), path
        for status, response in operation["responses"].items():
            headers = resolved(api, response)["headers"]
            assert "X-Request-Id" in headers, (path, status)
            assert ("Location" in headers) == (status in ("201", "202")), (path, status)


def test_posts_take_an_idempotency_key_and_nothing_else_does(api: dict[str, Any]) -> None:
    for method, path, operation in operations(api):
        names = {resolved(api, parameter)["name"] for parameter in operation.get("parameters", [])}
        assert ("Idempotency-Key" in names) == (method == "POST"), path


def test_unknown_fields_of_a_body_are_refused_by_its_schema(api: dict[str, Any]) -> None:
    for _, path, operation in operations(api):
        if "requestBody" in operation:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            assert resolved(api, schema).get("additionalProperties") is False, path


SHOWN_ONCE = {"Enrolment"}
"""What holds a secret that its owner must see: the key of a second factor, when it is set up."""


def test_nothing_hidden_is_described(api: dict[str, Any]) -> None:
    hidden = {"tenant_id", "expires_at", "resume_token", "secret", "payload"}
    for name, schema in api["components"]["schemas"].items():
        assert hidden.isdisjoint(schema.get("properties", ())) or name in SHOWN_ONCE, name


def resolved(api: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        target: Any = api
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def test_two_rooms_cannot_describe_one_name_differently() -> None:
    def room(context: str, kind: type) -> Room:
        app = Room(context)

        @app.get(f"/{context}", response_model=type("Thing", (BaseModel,), {"__annotations__": {"size": kind}}))
        async def show(_actor: Actor = require(None)) -> None: ...

        return app

    assert set(document([room("a", int), room("b", int)], "1")["paths"]) == {"/a", "/b"}
    with pytest.raises(ValueError, match="Thing differently"):
        document([room("a", int), room("b", str)], "1")
