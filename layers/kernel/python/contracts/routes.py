"""The API's routes: which permission each needs. The table is generated from the rooms (`python -m infra.generated`);
the authorizer asks it for the permission of a request, and people are shown it as the list of all permissions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

PATH = Path(__file__).with_name("routes.json")
PREFIX = "/api/v1"


class Route(NamedTuple):
    """One route. `permission` is None where any caller may come, or nobody is asked who he is."""

    method: str
    template: str
    permission: str | None
    summary: str

    @property
    def area(self) -> str:
        """The area of its permission; empty when it needs none."""
        return (self.permission or "").partition(":")[0]


class Match(NamedTuple):
    """The route of a request, and what stands in its path."""

    route: Route
    parameters: Mapping[str, str]

    @property
    def resource_type(self) -> str:
        """The area that the request is about, such as `scans`; empty when it needs no permission."""
        return self.route.area

    @property
    def resource_id(self) -> str | None:
        """The id of what the request is about, as far as its path says it: `scan_id` where the area is `scans`."""
        return self.parameters.get(f"{singular(self.route.area)}_id")


def routes() -> tuple[Route, ...]:
    """Every route, in the order of the table."""
    return _table()[0]


def match(method: str, path: str) -> Match | None:
    """The route that a request takes, from its raw path; a fixed part comes before a parameter. None: there is none.

    The path is decoded first, as the rooms do: `/scans/x%2Fstart` is `/scans/x/start`.
    """
    values: list[str] = []
    parts = unquote(path.removeprefix(PREFIX)).split("/")[1:]
    found = _find(_table()[1], parts, 0, method, values)
    if found is None:
        return None
    names = [part[1:-1] for part in found.template.strip("/").split("/") if part.startswith("{")]
    return Match(found, dict(zip(names, values, strict=True)))


def permission_for(method: str, path: str) -> str | None:
    """The permission that a request needs; None when it needs none, or there is no such route."""
    found = match(method, path)
    return found.route.permission if found else None


def permissions() -> frozenset[str]:
    """Every permission that some route needs."""
    return frozenset(route.permission for route in routes() if route.permission)


def singular(area: str) -> str:
    """One of an area: `policies` gives `policy`."""
    if area.endswith("ies"):
        return area[:-3] + "y"
    return area.removesuffix("s")


def _find(node: dict[str, Any], parts: list[str], position: int, method: str, values: list[str]) -> Route | None:
    if position == len(parts):
        found: Route | None = node.get(f" {method}")
        return found
    part = parts[position]
    if part in node and (found := _find(node[part], parts, position + 1, method, values)):
        return found
    if "{}" in node and part:
        values.append(part)
        if found := _find(node["{}"], parts, position + 1, method, values):
            return found
        values.pop()
    return None


@cache
def _table() -> tuple[tuple[Route, ...], dict[str, Any]]:
    """All routes, and the tree of their paths: a level for each part, ` METHOD` where a route ends."""
    known = tuple(Route(*row) for row in json.loads(PATH.read_text()))
    tree: dict[str, Any] = {}
    for route in known:
        node = tree
        for part in _parts(route.template):
            node = node.setdefault(part, {})
        node[f" {route.method}"] = route
    return known, tree


def _parts(template: str) -> Iterator[str]:
    for part in template.strip("/").split("/"):
        yield "{}" if part.startswith("{") else part
