"""API keys: shown once, never above their maker or owner, rotated with overlap, revoked for good."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.access import Role, covers, permissions_of
from contracts.developers import digest, parse
from contracts.routes import permissions
from functions.developers.service import keys
from kernel import aws, clock
from kernel.actor import Rate
from kernel.table import Table, update
from tests.developers.world import BODY, SCOPES, made, membership, person, record, role, send, settled, told
from tests.kit import committed_events

KNOWN = sorted(permissions())


@pytest.fixture(autouse=True)
def world(cloud: None) -> None:
    """Each test has an empty cloud."""


def test_a_key_is_made_shown_changed_and_revoked() -> None:
    who = settled()
    key = made(who, networks=["203.0.113.0/24"], ends_at="2099-01-01T00:00:00Z")
    token = key.pop("token")
    parsed = parse(token)
    assert parsed is not None
    key_id, secret = parsed
    stored = record(key_id)
    assert stored.hashes == (digest(secret),)
    assert (stored.tenant_id, stored.user_id, stored.email) == (who.tenant_id, who.user_id, "p@example.com")
    assert (stored.permissions, stored.networks) == (tuple(SCOPES), ("203.0.113.0/24",))
    assert stored.ends_at == datetime(2099, 1, 1, tzinfo=UTC).timestamp()
    assert stored.roles == ("organization_admin",)
    path = f"/api-keys/{key_id}"
    assert send("GET", path, who).body == key
    assert send("GET", "/api-keys", who).body["items"] == [key]
    body = {"name": "CI 2", "permissions": ["scans:read"], "requests_per_second": 5}
    assert send("PUT", path, who, body, headers={"if-match": '"8"'}).status == 412
    changed = send("PUT", path, who, body, headers={"if-match": '"1"'})
    assert (changed.status, changed.headers["etag"], changed.body["networks"]) == (200, '"2"', [])
    stored = record(key_id)
    assert (stored.permissions, stored.requests_per_second, stored.ends_at) == (("scans:read",), 5, 0)
    assert send("DELETE", path, who, headers={"if-match": '"1"'}).status == 412
    assert send("DELETE", path, who).status == 204
    gone = send("GET", path, who).body
    assert (gone["status"], gone["revoked_because"]) == ("revoked", "revoked by a person")
    stored = record(key_id)
    assert stored.revoked_at
    assert stored.is_shown_by(secret, 0), "who still shows it is known to show a revoked one"
    assert send("DELETE", path, who).status == 204
    for method, where, payload in (("PUT", path, body), ("POST", f"{path}/rotate", {})):
        refused = send(method, where, who, payload)
        assert (refused.status, refused.problem) == (409, "api-key-revoked")
    assert told() == ["ApiKeyCreated.v1", "ApiKeyChanged.v1", "ApiKeyRevoked.v1"]
    assert {event.category for event in committed_events()} == {"security"}


def test_the_text_is_shown_once_and_never_stored() -> None:
    who = settled()
    header = {"idempotency-key": "make-1"}
    first = send("POST", "/api-keys", who, BODY, headers=header)
    token = first.body["token"]
    secret = token.rpartition("_")[2]
    assert secret not in str(aws.client("dynamodb").scan(TableName="palisade")["Items"])
    again = send("POST", "/api-keys", who, BODY, headers=header)
    assert again.body == first.body
    assert again.headers["idempotency-replayed"] == "true"
    assert "token" not in send("GET", f"/api-keys/{first.body['key_id']}", who).body
    assert secret not in json.dumps([event.data for event in committed_events()])
    assert len(send("GET", "/api-keys", who).body["items"]) == 1


def test_a_key_does_no_more_than_its_maker() -> None:
    who = settled()
    weak = who.model_copy(update={"permissions": frozenset({"api_keys:*", "scans:read"})})
    for wanted in (["findings:read"], ["scans:*"], ["scans:read", "audit:read"]):
        refused = send("POST", "/api-keys", weak, {**BODY, "permissions": wanted})
        assert (refused.status, refused.problem) == (403, "scope-not-held")
    assert told() == ["KeyGrantRefused.v1"] * 3
    assert send("POST", "/api-keys", weak, {**BODY, "permissions": ["scans:read"]}).status == 201


def test_a_key_does_no_more_than_its_owner_may_now() -> None:
    """The token still says what the organisation has taken away meanwhile."""
    who = settled()
    person(who, who.user_id, "viewer")
    refused = send("POST", "/api-keys", who, {**BODY, "permissions": ["scans:create"]})
    assert (refused.status, refused.problem) == (403, "scope-not-held")
    assert told() == ["KeyGrantRefused.v1"]
    assert made(who)["permissions"] == SCOPES


def test_custom_roles_count() -> None:
    who = settled()
    role(who, "role_1", "scans:control", "api_keys:*")
    person(who, who.user_id, "role_1")
    mine = who.model_copy(update={"permissions": frozenset({"scans:control", "api_keys:*"})})
    assert made(mine, permissions=["scans:control"])["permissions"] == ["scans:control"]


def test_who_is_not_in_the_organisation_owns_no_key() -> None:
    """A provider's person has the customer's permissions by delegation; a key would outlive it."""
    who = settled()
    visitor = who.model_copy(update={"user_id": "user_of_a_provider", "provider_id": "org_p"})
    refused = send("POST", "/api-keys", visitor, BODY)
    assert (refused.status, refused.problem) == (403, "key-owner-not-a-member")


def test_a_key_acts_with_its_owners_teams() -> None:
    who = settled()
    membership(who, who.user_id, "team_1")
    assert record(made(who)["key_id"]).teams == ("team_1",)


def test_rotation_lets_both_secrets_in_for_a_while() -> None:
    who = settled()
    key = made(who)
    path = f"/api-keys/{key['key_id']}/rotate"
    now = clock.now()
    with time_machine.travel(now, tick=False):
        rotated = send("POST", path, who, {"overlap_minutes": 60})
        assert rotated.status == 200
        old, new = key["token"].rpartition("_")[2], rotated.body["token"].rpartition("_")[2]
        stored = record(key["key_id"])
        assert stored.is_shown_by(new, now.timestamp())
        assert stored.is_shown_by(old, now.timestamp() + 3500)
        assert not stored.is_shown_by(old, now.timestamp() + 3601)
        third = send("POST", path, who, {"overlap_minutes": 0}).body["token"].rpartition("_")[2]
    stored = record(key["key_id"])
    assert stored.is_shown_by(third, now.timestamp())
    assert not stored.is_shown_by(new, now.timestamp() + 1)
    assert not stored.is_shown_by(old, now.timestamp())
    assert told() == ["ApiKeyCreated.v1", "ApiKeyRotated.v1", "ApiKeyRotated.v1"]


def test_nobody_gets_the_secret_of_another_persons_key() -> None:
    who = settled()
    key = made(who)
    other = settled(tenant_id=who.tenant_id)
    refused = send("POST", f"/api-keys/{key['key_id']}/rotate", other, {})
    assert (refused.status, refused.problem) == (403, "not-the-keys-owner")
    weak = who.model_copy(update={"permissions": frozenset({"api_keys:*"})})
    assert send("POST", f"/api-keys/{key['key_id']}/rotate", weak, {}).problem == "scope-not-held"
    assert send("DELETE", f"/api-keys/{key['key_id']}", other).status == 204


def test_a_key_that_has_ended_says_so() -> None:
    who = settled()
    soon = clock.timestamp(clock.now() + timedelta(hours=1))
    key = made(who, ends_at=soon)
    with time_machine.travel(clock.now() + timedelta(hours=2)):
        assert send("GET", f"/api-keys/{key['key_id']}", who).body["status"] == "ended"
        refused = send("POST", f"/api-keys/{key['key_id']}/rotate", who, {})
        assert (refused.status, refused.problem) == (409, "api-key-ended")
        longer = {**BODY, "ends_at": clock.timestamp(clock.now() + timedelta(hours=1))}
        assert send("PUT", f"/api-keys/{key['key_id']}", who, longer).body["status"] == "active"


def test_when_a_key_was_last_used_is_shown() -> None:
    who = settled()
    key = made(who)
    stored = record(key["key_id"])
    stored.last_used_at = "2026-01-01T00:00:00.000Z"
    Table().write(update(stored))
    assert send("GET", f"/api-keys/{key['key_id']}", who).body["last_used_at"] == stored.last_used_at
    assert send("GET", "/api-keys", who).body["items"][0]["last_used_at"] == stored.last_used_at
    assert send("PUT", f"/api-keys/{key['key_id']}", who, BODY).status == 200


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"permissions": ["scans:fly"]}, "unknown-scope"),
        ({"permissions": ["moons:*"]}, "unknown-scope"),
        ({"permissions": ["*"]}, "invalid"),
        ({"permissions": []}, "invalid"),
        ({"networks": ["203.0.113.7/24"]}, "bad-network"),
        ({"networks": ["0.0.0.0/0"]}, "bad-network"),
        ({"networks": ["::/0"]}, "bad-network"),
        ({"networks": ["office"]}, "bad-network"),
        ({"networks": ["10.0.0.0/99"]}, "bad-network"),
        ({"networks": ["10.0.0.0/8"] * 51}, "invalid"),
        ({"ends_at": "2020-01-01T00:00:00Z"}, "key-ends-in-the-past"),
        ({"ends_at": "2099-01-01T00:00:00"}, "invalid"),
        ({"requests_per_second": 0}, "invalid"),
        ({"requests_per_second": "NaN"}, "invalid"),
        ({"requests_per_second": 50}, "limit-above-plan"),
        ({"name": ""}, "invalid"),
        ({"user_id": "user_other"}, "invalid"),
        ({"hashes": ["0"]}, "invalid"),
    ],
)
def test_bad_input_has_its_problem_and_changes_nothing(fields: dict[str, object], problem: str) -> None:
    who = settled(rate=Rate(per_second=20, burst=100))
    refused = send("POST", "/api-keys", who, {**BODY, **fields})
    assert (refused.status, refused.problem) == (422, problem)
    assert told() == []
    assert send("GET", "/api-keys", who).body["items"] == []


def test_there_are_only_so_many_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    who = settled()
    monkeypatch.setattr(keys, "MAX_KEYS_OF_ONE", 1)
    first = made(who)
    assert send("POST", "/api-keys", who, BODY).problem == "too-many-keys"
    send("DELETE", f"/api-keys/{first['key_id']}", who)
    made(who)
    monkeypatch.setattr(keys, "MAX_KEYS", 1)
    assert send("POST", "/api-keys", settled(tenant_id=who.tenant_id), BODY).problem == "too-many-keys"


def test_another_organisations_key_is_not_there() -> None:
    key_id, stranger = made(settled())["key_id"], settled()
    for method, path, body in (
        ("GET", "", None), ("PUT", "", BODY), ("DELETE", "", None), ("POST", "/rotate", {}),
    ):  # fmt: skip
        refused = send(method, f"/api-keys/{key_id}{path}", stranger, body)
        assert (refused.status, refused.problem) == (404, "not-found"), method
    assert send("GET", "/api-keys", stranger).body["items"] == []
    assert record(key_id).revoked_at is None


@pytest.mark.parametrize("default", [Role.VIEWER, Role.ANALYST, Role.ORGANIZATION_MEMBER])
def test_only_administrators_handle_keys(default: Role) -> None:
    who = settled(default)
    assert send("GET", "/api-keys", who).status == 403
    assert send("POST", "/api-keys", who, BODY).status == 403


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    held=st.frozensets(st.sampled_from([*KNOWN, "scans:*", "findings:*", "*"]), max_size=5),
    roles=st.frozensets(st.sampled_from([each.value for each in Role][1:]), max_size=2),
    wanted=st.lists(st.sampled_from([*KNOWN, "scans:*", "findings:*"]), min_size=1, max_size=4),
)
def test_whatever_is_asked_for_a_key_never_exceeds_its_maker_nor_its_owner(
    held: frozenset[str], roles: frozenset[str], wanted: list[str]
) -> None:
    who = settled()
    person(who, who.user_id, *sorted(roles))
    maker = who.model_copy(update={"permissions": held | {"api_keys:create"}})
    answer = send("POST", "/api-keys", maker, {**BODY, "permissions": wanted})
    owned = permissions_of(tuple(roles))
    fits = all(covers(maker.permissions, each) and covers(owned, each) for each in wanted)
    assert (answer.status == 201) is fits
    if fits:
        given_ = record(answer.body["key_id"]).permissions
        for asked in KNOWN:
            assert not covers(given_, asked) or (covers(maker.permissions, asked) and covers(owned, asked))
