"""The route table: the authorizer asks for the permission that the room will ask for."""

from __future__ import annotations

import re

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Match as Matched

from contracts import routes
from infra.generated import rooms, route_table
from kernel.http.openapi import permission_of

PARAMETER = re.compile(r"\{[^}]+\}")


def test_the_table_is_what_the_rooms_say() -> None:
    assert list(routes.routes()) == route_table()


def test_every_route_is_found_with_the_permission_that_its_room_asks_for() -> None:
    for room in rooms():
        for route in (each for each in room.routes if isinstance(each, APIRoute)):
            for method in route.methods or ():
                path = PARAMETER.sub("x-1", route.path)
                scope = {"type": "http", "method": method, "path": path, "headers": []}
                taken = next(each for each in room.routes if each.matches(scope)[0] is Matched.FULL)
                assert isinstance(taken, APIRoute)
                assert routes.permission_for(method, routes.PREFIX + path) == permission_of(taken)[1], (method, path)
                found = routes.match(method, path)
                assert found is not None
                assert found.route.template == taken.path


def test_a_match_says_what_the_request_is_about() -> None:
    found = routes.match("POST", "/api/v1/scans/scan_1/start")
    assert found is not None
    assert (found.route.permission, found.resource_type, found.resource_id) == ("scans:control", "scans", "scan_1")
    nested = routes.match("GET", "/api/v1/scans/scan_1/findings")
    assert nested is not None
    assert (nested.resource_type, nested.resource_id) == ("findings", None)
    collection = routes.match("GET", "/api/v1/policies")
    assert collection is not None
    assert collection.resource_id is None


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/nothing"), ("GET", "/scans/"), ("GET", "//scans"), ("get", "/scans"), ("PATCH", "/scans"), ("GET", ""),
     ("GET", "/"), ("GET", "/scans//findings"), ("GET", "/api/v2/scans")],
)  # fmt: skip
def test_what_is_no_route_is_not_found(method: str, path: str) -> None:
    assert routes.match(method, path) is None


def test_a_path_is_read_as_the_rooms_read_it() -> None:
    """An encoded slash would else hide a route from the policies: the rooms decode first, and match then."""
    assert routes.permission_for("POST", "/api/v1/scans/scan_1%2Fstart") == "scans:control"
    assert routes.permission_for("GET", "/api/v1/polic%69es") == "policies:read"
