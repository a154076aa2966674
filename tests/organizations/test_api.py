"""The organizations API through its Lambda handler."""

from __future__ import annotations

import pytest

from contracts.access import Role
from functions.organizations import api, steps
from kernel.actor import Actor
from tests.kit import actor, call, committed_events

pytestmark = pytest.mark.usefixtures("cloud")


def founded(who: Actor) -> str:
    steps.create_organization({"tenant_id": who.tenant_id, "name": "Acme"}, None)
    return f"/organizations/{who.tenant_id}"


def test_an_organisation_is_founded_once() -> None:
    who = actor()
    path = founded(who)
    again = steps.create_organization({"tenant_id": who.tenant_id, "name": "Other"}, None)
    assert again["name"] == "Acme"
    assert call(api.handler, "GET", path, who).body["name"] == "Acme"
    assert [each["name"] for each in call(api.handler, "GET", "/organizations", who).body["items"]] == ["Acme"]
    assert [event.type for event in committed_events()] == ["OrganizationCreated.v1"]


def test_an_administrator_renames_it_as_it_was_read() -> None:
    who = actor()
    path = founded(who)
    etag = call(api.handler, "GET", path, who).headers["etag"]
    renamed = call(api.handler, "PUT", path, who, {"name": "  Acme Ltd "}, headers={"if-match": etag})
    assert (renamed.status, renamed.body["name"]) == (200, "Acme Ltd")
    stale = call(api.handler, "PUT", path, who, {"name": "Other"}, headers={"if-match": etag})
    assert (stale.status, stale.problem) == (412, "precondition-failed")
    assert call(api.handler, "GET", path, who).body["name"] == "Acme Ltd"
    assert committed_events()[-1].data["before"] == "Acme"


def test_members_and_strangers_may_not_rename_it() -> None:
    who = actor()
    path = founded(who)
    assert call(api.handler, "PUT", path, actor(Role.VIEWER, who.tenant_id), {"name": "X"}).status == 403
    assert call(api.handler, "PUT", path, actor(), {"name": "X"}).status == 404
    assert call(api.handler, "GET", path, actor()).status == 404
    assert call(api.handler, "PUT", path, who, {"name": "\u0000"}).status == 422
