"""The plan of the house, held: every room has its counterparts, every route its permission, every key its tenant."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from contracts import all_events
from infra.cdk.contexts import identity
from infra.cdk.packaging import ROOT
from infra.generated import files, rooms
from kernel.http.openapi import permission_of

ROOMS = sorted(path.parent for path in (ROOT / "functions").glob("*/__init__.py"))
OPEN_ROUTES = {
    *(("POST", f"/auth/{path}") for path in identity.BEFORE_LOG_IN),
    *(("GET", "/health"), ("GET", "/ready"), ("GET", "/openapi.json"), ("GET", "/docs")),
}
README_LINES = 12
KEY_BY_HAND = (
    "a key is built here by hand: declare it as a template on the record class, so that it cannot lack its tenant"
)


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_every_room_has_its_counterparts(room: Path) -> None:
    name = room.name
    assert (room / "service.py").exists() or (room / "service").is_dir()
    assert (room / "model.py").exists() or (room / "model").is_dir()
    assert (ROOT / "infra" / "cdk" / "contexts" / f"{name}.py").exists()
    assert list((ROOT / "tests" / name).glob("test_*.py"))
    if any(kind.context == name for kind in all_events().values()):
        assert (ROOT / "layers/kernel/python/contracts" / f"{name}.py").exists()


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_every_room_introduces_itself(room: Path) -> None:
    text = (room / "README.md").read_text()
    assert text.startswith(f"# {room.name}\n")
    for word in ("Owns", "Doors", "Items"):
        assert word in text, f"the README of {room.name} does not say: {word}"
    assert len(text.splitlines()) <= README_LINES + 8


def test_every_stack_has_its_room() -> None:
    stacks = {file.stem for file in (ROOT / "infra" / "cdk" / "contexts").glob("*.py")} - {"__init__"}
    assert stacks == {room.name for room in ROOMS}


def test_every_route_asks_who_calls_but_the_open_ones() -> None:
    unguarded = {
        (method, route.path)
        for room in rooms()
        for route in room.routes
        if isinstance(route, APIRoute) and not permission_of(route)[0]
        for method in route.methods or ()
    }
    assert unguarded == OPEN_ROUTES


def test_what_is_generated_is_up_to_date() -> None:
    stale = [str(path.relative_to(ROOT)) for path, text in files().items() if path.read_text() != text]
    assert not stale, "run `make generated`"


def keys_by_hand(source: str) -> Iterator[int]:
    """The lines that put together a partition key outside a record's declaration."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            text = "".join(part.value for part in node.values if isinstance(part, ast.Constant))
            if re.match(r"(TENANT|PLATFORM)#", text):
                yield node.lineno
        elif isinstance(node, ast.BinOp) and ast.unparse(node.left).strip("'\"").startswith(("TENANT#", "PLATFORM#")):
            yield node.lineno


def test_no_key_is_built_without_its_declaration() -> None:
    sources = [*(ROOT / "functions").rglob("*.py"), *(ROOT / "layers").rglob("*.py")]
    found = [f"{path.relative_to(ROOT)}:{line}" for path in sources for line in keys_by_hand(path.read_text())]
    assert not found, f"{found}: {KEY_BY_HAND}"


@pytest.mark.parametrize("canary", ['f"TENANT#{tenant}#SCANS"', '"TENANT#" + tenant', '"PLATFORM#" + name'])
def test_the_check_of_keys_sees_one(canary: str) -> None:
    assert list(keys_by_hand(f"key = {canary}")) == [1]
