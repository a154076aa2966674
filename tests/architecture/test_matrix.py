"""Every operation of the API x everybody who might ask: own roles, a stranger, and those who are not logged in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from contracts.access import Role
from infra.generated import openapi
from kernel.actor import Actor
from kernel.http import Response, Room, lambda_handler, require
from tests.architecture.matrix import Intruder, Uninvited, caller, issuing, role_faults
from tests.architecture.scenes import SCENES, Request
from tests.architecture.scim import SCIM, SCIM_OPERATIONS, SCIM_PERMISSIONS
from tests.architecture.world import World, operations
from tests.kit import Handler

pytestmark = pytest.mark.slow


def guarded() -> dict[str, str | None]:
    """The operations that ask who calls, with the permission that each needs."""
    return {
        f"{method.upper()} {path}": operation.get("x-permission")
        for path, item in openapi()["paths"].items()
        for method, operation in item.items()
        if operation["security"]
    }


GUARDED = guarded() | SCIM_PERMISSIONS
ASKED = SCENES | SCIM
OPEN = {
    *("GET /health", "GET /ready"),
    *("POST /auth/login", "POST /auth/logout", "POST /auth/refresh", "POST /auth/register", "POST /auth/challenge"),
    *("POST /auth/forgot-password", "POST /auth/reset-password", "POST /auth/resend-code", "POST /auth/switch"),
    *("POST /auth/verify-email", "POST /auth/sso", "POST /auth/sso/token"),
}
"""What somebody may ask who is not logged in. A new one is written here by hand, by somebody who means it."""


def doors() -> dict[str, Handler]:
    """The handler of every operation, of the API and of SCIM beside it."""
    return operations() | SCIM_OPERATIONS


@pytest.fixture
def world(cloud: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with issuing(monkeypatch), World(monkeypatch) as made:
        yield made


def test_every_operation_is_in_the_matrix() -> None:
    assert set(GUARDED) | OPEN == set(doors())
    assert set(GUARDED) <= set(ASKED)


@pytest.mark.parametrize("name", sorted(GUARDED))
def test_nobody_who_is_not_logged_in_is_answered(name: str, world: World) -> None:
    request = ASKED[name](world)
    assert Uninvited(world.who.tenant_id).faults(doors()[name], name.partition(" ")[0], request) == []


@pytest.mark.parametrize("name", sorted(GUARDED))
def test_a_stranger_finds_nothing_and_changes_nothing(name: str, world: World) -> None:
    request = ASKED[name](world)
    assert Intruder(world.who.tenant_id).faults(doors()[name], name.partition(" ")[0], request) == []


@pytest.mark.parametrize("name", sorted(GUARDED))
def test_each_role_may_what_its_permissions_say(name: str, world: World) -> None:
    request, method = ASKED[name](world), name.partition(" ")[0]
    faults = [
        fault
        for role in (Role.VIEWER, Role.ORGANIZATION_MEMBER, Role.ANALYST, Role.ORGANIZATION_ADMIN, Role.SUPER_ADMIN)
        for fault in role_faults(doors()[name], method, request, world.who.tenant_id, role, GUARDED[name])
    ]
    assert faults == []


class Planted:
    """Routes that must not be, to see that the matrix sees them."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        room = Room("planted")

        @room.get("/leak/{scan_id}")
        async def leak(scan_id: str, actor: Actor = require("scans:read")) -> Response:
            return Response(f'{{"found": "{self.kept.get(scan_id, "")}"}}', media_type="application/json")

        @room.get("/open/{scan_id}")
        async def unguarded(scan_id: str) -> Response:
            return Response("{}", media_type="application/json")

        @room.get("/unasked/{scan_id}")
        async def unasked(scan_id: str, actor: Actor = require(None)) -> Response:
            return Response("{}", media_type="application/json")

        @room.get("/telling/{scan_id}")
        async def telling(scan_id: str, actor: Actor = require("scans:read")) -> Response:
            return Response("{}", 404 if scan_id not in self.kept else 403, media_type="application/json")

        self.handler: Any = lambda_handler(room)


def test_the_matrix_sees_a_planted_leak(world: World) -> None:
    planted, scan_id = Planted(), world.scan().rpartition("/")[2]
    planted.kept[scan_id] = f"{scan_id} of {world.who.tenant_id}"
    intruder, tenant = Intruder(world.who.tenant_id), world.who.tenant_id
    leaked = intruder.faults(planted.handler, "GET", Request(f"/leak/{scan_id}"))
    assert f"shows {tenant}" in leaked
    assert any("tells" in fault for fault in intruder.faults(planted.handler, "GET", Request(f"/telling/{scan_id}")))
    uninvited = Uninvited(tenant)
    assert len(uninvited.faults(planted.handler, "GET", Request(f"/open/{scan_id}"))) == 7
    assert uninvited.faults(planted.handler, "GET", Request(f"/unasked/{scan_id}")) == []
    unasked = Request(f"/unasked/{scan_id}")
    assert role_faults(planted.handler, "GET", unasked, tenant, Role.VIEWER, "audit:read") == [
        "answers 200 to viewer, who lacks audit:read"
    ]
    assert role_faults(planted.handler, "GET", Request(f"/leak/{scan_id}"), tenant, Role.VIEWER, None) == []
    assert caller(Role.VIEWER, tenant).tenant_id == tenant
