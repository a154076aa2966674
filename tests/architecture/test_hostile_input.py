"""Input that must get a clear error and do nothing else, sent to every operation with a body, an id or a cursor."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from infra.generated import openapi
from kernel.http.app import MAX_BODY, PREFIX, gateway_event
from kernel.ids import new_id
from tests.architecture.matrix import ANY_ID, owned
from tests.architecture.scenes import SCENES, Request
from tests.architecture.world import World, operations
from tests.kit import Answer, actor, call

pytestmark = pytest.mark.slow

WITH_BODY = sorted(
    f"{method.upper()} {path}"
    for path, item in openapi()["paths"].items()
    for method, operation in item.items()
    if "requestBody" in operation and operation["security"]
)
LISTS = sorted(
    f"{method.upper()} {path}"
    for path, item in openapi()["paths"].items()
    for method, operation in item.items()
    if any(parameter["name"] == "cursor" for parameter in operation.get("parameters", ())) and operation["security"]
)
WITH_ID = sorted(name for name in SCENES if "_id}" in name)
MASS_ASSIGNED = (
    "role",
    "roles_",
    "tenant_id",
    "organization_id",
    "permissions_",
    "is_admin",
    "version",
    "created_by",
    "__proto__",
)
EVIL_TENANTS = (
    *(
        "A#",
        "*",
        "${aws:PrincipalTag/tenant}",
        "TENANT#1",
        "TENANT#10",
        "org_1#SCANS",
        "..",
        "%00",
        "%2e%2e%2f",
        "org_",
    ),
    *("\u202e", "%ED%A0%80", "0" * 3000, "org_%20", "%23"),
)


@pytest.fixture
def world(cloud: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with World(monkeypatch) as made:
        yield made


def raw(world: World, name: str, path: str, body: str, **options: Any) -> Answer:
    return call(operations()[name], name.partition(" ")[0], path, world.who, raw=body, **options)


def hostile_bodies(body: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Bodies that are JSON, or nearly, and must not be taken."""
    text = json.dumps(body)
    inner = text[1:-1]
    comma = ", " if inner else ""
    for field in MASS_ASSIGNED:
        if field not in body:
            yield f"mass assignment of {field}", f'{{{inner}{comma}"{field}": "super_admin"}}'
    for name, value in {
        "a number too large": "1e400",
        "not a number": "NaN",
        "infinity": "-Infinity",
        "ten thousand digits": "9" * 10_000,
        "depth": "[" * 100_000 + "]" * 100_000,
    }.items():
        yield name, f'{{{inner}{comma}"unknown": {value}}}'
    for field, value in body.items():
        if isinstance(value, str) and "password" not in field:  # a password may hold anything: it is wrong, then
            for name, evil in {
                "NUL": "\\u0000",
                "a lone surrogate": "\\ud800",
                "right to left": "\\u202e\\u0000",
            }.items():
                yield f"{name} in {field}", json.dumps({**body, field: "@@"}).replace("@@", evil)
    yield "no object", "[]"
    yield "null", "null"
    yield "cut short", text[:-1]
    yield "UTF-16", text.encode("utf-16").decode("latin-1")
    yield "too much", json.dumps({**body, "unknown": "x" * MAX_BODY})


@pytest.mark.parametrize("name", WITH_BODY)
def test_a_hostile_body_is_refused_and_changes_nothing(name: str, world: World) -> None:
    request = SCENES[name](world)
    body = request.body if isinstance(request.body, dict) else {}
    before = owned(world.who.tenant_id)
    for what, text in hostile_bodies(body):
        answer = raw(world, name, request.path, text, headers=request.headers)
        assert answer.status in (400, 404, 413, 422), (what, answer.status, answer.body)
        assert answer.body["trace_id"]
        assert owned(world.who.tenant_id) == before, what


@pytest.mark.parametrize("name", WITH_ID)
def test_an_id_that_nothing_can_have_is_not_found(name: str, world: World) -> None:
    request = SCENES[name](world)
    before = owned(world.who.tenant_id)
    for evil in EVIL_TENANTS:
        path = ANY_ID.sub(lambda _match, evil=evil: evil, request.path, count=1)
        if path == request.path:
            return
        answer = _send(world, name, replace(request, path=path))
        assert answer.status in (403, 404, 405, 422), (evil, answer.status, answer.body)
        assert owned(world.who.tenant_id) == before, evil


@pytest.mark.parametrize("name", LISTS)
def test_a_cursor_that_was_not_given_for_this_list_is_refused(name: str, world: World) -> None:
    request = SCENES[name](world)
    for cursor in ("AAAA", "x" * 2048, "eyJwayI6IlRFTkFOVCMqIn0", _cursor_of_another(name, request)):
        if cursor is None:
            continue
        answer = _send(world, name, replace(request, query=f"cursor={cursor}&limit=1"))
        assert answer.status == 400, (cursor, answer.body)


def _cursor_of_another(name: str, request: Request) -> str | None:
    """A real cursor, of another tenant's list of the same kind."""
    if ANY_ID.search(request.path):
        return None
    stranger = actor()
    answer = call(operations()[name], "GET", request.path, stranger, query="limit=1")
    cursor: str | None = answer.body.get("next_cursor") if answer.status == 200 else None
    return cursor


def _send(world: World, name: str, request: Request) -> Answer:
    body = None if request.body is None else json.dumps(request.body)
    headers = {"content-type": "application/json", **request.headers}
    authorizer = {"actor": world.who.model_dump_json()}
    event = gateway_event(
        name.partition(" ")[0],
        PREFIX + request.path,
        query=request.query,
        headers=headers,
        body=body,
        authorizer=authorizer,
    )
    answer = operations()[name](event, None)
    return Answer(answer["statusCode"], answer["headers"], json.loads(answer.get("body") or "{}"))


def test_one_idempotency_key_of_two_tenants_is_two_commands(world: World) -> None:
    key = {"idempotency-key": "the-same"}
    scan = {"name": "Site", "targets": ["http://127.0.0.1:8000/"], "profile": "web"}
    handler = operations()["POST /scans"]
    stranger = actor(tenant_id=new_id("org"))
    mine, theirs = (call(handler, "POST", "/scans", who, scan, headers=key) for who in (world.who, stranger))
    assert mine.status == theirs.status == 201
    assert mine.body["scan_id"] != theirs.body["scan_id"]
