"""One OpenAPI 3.1 document for the whole API, merged from the rooms' applications."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from kernel.http.app import PREFIX, Room
from kernel.http.caller import Permission
from kernel.http.problems import MEDIA_TYPE, ProblemDocument

PROBLEMS = {
    "400": "The request cannot be read.",
    "401": "Nobody is logged in, or the token is no longer good.",
    "402": "The plan allows no more of it.",
    "403": "The caller may not do this, or a policy forbids it.",
    "404": "There is no such resource in the caller's organisation.",
    "405": "The resource does not support the method.",
    "409": "The resource is in a state that forbids the command.",
    "412": "The resource has changed since it was read.",
    "413": "The body is too large.",
    "422": "The request has errors.",
    "429": "A limit is used up; `Retry-After` says when to try again.",
    "500": "Something went wrong on our side.",
    "503": "A service that this needs does not answer.",
}
BARE_REFUSALS = ("401", "404")
BARE_REFUSAL = {"type": "object", "properties": {"message": {"type": "string"}}, "required": ["message"]}
"""What the gateway itself says of a request without an Authorization header, or to a path that it does not know."""
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Repeating the request with the same key and body gives the first answer, for 36 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
TITLE = "Palisade"


def document(rooms: Iterable[Room], version: str) -> dict[str, Any]:
    """The document of all rooms together, in a stable order."""
    merged: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": version, "license": {"name": "Proprietary", "identifier": "LicenseRef"}},
        "servers": [{"url": PREFIX}],
        "tags": [],
        "paths": {},
        "components": {
            "schemas": {
                "ProblemDocument": ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
            },
            "responses": {f"Problem{status}": _problem(status, text) for status, text in PROBLEMS.items()},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }
    nested = merged["components"]["schemas"]["ProblemDocument"].pop("$defs", {})
    merged["components"]["schemas"] |= nested
    for room in sorted(rooms, key=lambda room: room.context):
        _merge(merged, room)
    merged["paths"] = dict(sorted(merged["paths"].items()))
    merged["components"]["schemas"] = dict(sorted(merged["components"]["schemas"].items()))
    return merged


def permission_of(route: APIRoute) -> tuple[bool, str | None]:
    """Whether a route asks who calls, and which permission it wants."""
    for dependency in route.dependant.dependencies:
        if isinstance(dependency.call, Permission):
            return True, dependency.call.name
    return False, None


def _merge(merged: dict[str, Any], room: Room) -> None:
    part = get_openapi(title=TITLE, version="0", routes=room.routes, separate_input_output_schemas=False)
    merged["tags"].append({"name": room.context})
    for route in room.routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in sorted(route.methods or ()):
                _finish(part["paths"][route.path][method.lower()], room, route, method)
    merged["paths"] |= {path: {**merged["paths"].get(path, {}), **item} for path, item in part["paths"].items()}
    for name, schema in part.get("components", {}).get("schemas", {}).items():
        known = merged["components"]["schemas"].setdefault(name, schema)
        if known != schema and name not in ("HTTPValidationError", "ValidationError"):
            raise ValueError(f"two rooms describe {name} differently")
    for unused in ("HTTPValidationError", "ValidationError"):
        merged["components"]["schemas"].pop(unused, None)


def _finish(operation: dict[str, Any], room: Room, route: APIRoute, method: str) -> None:
    """Say what FastAPI cannot know: who may call, how it fails, what headers come with it."""
    guarded, permission = permission_of(route)
    operation["tags"] = [room.context]
    operation["operationId"] = route.name
    operation["security"] = [{"bearer": []}] if guarded else []
    if permission:
        operation["x-permission"] = permission
    if method == "POST":
        operation["parameters"] = [*operation.get("parameters", []), IDEMPOTENCY_KEY]
    for status in _failures(operation, guarded):
        operation["responses"][status] = {"$ref": f"#/components/responses/Problem{status}"}
    for status, response in operation["responses"].items():
        if "$ref" not in response:
            response["headers"] = _headers(status)


def _failures(operation: dict[str, Any], guarded: bool) -> Iterator[str]:
    has_input = "requestBody" in operation or operation.get("parameters")
    for status in PROBLEMS:
        if status in ("413", "422") and not has_input:
            operation["responses"].pop(status, None)
        elif guarded or status not in ("402", "403"):
            yield status


def _problem(status: str, description: str) -> dict[str, Any]:
    content: dict[str, Any] = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
    if status in BARE_REFUSALS:
        content["application/json"] = {"schema": BARE_REFUSAL}
    return {"description": description, "content": content, "headers": _headers(status)}


def _headers(status: str) -> dict[str, Any]:
    headers = {
        "X-Request-Id": {"description": "Names the request in logs and events.", "schema": {"type": "string"}},
        "RateLimit-Policy": {
            "description": "How many requests are allowed in which time.",
            "schema": {"type": "string"},
        },
        "RateLimit": {"description": "How many are left, and when there will be more.", "schema": {"type": "string"}},
    }
    if status in ("201", "202"):
        headers["Location"] = {"description": "Where the resource is.", "schema": {"type": "string"}}
    if status in ("429", "503"):
        headers["Retry-After"] = {"description": "Seconds to wait.", "schema": {"type": "string"}}
    return headers
