"""Sessions from log-in to log-out, with the pool's trigger in its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jwt
import pytest

from contracts.access import Role
from functions.identity import api, steps, triggers
from functions.identity.errors import BelongsElsewhere
from functions.identity.gateways import Cognito
from functions.identity.model import Identity
from kernel import aws
from kernel.ids import new_id
from kernel.table import Table
from tests.faults import answering, hooked, refusal
from tests.kit import Answer, call, committed_events

PASSWORD = "Correct-Horse-9-Battery"


@pytest.fixture(autouse=True)
def pool(cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
    cognito = aws.client("cognito-idp")
    found = cognito.create_user_pool(PoolName="p", UsernameAttributes=["email"])["UserPool"]["Id"]
    client = cognito.create_user_pool_client(
        UserPoolId=found, ClientName="c", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    )["UserPoolClient"]["ClientId"]
    monkeypatch.setenv("USER_POOL_ID", found)
    monkeypatch.setenv("USER_POOL_CLIENT_ID", client)


@pytest.fixture
def trigger() -> Iterator[None]:
    """Cognito asks our trigger for every token's claims; moto does not, so it is done to its answer."""

    def add_claims(model: Any, parsed: dict[str, Any], **_keywords: Any) -> None:
        result = parsed.get("AuthenticationResult")
        if model.name != "InitiateAuth" or not result:
            return
        known = jwt.decode(result["AccessToken"], options={"verify_signature": False})
        asked = triggers.pre_token({"request": {"userAttributes": {"sub": known["sub"]}}}, None)
        added = asked["response"]["claimsAndScopeOverrideDetails"]["accessTokenGeneration"]["claimsToAddOrOverride"]
        result["AccessToken"] = jwt.encode({**known, **added}, "k" * 32, "HS256")

    with hooked(add_claims, "after-call"):
        yield


def add(tenant_id: str, **fields: Any) -> dict[str, Any]:
    user = {"email": "ann@example.com", "name": "Ann", "roles": [Role.ANALYST.value], "password": PASSWORD, **fields}
    return dict(steps.create_user({"tenant_id": tenant_id, "user": user}, None))


def log_in(email: str = "ann@example.com", password: str = PASSWORD, **options: Any) -> Answer:
    return call(api.handler, "POST", "/auth/login", body={"email": email, "password": password}, **options)


@pytest.mark.usefixtures("trigger")
def test_a_log_in_gives_tokens_that_name_the_organisation_and_is_told_with_its_place() -> None:
    tenant_id = new_id("org")
    user = add(tenant_id)
    answer = log_in(headers={"x-request-id": "request-0001"})
    assert answer.status == 200, answer.body
    claims = jwt.decode(answer.body["access_token"], options={"verify_signature": False})
    assert (claims["organization_id"], claims["user_id"], claims["roles"]) == (tenant_id, user["user_id"], ["analyst"])
    assert answer.body["token_type"] == "Bearer"
    assert answer.body["expires_in"] > 0
    told = committed_events()[-1]
    assert (told.type, told.tenant_id, told.request_id) == ("LoggedIn.v1", tenant_id, "request-0001")
    assert (told.origin.user_id, told.origin.address) == (user["user_id"], "127.0.0.1")
    assert PASSWORD not in told.model_dump_json()


@pytest.mark.usefixtures("trigger")
def test_a_session_is_refreshed_and_ended() -> None:
    add(new_id("org"))
    session = log_in().body
    fresh = call(api.handler, "POST", "/auth/refresh", body={"refresh_token": session["refresh_token"]})
    assert fresh.status == 200
    assert fresh.body["access_token"]
    with answering("RevokeToken", {}) as revoked:
        out = call(api.handler, "POST", "/auth/logout", body={"refresh_token": session["refresh_token"]})
        assert len(revoked) == 1
    assert (out.status, out.body) == (204, "")


@pytest.mark.parametrize("code", ["InvalidParameterException", "NotAuthorizedException", "UnauthorizedException"])
def test_ending_a_session_that_is_over_is_no_error(code: str) -> None:
    with answering("RevokeToken", refusal(code)):
        assert call(api.handler, "POST", "/auth/logout", body={"refresh_token": "x" * 40}).status == 204


@pytest.mark.parametrize(
    "code",
    ["NotAuthorizedException", "UserNotFoundException", "PasswordResetRequiredException", "UserNotConfirmedException"],
)
def test_whatever_keeps_a_person_out_looks_the_same(code: str) -> None:
    with answering("InitiateAuth", refusal(code, "secret detail")):
        refused = log_in()
    assert (refused.status, refused.problem) == (401, "wrong-credentials")
    assert "secret detail" not in str(refused.body)


@pytest.mark.parametrize("code", ["NotAuthorizedException", "InvalidParameterException", "UserNotFoundException"])
def test_a_refresh_that_the_pool_refuses_means_logging_in_again(code: str) -> None:
    with answering("InitiateAuth", refusal(code)):
        over = call(api.handler, "POST", "/auth/refresh", body={"refresh_token": "x" * 40})
    assert (over.status, over.problem) == (401, "session-over")


def test_a_further_step_is_named() -> None:
    with answering("InitiateAuth", {"ChallengeName": "SOFTWARE_TOKEN_MFA"}):
        asked = log_in()
    assert (asked.status, asked.problem) == (409, "challenge-required")
    assert "SOFTWARE_TOKEN_MFA" in asked.body["detail"]


def test_a_person_belongs_to_one_organisation_and_no_other_one_sets_a_password() -> None:
    first, second = new_id("org"), new_id("org")
    user = add(first)
    with pytest.raises(BelongsElsewhere):
        add(second, password="Another-Horse-9-Battery")
    identity = Table().get_platform(Identity, user_id=user["user_id"])
    assert identity is not None
    assert identity.tenant_id == first
    assert [event.tenant_id for event in committed_events()] == [first]
    assert log_in(password="Another-Horse-9-Battery").problem == "wrong-credentials"
    assert log_in().problem == "no-organization"


def test_adding_a_person_again_sets_the_password_anew() -> None:
    tenant_id = new_id("org")
    assert add(tenant_id) == add(tenant_id, password="Another-Horse-9-Battery")
    assert log_in().problem == "wrong-credentials"


def test_two_organisations_that_add_one_person_at_once_do_not_share() -> None:
    """The second one's look finds nobody; the condition on the identity decides."""
    first, second = new_id("org"), new_id("org")
    add(first)
    with answering("AdminGetUser", refusal("UserNotFoundException")), pytest.raises(BelongsElsewhere):
        add(second)
    assert [event.tenant_id for event in committed_events()] == [first]


def test_a_person_without_a_password_is_invited() -> None:
    user = add(new_id("org"), password=None)
    account = aws.client("cognito-idp").admin_get_user(
        UserPoolId=aws.setting("USER_POOL_ID"), Username="ann@example.com"
    )
    assert account["UserStatus"] == "FORCE_CHANGE_PASSWORD"
    assert user["user_id"] == Cognito().enrol("ann@example.com", None)


@pytest.mark.parametrize(
    "email", ["a@b\n.example", "a b@c.example", "@", "a@", "x" * 250 + "@b.example", "a@b@c\u0000"]
)
def test_what_is_no_address_does_not_reach_the_pool(email: str) -> None:
    with answering("InitiateAuth") as asked:
        assert log_in(email).status == 422
        assert asked == []
