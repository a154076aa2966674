"""The way in by an identity provider, and everybody who is not let in."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from contracts.access import Role
from contracts.identity import SessionRecord
from functions.identity import api
from functions.identity.model import Person, User
from functions.identity.model.provisioning import Profile
from kernel import clock
from kernel.table import Table, create
from tests.identity.federation.hosted import REDIRECT, Around
from tests.identity.federation.kit import ACME, RULES, begin, finish, log_in, ready, root, told
from tests.identity.kit import add, bearer, claims, post, refresh
from tests.identity.kit import log_in as by_password
from tests.kit import Answer, actor, call, committed_events

ANN = f"ann@{ACME}"


def session_of(answer: Answer) -> SessionRecord:
    said = claims(answer.body)
    found = Table().get_platform(SessionRecord, user_id=said["user_id"], session_id=said["origin_jti"])
    assert found is not None
    return found


def members(who: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = call(api.handler, "GET", "/users", who).body["items"]
    return found


def test_somebody_new_comes_in_by_the_first_log_in(outside: Around) -> None:
    who = actor()
    made = ready(outside, who)
    begun = begin()
    assert (begun.status, begun.body["connection"]) == (200, "Acme ID"), begun.body
    answer = finish(begun.body, outside.come_back(begun.body, ANN, name="Ann Acme"))
    assert answer.status == 200, answer.body
    said = claims(answer.body)
    assert (said["organization_id"], said["roles"], said["email"]) == (who.tenant_id, ["viewer"], ANN)
    assert [(each["email"], each["name"]) for each in members(who)] == [(ANN, "Ann Acme")]
    session = session_of(answer)
    assert (session.provider, session.tenant_id, session.mfa) == (made["connection_id"], who.tenant_id, False)
    assert [event.type for event in committed_events()][-3:] == ["UserCreated.v1", "IdentityLinked.v1", "LoggedIn.v1"]
    assert committed_events()[-1].origin.user_id == said["user_id"]
    again = refresh(answer.body)
    assert claims(again.body)["user_id"] == said["user_id"]
    assert claims(log_in(outside).body)["user_id"] == said["user_id"]
    assert len(members(who)) == 1


def test_a_provider_says_whether_a_second_factor_was_shown(outside: Around) -> None:
    ready(outside, actor())
    assert session_of(log_in(outside, **{"custom:amr": "[pwd, mfa]"})).mfa
    assert session_of(log_in(outside, **{"custom:amr": "[pwd, otp]"})).mfa
    assert not session_of(log_in(outside, **{"custom:amr": "pwd"})).mfa


def test_groups_give_the_roles_of_the_connection_at_every_log_in_and_no_others(outside: Around) -> None:
    who = actor()
    ready(outside, who, role_rules=RULES)
    first = log_in(outside, **{"custom:groups": "[analysts, organization_admin, super_admin]"})
    assert claims(first.body)["roles"] == ["analyst"]
    second = log_in(outside, **{"custom:groups": "[auditors, analysts]"})
    assert claims(second.body)["roles"] == ["analyst", "viewer"]
    third = log_in(outside, **{"custom:groups": "nobody"})
    assert claims(third.body)["roles"] == ["viewer"]
    assert [event["roles"] for event in told("MemberRolesChanged")] == [["analyst", "viewer"], ["viewer"]]


def test_who_is_in_no_group_with_a_role_is_out_and_the_sessions_end(outside: Around) -> None:
    who = actor()
    ready(outside, who, role_rules=RULES, default_roles=[])
    tokens = log_in(outside, **{"custom:groups": "analysts"}).body
    refused = log_in(outside)
    assert (refused.status, refused.problem) == (401, "no-role-by-sso")
    assert refresh(tokens).problem == "session-over"
    assert told("SsoRefused")[-1]["reason"] == "no-role-by-sso"
    stranger = log_in(outside, f"bob@{ACME}", "2")
    assert stranger.problem == "no-role-by-sso"
    assert len(members(who)) == 1


def test_the_last_administrator_stays_one_whatever_the_groups_say(outside: Around) -> None:
    who = actor()
    ready(outside, who, role_rules=[*RULES, {"group": "bosses", "role": "organization_admin"}])
    assert claims(log_in(outside, **{"custom:groups": "bosses"}).body)["roles"] == ["organization_admin"]
    assert claims(log_in(outside, **{"custom:groups": "analysts"}).body)["roles"] == ["organization_admin"]


def test_an_identity_becomes_the_member_who_has_its_address(outside: Around) -> None:
    who = actor()
    user = add(who.tenant_id, email=ANN)
    ready(outside, who)
    answer = log_in(outside)
    said = claims(answer.body)
    assert (said["user_id"], said["roles"]) == (user["user_id"], ["analyst"])
    assert told("IdentityLinked")[0]["user_id"] == user["user_id"]
    assert len(members(who)) == 1
    assert by_password(ANN).status == 200


def test_another_identity_does_not_become_the_person_by_taking_the_address_over(outside: Around) -> None:
    who = actor()
    add(who.tenant_id, email=ANN)
    ready(outside, who)
    assert log_in(outside, subject="1").status == 200
    refused = log_in(outside, subject="2")
    assert (refused.status, refused.problem) == (401, "other-identity")
    assert told("SsoRefused")[-1] == {
        "connection_id": told("SsoRefused")[-1]["connection_id"],
        "reason": "other-identity",
        "email": ANN,
    }


def test_a_person_of_another_organisation_is_brought_in_and_that_one_stays_closed(outside: Around) -> None:
    elsewhere, who = actor(), actor()
    user = add(elsewhere.tenant_id, email=ANN)
    ready(outside, who)
    tokens = log_in(outside).body
    assert claims(tokens)["user_id"] == user["user_id"]
    assert claims(tokens)["organization_id"] == who.tenant_id
    body = {"refresh_token": tokens["refresh_token"], "organization_id": elsewhere.tenant_id}
    assert post("/auth/switch", body).status == 404
    assert refresh(tokens).status == 200
    assert claims(by_password(ANN).body)["organization_id"] == elsewhere.tenant_id


def test_who_is_not_provisioned_stays_out_where_that_is_wanted(outside: Around) -> None:
    who = actor()
    ready(outside, who, just_in_time=False)
    assert log_in(outside).problem == "not-provisioned"
    assert members(who) == []
    add(who.tenant_id, email=ANN)
    assert log_in(outside).status == 200


def test_whom_the_organisations_directory_has_suspended_stays_out(outside: Around) -> None:
    who = actor()
    user = add(who.tenant_id, email=ANN)
    now = clock.timestamp()
    known = {"email": ANN, "user_name": ANN, "created_at": now, "changed_at": now}
    Table().write(create(Profile(tenant_id=who.tenant_id, user_id=user["user_id"], **known)))
    ready(outside, who)
    assert log_in(outside).status == 200
    assert call(api.handler, "DELETE", f"/organizations/{who.tenant_id}/members/{user['user_id']}", who).status == 204
    assert log_in(outside).problem == "not-provisioned"
    assert log_in(outside, subject="2").problem == "not-provisioned"
    assert members(who) == []


@pytest.mark.parametrize(
    ("said", "problem", "reason"),
    [
        ({"nonce": "another"}, "sso-mismatch", "nonce"),
        ({"provider": "sso-another"}, "sso-mismatch", "provider"),
        ({"identities": []}, "sso-mismatch", "provider"),
        ({"email": "ann@other.example"}, "foreign-address", "foreign-address"),
        ({"email": f"ann@sub.{ACME}"}, "foreign-address", "foreign-address"),
        ({"email": ""}, "foreign-address", "foreign-address"),
        ({"email": f"ann@{ACME}", "custom:verified": "false"}, "foreign-address", "foreign-address"),
    ],
)
def test_what_a_provider_may_not_say_lets_nobody_in(
    outside: Around, said: dict[str, Any], problem: str, reason: str
) -> None:
    who = actor()
    ready(outside, who)
    begun = begin().body
    email = said.pop("email", ANN)
    refused = finish(begun, outside.come_back(begun, email, **said))
    assert (refused.status, refused.problem) == (401, problem)
    assert [event["reason"] for event in told("SsoRefused")] == [reason]
    assert members(who) == []
    assert told("LoggedIn") == []


@pytest.mark.parametrize(
    ("sent", "status", "problem", "reason"),
    [
        ({"code_verifier": "w" * 64}, 401, "sso-mismatch", "verifier"),
        ({"redirect_uri": "https://app.example.com/sso/callback"}, 422, "foreign-redirect", "redirect"),
        ({"redirect_uri": "https://evil.example.com/"}, 422, "foreign-redirect", "redirect"),
        ({"code": "another-code"}, 401, "sso-over", "code"),
    ],
)
def test_what_comes_back_is_what_was_begun(
    outside: Around, sent: dict[str, str], status: int, problem: str, reason: str
) -> None:
    who = actor()
    ready(outside, who)
    begun = begin().body
    code = outside.come_back(begun, ANN)
    refused = finish(begun, **{"code": code, **sent})
    assert (refused.status, refused.problem) == (status, problem)
    assert [event["reason"] for event in told("SsoRefused")] == [reason]
    assert members(who) == []
    assert finish(begun, code).status == 200


def test_a_state_of_nobody_is_refused(outside: Around) -> None:
    ready(outside, actor())
    assert finish({"state": "s" * 43}, "code").problem == "sso-over"


def test_a_code_is_good_once(outside: Around) -> None:
    ready(outside, actor())
    begun = begin().body
    code = outside.come_back(begun, ANN)
    assert finish(begun, code).status == 200
    assert finish(begun, code).problem == "sso-over"
    assert told("SsoRefused")[-1]["reason"] == "reused"
    assert len(told("LoggedIn")) == 1


def test_a_code_of_another_log_in_is_refused_though_it_is_good(outside: Around) -> None:
    ready(outside, actor())
    mine, victims = begin().body, begin().body
    refused = finish(mine, outside.come_back(victims, ANN))
    assert (refused.status, refused.problem) == (401, "sso-mismatch")
    assert told("SsoRefused")[-1]["reason"] == "nonce"


def test_a_log_in_ends_after_ten_minutes(outside: Around) -> None:
    ready(outside, actor())
    begun = begin().body
    code = outside.come_back(begun, ANN)
    with time_machine.travel(clock.now() + timedelta(seconds=601)):
        assert finish(begun, code).problem == "sso-over"
    assert told("SsoRefused")[-1]["reason"] == "expired"


def test_nobody_is_sent_to_a_foreign_page_or_from_an_unverified_domain(outside: Around) -> None:
    who = actor()
    made = ready(outside, who)
    for foreign in ("https://evil.example.com/callback", f"{REDIRECT}/more", f"{REDIRECT}?x=1"):
        assert begin(redirect_uri=foreign).problem == "foreign-redirect"
    assert begin("ann@other.example").problem == "no-sso"
    assert begin(email=None, domain="other.example").status == 404
    assert begin(email=None, domain=ACME.upper()).status == 200
    assert begin(domain=ACME).problem == "invalid"
    path = f"{root(who)}/connections/{made['connection_id']}"
    off = {"name": "Acme ID", "enabled": False}
    begun = begin().body
    assert call(api.handler, "PUT", path, who, off).status == 200
    assert begin().problem == "no-sso"
    assert finish(begun, outside.come_back(begun, ANN)).problem == "no-sso"


def test_a_token_of_the_hosted_pages_alone_says_nothing(outside: Around) -> None:
    """Who goes past our API has tokens of Cognito's that name no organisation, until the person is known here; and then
    no session that the authorizer knows."""
    ready(outside, actor())
    begun = begin().body
    code = outside.come_back(begun, ANN)
    _, given = outside.exchange(
        {"code": code, "code_verifier": "v" * 64, "redirect_uri": REDIRECT, "client_id": "client1"}
    )
    assert "organization_id" not in claims(given)


def test_somebody_removed_comes_in_anew_and_not_as_before(outside: Around) -> None:
    who = actor()
    ready(outside, who)
    first = claims(log_in(outside).body)["user_id"]
    assert call(api.handler, "DELETE", f"/organizations/{who.tenant_id}/members/{first}", who).status == 204
    assert log_in(outside).status == 200
    assert len(members(who)) == 1
    person = Table().get_platform(Person, user_id=first)
    assert person is not None
    assert Table().get(who, User, user_id=first) is not None


def test_a_log_in_by_provider_is_a_session_like_any_other(outside: Around) -> None:
    ready(outside, actor())
    tokens = log_in(outside).body
    who = bearer(tokens)
    shown = call(api.handler, "GET", "/auth/sessions", who).body["items"]
    assert len(shown) == 1
    assert call(api.handler, "DELETE", f"/auth/sessions/{shown[0]['session_id']}", who).status == 204
    assert refresh(tokens).problem == "session-over"
    assert Role.VIEWER in who.roles
