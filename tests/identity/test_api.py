"""People through the Lambda handler."""

from __future__ import annotations

from contracts.access import Role
from functions.identity import api, triggers
from functions.identity.model import Person
from kernel.ids import new_id
from kernel.table import Table
from tests.identity.kit import add
from tests.kit import actor, call, committed_events


def test_a_person_is_added_once_and_found() -> None:
    admin = actor()
    user = add(admin.tenant_id)
    assert add(admin.tenant_id) == user
    assert [event.type for event in committed_events()] == ["UserCreated.v1"]
    assert [each["email"] for each in call(api.handler, "GET", "/users", admin).body["items"]] == ["ann@example.com"]
    assert call(api.handler, "GET", f"/users/{user['user_id']}", admin).body["name"] == "Ann"
    assert call(api.handler, "GET", f"/users/{user['user_id']}", actor()).status == 404
    assert call(api.handler, "GET", "/users", actor(Role.VIEWER, admin.tenant_id)).status == 403


def test_the_claims_of_new_tokens_come_from_the_persons_organisation() -> None:
    tenant_id = new_id("org")
    user = add(tenant_id)
    event = {"request": {"userAttributes": {"sub": user["user_id"]}}}
    given = triggers.pre_token(event, None)["response"]["claimsAndScopeOverrideDetails"]
    claims = given["accessTokenGeneration"]["claimsToAddOrOverride"]
    assert claims == given["idTokenGeneration"]["claimsToAddOrOverride"]
    assert claims["organization_id"] == tenant_id
    assert "scans:*" in claims["permissions"]
    unknown = triggers.pre_token({"request": {"userAttributes": {"sub": "nobody"}}}, None)
    assert unknown["response"]["claimsAndScopeOverrideDetails"]["accessTokenGeneration"] == {
        "claimsToAddOrOverride": {}
    }


def test_nobody_gets_claims_of_an_organisation_by_asking_for_it() -> None:
    user = add(new_id("org"))
    for wanted in (new_id("org"), "org_1#X", "*", ""):
        request = {"userAttributes": {"sub": user["user_id"]}, "clientMetadata": {"organization_id": wanted or "x"}}
        given = triggers.pre_token({"request": request}, None)["response"]["claimsAndScopeOverrideDetails"]
        assert given["accessTokenGeneration"] == {"claimsToAddOrOverride": {}}


def test_me_is_who_the_token_says() -> None:
    tenant_id = new_id("org")
    user = add(tenant_id)
    who = actor(Role.ANALYST, tenant_id, user_id=user["user_id"])
    me = call(api.handler, "GET", "/users/me", who).body
    assert (me["organization_id"], me["user_id"], me["name"]) == (tenant_id, user["user_id"], "Ann")
    assert me["permissions"] == sorted(who.permissions)
    assert call(api.handler, "GET", "/users/me").status == 401


def test_where_to_look_for_a_person_is_in_no_tenants_partition() -> None:
    user = add(new_id("org"))
    assert Table().get_platform(Person, user_id=user["user_id"]) is not None
    assert Person.platform_key(user_id="u")["pk"] == "PLATFORM#PEOPLE#u"
