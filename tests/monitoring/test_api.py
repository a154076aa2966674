"""Health, readiness and the description of the API."""

from __future__ import annotations

import boto3
import pytest

from functions.monitoring import api, service
from tests.kit import REGION, call


def test_health_needs_nothing() -> None:
    assert call(api.handler, "GET", "/health").body == {"status": "ok"}


@pytest.mark.usefixtures("cloud")
def test_ready_asks_every_dependency() -> None:
    ready = call(api.handler, "GET", "/ready")
    assert (ready.status, ready.body["ready"]) == (200, True)
    assert {each["name"]: each["ok"] for each in ready.body["dependencies"]} == {
        "table": True,
        "facts": True,
        "bus": True,
    }
    boto3.client("dynamodb", REGION).delete_table(TableName="palisade")
    missing = call(api.handler, "GET", "/ready")
    assert (missing.status, missing.body["ready"]) == (503, False)
    assert [each["name"] for each in missing.body["dependencies"] if not each["ok"]] == ["table"]


class Slow:
    """Needs whose second one fails in its own way."""

    names = ("a", "b")

    def ask(self, name: str) -> None:
        if name == "b":
            raise ConnectionError("no route")


def test_whatever_a_dependency_raises_it_is_not_there() -> None:
    found = service.readiness(Slow())
    assert [(each.name, each.ok) for each in found.dependencies] == [("a", True), ("b", False)]
    assert not found.ready


def test_the_description_is_served_for_machines_and_for_people() -> None:
    document = call(api.handler, "GET", "/openapi.json").body
    assert document["openapi"].startswith("3.1")
    page = call(api.handler, "GET", "/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "/api/v1/openapi.json" in page.body
    assert "{openapi}" not in page.body
