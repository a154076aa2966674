"""The module registry through its Lambda handler."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.access import Role
from contracts.modules import catalogue
from functions.modules import api
from kernel.actor import Actor
from tests.kit import Answer, actor, call, committed_events

pytestmark = pytest.mark.usefixtures("cloud")


def configure(who: Actor, config: dict[str, Any], **options: Any) -> Answer:
    return call(api.handler, "PUT", "/modules/crawler/config", who, {"config": config}, **options)


def test_the_whole_catalogue_is_listed_with_the_tenants_settings() -> None:
    who = actor()
    call(api.handler, "POST", "/modules/crawler/disable", who)
    items = {each["name"]: each for each in call(api.handler, "GET", "/modules", who).body["items"]}
    assert set(items) == set(catalogue())
    assert [name for name, each in items.items() if not each["enabled"]] == ["crawler"]
    others = call(api.handler, "GET", "/modules/crawler", actor()).body
    assert others["enabled"] is True
    assert call(api.handler, "POST", "/modules/crawler/enable", who).body["enabled"] is True


def test_a_configuration_replaces_the_one_before() -> None:
    who = actor()
    first = configure(who, {"max_pages": 10, "max_depth": 2})
    assert (first.status, first.body["config"], first.headers["etag"]) == (
        200,
        {"max_pages": 10, "max_depth": 2},
        '"1"',
    )
    second = configure(who, {"max_pages": 20}, headers={"if-match": '"1"'})
    assert (second.body["config"], second.headers["etag"]) == ({"max_pages": 20}, '"2"')
    assert configure(who, {}, headers={"if-match": '"1"'}).status == 412
    assert call(api.handler, "GET", "/modules/crawler", who).body["config"] == {"max_pages": 20}
    event = committed_events()[-1]
    assert (event.type, event.data["configured"]) == ("ModuleChanged.v1", ["max_pages"])


@pytest.mark.parametrize(
    ("config", "pointer"),
    [
        ({"max_pages": 0}, "/config/max_pages"),
        ({"max_pages": "many"}, "/config/max_pages"),
        ({"no_such": 1}, "/config/"),
    ],
)
def test_a_bad_configuration_is_refused_where_it_is_bad(config: dict[str, Any], pointer: str) -> None:
    who = actor()
    refused = configure(who, config)
    assert (refused.status, refused.problem) == (422, "bad-module-configuration")
    assert refused.body["errors"][0]["pointer"] == pointer
    assert call(api.handler, "GET", "/modules/crawler", who).body["config"] == {}
    assert committed_events() == []


def test_an_unknown_module_is_not_found_and_the_powerless_are_refused() -> None:
    assert call(api.handler, "GET", "/modules/no_such", actor()).status == 404
    assert call(api.handler, "POST", "/modules/no_such/enable", actor()).status == 404
    assert call(api.handler, "POST", "/modules/crawler/disable", actor(Role.ANALYST)).status == 403
