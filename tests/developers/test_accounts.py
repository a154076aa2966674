"""Service accounts: principals that are no people, with keys that live and end with them."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.developers import ServiceAccountBrief
from functions.developers.service import accounts
from kernel.actor import Actor
from kernel.table import Table
from tests.developers.world import made, record, role, send, settled, told
from tests.kit import committed_events

BODY = {"name": "Build server", "roles": ["analyst"]}
KEY = {"name": "x", "permissions": ["scans:read"]}


@pytest.fixture(autouse=True)
def world(cloud: None) -> None:
    """Each test has an empty cloud."""


def account(who: Actor, **fields: Any) -> str:
    answer = send("POST", "/service-accounts", who, {**BODY, **fields})
    assert answer.status == 201, answer.body
    return str(answer.body["account_id"])


def test_an_account_is_made_shown_changed_and_removed() -> None:
    who = settled()
    answer = send("POST", "/service-accounts", who, {**BODY, "description": "builds"})
    path = f"/service-accounts/{answer.body['account_id']}"
    assert answer.headers["location"].endswith(path)
    assert send("GET", path, who).body == answer.body
    assert send("GET", "/service-accounts", who).body["items"] == [answer.body]
    assert Table().get(who, ServiceAccountBrief, account_id=answer.body["account_id"])
    assert send("PUT", path, who, BODY, headers={"if-match": '"4"'}).status == 412
    changed = send("PUT", path, who, {**BODY, "name": "Other"}, headers={"if-match": '"1"'})
    assert (changed.status, changed.body["name"], changed.headers["etag"]) == (200, "Other", '"2"')
    assert send("DELETE", path, who, headers={"if-match": '"1"'}).status == 412
    assert send("DELETE", path, who).status == 204
    assert send("GET", path, who).status == 404
    assert told() == ["ServiceAccountCreated.v1", "ServiceAccountChanged.v1", "ServiceAccountDeleted.v1"]
    assert {event.category for event in committed_events()} == {"security"}


def test_its_keys_act_as_the_account() -> None:
    who = settled()
    account_id = account(who)
    key = made(who, service_account_id=account_id, permissions=["scans:create"])
    assert (key["user_id"], key["created_by"]) == (account_id, who.user_id)
    stored = record(key["key_id"])
    assert (stored.user_id, stored.roles, stored.email) == (account_id, ("analyst",), None)
    assert send("POST", f"/api-keys/{key['key_id']}/rotate", who, {}).status == 200
    refused = send(
        "POST", "/api-keys", who, {"name": "x", "permissions": ["api_keys:*"], "service_account_id": account_id}
    )
    assert (refused.status, refused.problem) == (403, "scope-not-held")


def test_disabling_it_kills_its_keys() -> None:
    who = settled()
    account_id = account(who)
    key_ids = [made(who, service_account_id=account_id)["key_id"] for _ in range(3)]
    mine = made(who)["key_id"]
    path = f"/service-accounts/{account_id}"
    assert send("PUT", path, who, {**BODY, "enabled": False}).body["enabled"] is False
    assert all(record(key_id).revoked_at for key_id in key_ids)
    assert record(mine).revoked_at is None
    assert told().count("ApiKeyRevoked.v1") == 3
    refused = send(
        "POST", "/api-keys", who, {"name": "x", "permissions": ["scans:read"], "service_account_id": account_id}
    )
    assert (refused.status, refused.problem) == (409, "service-account-disabled")
    assert send("PUT", path, who, {**BODY, "enabled": True}).body["enabled"]
    assert all(record(key_id).revoked_at for key_id in key_ids)
    assert made(who, service_account_id=account_id)


def test_as_many_keys_as_it_may_have_die_in_one_transaction() -> None:
    who = settled()
    account_id = account(who)
    key_ids = [made(who, service_account_id=account_id)["key_id"] for _ in range(20)]
    refused = send("DELETE", f"/service-accounts/{account_id}", who)
    assert (refused.status, refused.problem) == (409, "service-account-in-use")
    assert not any(record(key_id).revoked_at for key_id in key_ids)
    assert send("PUT", f"/service-accounts/{account_id}", who, {**BODY, "enabled": False}).status == 200
    assert all(record(key_id).revoked_at for key_id in key_ids)
    assert send("DELETE", f"/service-accounts/{account_id}", who).status == 204


def test_its_keys_shrink_with_its_roles() -> None:
    who = settled()
    account_id = account(who)
    key_id = made(who, service_account_id=account_id, permissions=["scans:read", "scans:create"])["key_id"]
    send("PUT", f"/service-accounts/{account_id}", who, {**BODY, "roles": ["viewer"]})
    assert record(key_id).permissions == ("scans:read",)
    assert record(key_id).roles == ("viewer",)


def test_nobody_gives_an_account_more_than_he_holds() -> None:
    who = settled()
    weak = who.model_copy(update={"permissions": frozenset({"api_keys:*", "scans:*"})})
    refused = send("POST", "/service-accounts", weak, BODY)
    assert (refused.status, refused.problem) == (403, "scope-not-held")
    assert told() == ["KeyGrantRefused.v1"]
    role(who, "role_1", "scans:read")
    account_id = account(weak, roles=["role_1"])
    grown = send("PUT", f"/service-accounts/{account_id}", weak, {**BODY, "roles": ["role_1", "analyst"]})
    assert grown.problem == "scope-not-held"


def test_a_name_is_taken_once() -> None:
    who = settled()
    first, second = account(who), account(who, name="Second")
    assert send("POST", "/service-accounts", who, {**BODY, "name": "build SERVER"}).status == 409
    refused = send("PUT", f"/service-accounts/{second}", who, BODY)
    assert refused.problem == "service-account-name-taken"
    send("DELETE", f"/service-accounts/{first}", who)
    assert send("PUT", f"/service-accounts/{second}", who, BODY).status == 200


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"roles": ["role_none"]}, "unknown-role"),
        ({"roles": ["super_admin"]}, "unknown-role"),
        ({"roles": []}, "invalid"),
        ({"roles": ["viewer"] * 21}, "invalid"),
        ({"name": " "}, "invalid"),
        ({"permissions": ["*"]}, "invalid"),
    ],
)
def test_bad_input_has_its_problem_and_changes_nothing(fields: dict[str, object], problem: str) -> None:
    who = settled()
    refused = send("POST", "/service-accounts", who, {**BODY, **fields})
    assert (refused.status, refused.problem) == (422, problem)
    assert told() == []


def test_there_are_only_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "MAX_ACCOUNTS", 1)
    who = settled()
    account(who)
    refused = send("POST", "/service-accounts", who, {**BODY, "name": "y"})
    assert (refused.status, refused.problem) == (409, "too-many-service-accounts")


def test_another_organisations_account_is_not_there() -> None:
    account_id, stranger = account(settled()), settled()
    for method, body in (("GET", None), ("PUT", BODY), ("DELETE", None)):
        assert send(method, f"/service-accounts/{account_id}", stranger, body).status == 404
    assert send("POST", "/api-keys", stranger, {**KEY, "service_account_id": account_id}).status == 404
