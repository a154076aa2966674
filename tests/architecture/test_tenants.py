"""Whose data it is never comes from a request: keys, records and actors take their tenant from a verified actor."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.cdk.packaging import ROOT
from infra.generated import openapi

TENANT_NAMES = {"tenant_id", "organization_id"}
MAKERS = {
    *("functions/access/gatekeeper.py", "functions/identity/model/actors.py", "functions/organizations/actors.py"),
    "functions/intelligence/actors.py",
    "functions/realtime/socket.py",
}
"""Where an actor is made: of a verified token's claims or a key's record, of what the authorizer handed to the
WebSocket door, of what a context's own records say."""
PLATFORM_ROOMS = {
    *("access", "audit", "developers", "identity", "intelligence", "organizations", "privacy", "realtime", "scans"),
}
"""The rooms that may read items which belong to no tenant; the stack grants nobody else."""

CHOOSING = {"/auth/switch"}
"""Where a person names one of several organisations: the organisation's own record says whether it is one."""

MADE_HERE = "an actor is made here: it must come from a verified token, an event or a task (see kernel.actor)"
TAKEN_HERE = "a tenant is taken from a request or a message here: use the actor's, which was verified"
GIVEN_HERE = "a record gets its tenant from something else than an actor, an envelope or a record that has one"
PLATFORM_HERE = "an item without a tenant is read here: only the rooms that the stack names may do that"
RAW_HERE = "the table's client is used here, past the keys that an actor bounds: add a method to kernel.table"


def faults(source: str, path: str) -> Iterator[tuple[int, str]]:
    """Line and reason of everything that could let one tenant's request reach another's data."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            yield from _call(node, path)
        elif isinstance(node, ast.Subscript) and _is_tenant(node.slice) and path not in MAKERS:
            yield node.lineno, TAKEN_HERE
        elif isinstance(node, ast.Attribute) and node.attr == "client" and "table" in ast.unparse(node.value):
            yield node.lineno, RAW_HERE
        elif isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef) and "/api" in path:
            yield from ((node.lineno, TAKEN_HERE) for argument in node.args.args if argument.arg == "tenant_id")


def _call(node: ast.Call, path: str) -> Iterator[tuple[int, str]]:
    called = ast.unparse(node.func)
    if called.rpartition(".")[2] in ("get_platform", "platform_key") and _room(path) not in PLATFORM_ROOMS:
        yield node.lineno, PLATFORM_HERE
    if (called in ("Actor", "Actor.system") or called.startswith("Actor.model_")) and path not in MAKERS:
        yield node.lineno, MADE_HERE
    if called.endswith(".get") and node.args and _is_tenant(node.args[0]):
        yield node.lineno, TAKEN_HERE
    for keyword in node.keywords:
        if keyword.arg == "tenant_id" and path not in MAKERS and not _is_known(keyword.value):
            yield node.lineno, GIVEN_HERE


def _is_known(value: ast.expr) -> bool:
    """`actor.tenant_id`, or the plain name under which a function of the room hands it on."""
    return (isinstance(value, ast.Attribute) and value.attr == "tenant_id") or (
        isinstance(value, ast.Name) and value.id == "tenant_id"
    )


def _is_tenant(key: ast.expr) -> bool:
    return isinstance(key, ast.Constant) and key.value in TENANT_NAMES


def _room(path: str) -> str:
    return path.split("/")[1]


@pytest.mark.parametrize(
    "room", sorted(path.parent for path in (ROOT / "functions").glob("*/__init__.py")), ids=lambda r: r.name
)
def test_no_room_takes_a_tenant_from_anywhere_but_an_actor(room: Path) -> None:
    for file in room.rglob("*.py"):
        path = str(file.relative_to(ROOT))
        found = [f"{path}:{line}: {reason}" for line, reason in faults(file.read_text(), path)]
        assert not found, "\n".join(found)


CANARIES = {
    "an actor of the body's": ("Actor(tenant_id=body.organization)", MADE_HERE),
    "the platform for any tenant": ("actor = Actor.system(event['organization'])", MADE_HERE),
    "an actor as it was sent": ("Actor.model_validate(body)", MADE_HERE),
    "a message's own word": ("tenant = event['tenant_id']", TAKEN_HERE),
    "a header's word": ("tenant = headers.get('organization_id')", TAKEN_HERE),
    "a parameter": ("async def show(scan_id: str, tenant_id: str) -> None: ...", TAKEN_HERE),
    "a record of the body's": ("Scan(tenant_id=body.organization_id, scan_id=scan_id)", GIVEN_HERE),
    "a record of a constant": ("Scan(tenant_id='org_1', scan_id=scan_id)", GIVEN_HERE),
    "an item of nobody's": ("self._table.get_platform(Plan, name=name)", PLATFORM_HERE),
    "a key of nobody's": ("Plan.platform_key(name=name)", PLATFORM_HERE),
    "the client itself": ("self._table.client.query(TableName=name)", RAW_HERE),
}


@pytest.mark.parametrize("name", CANARIES)
def test_the_check_sees_each_way_round(name: str) -> None:
    source, reason = CANARIES[name]
    assert (1, reason) in list(faults(textwrap.dedent(source), "functions/findings/api.py"))


def test_what_is_right_passes() -> None:
    fine = """
    def add(actor, user, tenant_id):
        Scan(tenant_id=actor.tenant_id, scan_id=new_id("scan"))
        Identity(tenant_id=user.tenant_id)
        return new_finding(tenant_id=tenant_id)
    """
    assert list(faults(textwrap.dedent(fine), "functions/scans/service.py")) == []


def test_no_body_or_question_has_a_field_for_the_tenant() -> None:
    """The one in the path of `/organizations/{organization_id}` is compared with the actor's."""
    api = openapi()
    for path, item in api["paths"].items():
        for operation in item.values():
            asked = {parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] != "path"}
            assert not asked & TENANT_NAMES, path
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
            if body:
                schema = api["components"]["schemas"][body["$ref"].rpartition("/")[2]]
                assert path in CHOOSING or not set(schema["properties"]) & TENANT_NAMES, path
