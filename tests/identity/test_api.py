"""Log-in and users through the Lambda handler, with Cognito as moto plays it."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from contracts.access import Role
from functions.identity import api, steps, triggers
from functions.identity.model import Identity
from kernel.actor import Actor
from kernel.ids import new_id
from kernel.table import Table
from tests.kit import REGION, actor, call, committed_events

PASSWORD = "Correct-Horse-9-Battery"


@pytest.fixture(autouse=True)
def pool(cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
    cognito = boto3.client("cognito-idp", REGION)
    found = cognito.create_user_pool(PoolName="p", UsernameAttributes=["email"])["UserPool"]["Id"]
    client = cognito.create_user_pool_client(
        UserPoolId=found, ClientName="c", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    )["UserPoolClient"]["ClientId"]
    monkeypatch.setenv("USER_POOL_ID", found)
    monkeypatch.setenv("USER_POOL_CLIENT_ID", client)


def add(tenant_id: str, email: str = "ann@example.com", role: Role = Role.ANALYST) -> dict[str, Any]:
    user = {"email": email, "name": "Ann", "roles": [role.value], "password": PASSWORD}
    added: dict[str, Any] = steps.create_user({"tenant_id": tenant_id, "user": user}, None)
    return added


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


@pytest.mark.parametrize("credentials", [("ann@example.com", "wrong"), ("nobody@example.com", PASSWORD)])
def test_a_wrong_log_in_does_not_say_what_was_wrong(credentials: tuple[str, str]) -> None:
    add(new_id("org"))
    email, password = credentials
    refused = call(api.handler, "POST", "/auth/login", body={"email": email, "password": password})
    assert (refused.status, refused.problem) == (401, "wrong-credentials")
    assert refused.headers["www-authenticate"] == "Bearer"
    assert "exist" not in refused.body["detail"]


def test_a_log_in_without_an_organisation_is_refused() -> None:
    """moto runs no trigger, so its tokens name no organisation."""
    add(new_id("org"))
    refused = call(api.handler, "POST", "/auth/login", body={"email": "ann@example.com", "password": PASSWORD})
    assert (refused.status, refused.problem) == (403, "no-organization")


@pytest.mark.parametrize("body", [{}, {"email": "x", "password": "y"}, {"email": "a@b", "password": "p", "role": "x"}])
def test_a_malformed_log_in_is_refused(body: dict[str, str]) -> None:
    assert call(api.handler, "POST", "/auth/login", body=body).status == 422


def test_a_session_that_is_over_cannot_be_refreshed() -> None:
    over = call(api.handler, "POST", "/auth/refresh", body={"refresh_token": "x" * 40})
    assert (over.status, over.problem) == (401, "session-over")


def test_me_is_who_the_token_says() -> None:
    tenant_id = new_id("org")
    user = add(tenant_id)
    who = actor(Role.ANALYST, tenant_id, user_id=user["user_id"])
    me = call(api.handler, "GET", "/users/me", who).body
    assert (me["organization_id"], me["user_id"], me["name"]) == (tenant_id, user["user_id"], "Ann")
    assert me["permissions"] == sorted(who.permissions)
    assert call(api.handler, "GET", "/users/me").status == 401


def test_an_identity_belongs_to_no_tenants_partition() -> None:
    user = add(new_id("org"))
    identity = Table().get_platform(Identity, user_id=user["user_id"])
    assert identity is not None
    assert Identity.platform_key(user_id="u")["pk"] == "PLATFORM#IDENTITIES#u"
    assert Table().get(Actor.system(new_id("org")), Identity, user_id="nobody") is None
