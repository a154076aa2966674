"""Custom roles: made of permissions that exist and that the maker holds, with a name of their own, kept while used."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.access import AREAS, CustomRole, Role, covers, narrowed
from contracts.developers import ServiceAccountBrief
from contracts.routes import permissions
from kernel.actor import Actor
from kernel.table import Table, create
from tests.access.world import person, send, settled
from tests.kit import actor, committed_events

BODY = {"name": "Night watch", "permissions": ["scans:read", "findings:*"]}
KNOWN = sorted(permissions())
HELD = st.frozensets(st.sampled_from([*KNOWN, *(f"{area}:*" for area in AREAS), "*"]), max_size=6)


@pytest.fixture(autouse=True)
def world(cloud: None) -> None:
    """Each test has an empty cloud."""


def told() -> list[str]:
    return [event.type for event in committed_events()]


def test_a_role_is_made_shown_changed_and_removed() -> None:
    who = settled()
    made = send("POST", "/roles", who, BODY)
    assert made.status == 201
    role_id = made.body["role_id"]
    path = f"/roles/{role_id}"
    assert made.headers["location"].endswith(path)
    assert made.body["permissions"] == ["findings:*", "scans:read"]
    assert send("GET", path, who).body == made.body
    stored = Table().get(who, CustomRole, role_id=role_id)
    assert stored is not None
    assert stored.permissions == ("findings:*", "scans:read")
    body = {**BODY, "name": "Day watch", "permissions": ["scans:read"]}
    assert send("PUT", path, who, body, headers={"if-match": '"7"'}).status == 412
    changed = send("PUT", path, who, body, headers={"if-match": '"1"'})
    assert (changed.status, changed.body["name"], changed.headers["etag"]) == (200, "Day watch", '"2"')
    assert send("DELETE", path, who, headers={"if-match": '"1"'}).status == 412
    assert send("DELETE", path, who).status == 204
    assert send("GET", path, who).status == 404
    assert told() == ["RoleChanged.v1"] * 3
    last = committed_events()[-1]
    assert (last.data["permissions"], last.data["before"]) == ([], ["scans:read"])
    assert last.category == "security"


def test_the_default_roles_are_listed_and_cannot_be_changed() -> None:
    who = settled()
    send("POST", "/roles", who, BODY)
    listed = send("GET", "/roles", who).body["items"]
    assert [role["role_id"] for role in listed if role["is_default"]] == [
        "organization_admin", "organization_member", "analyst", "viewer",
    ]  # fmt: skip
    assert listed[-1]["name"] == "Night watch"
    assert send("GET", "/roles/analyst", who).body["is_default"]
    assert send("GET", "/roles/super_admin", who).status == 404
    for method, body in (("PUT", BODY), ("DELETE", None)):
        refused = send(method, "/roles/analyst", who, body)
        assert (refused.status, refused.problem) == (409, "default-role")


def test_the_list_is_cut_into_pages() -> None:
    who = settled()
    send("POST", "/roles", who, BODY)
    first = send("GET", "/roles", who, query="limit=3")
    assert len(first.body["items"]) == 3
    second = send("GET", "/roles", who, query=f"limit=3&cursor={first.body['next_cursor']}")
    assert second.body["items"][0]["role_id"] == "viewer"
    assert second.body["next_cursor"] is None
    stranger = send("GET", "/roles", settled(), query=f"cursor={first.body['next_cursor']}")
    assert (stranger.status, stranger.problem) == (400, "bad-request")


def test_nobody_puts_a_permission_into_a_role_that_he_does_not_hold() -> None:
    admin = settled()
    limited = admin.model_copy(update={"permissions": frozenset({"roles:*", "scans:read", "findings:*"})})
    assert send("POST", "/roles", limited, BODY).status == 201
    for wanted in (["scans:create"], ["scans:*"], ["audit:read"]):
        refused = send("POST", "/roles", limited, {"name": "more", "permissions": wanted})
        assert (refused.status, refused.problem) == (403, "permission-not-held")
    assert told() == ["RoleChanged.v1", *["GrantRefused.v1"] * 3]
    assert committed_events()[-1].category == "security"


def test_what_a_role_has_already_stays_when_another_changes_its_name() -> None:
    admin = settled()
    role_id = send("POST", "/roles", admin, {"name": "Auditors", "permissions": ["audit:read"]}).body["role_id"]
    limited = admin.model_copy(update={"permissions": frozenset({"roles:*", "scans:read"})})
    kept = send("PUT", f"/roles/{role_id}", limited, {"name": "Checkers", "permissions": ["audit:read", "scans:read"]})
    assert kept.body["permissions"] == ["audit:read", "scans:read"]
    grown = send("PUT", f"/roles/{role_id}", limited, {"name": "Checkers", "permissions": ["audit:read", "api_keys:*"]})
    assert grown.problem in ("permission-not-held", "unknown-permission")


def test_a_name_is_taken_once_whatever_its_case() -> None:
    who = settled()
    first = send("POST", "/roles", who, BODY).body
    for name in ("Night watch", "NIGHT WATCH", " night watch "):
        refused = send("POST", "/roles", who, {**BODY, "name": name})
        assert (refused.status, refused.problem) == (409, "name-taken")
    assert send("POST", "/roles", who, {**BODY, "name": "Analyst"}).problem == "name-taken"
    second = send("POST", "/roles", who, {**BODY, "name": "Second"}).body
    assert send("PUT", f"/roles/{second['role_id']}", who, BODY).problem == "name-taken"
    send("DELETE", f"/roles/{first['role_id']}", who)
    assert send("PUT", f"/roles/{second['role_id']}", who, BODY).status == 200
    assert send("POST", "/roles", settled(), BODY).status == 201


def test_a_role_that_somebody_has_stays() -> None:
    who = settled()
    role_id = send("POST", "/roles", who, BODY).body["role_id"]
    person(who.tenant_id, "user_bob", "viewer", role_id)
    account = ServiceAccountBrief(tenant_id=who.tenant_id, account_id="svc_1", name="ci", roles=(role_id,))
    Table().write(create(account))
    refused = send("DELETE", f"/roles/{role_id}", who)
    assert (refused.status, refused.problem) == (409, "role-in-use")
    assert "user_bob" in refused.body["detail"]
    assert "svc_1" in refused.body["detail"]
    assert send("GET", f"/roles/{role_id}", who).status == 200


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({**BODY, "permissions": ["scans:fly"]}, "unknown-permission"),
        ({**BODY, "permissions": ["moons:read"]}, "unknown-permission"),
        ({**BODY, "permissions": ["*"]}, "invalid"),
        ({**BODY, "permissions": ["*:read"]}, "invalid"),
        ({**BODY, "permissions": []}, "invalid"),
        ({**BODY, "permissions": ["scans:read"] * 101}, "invalid"),
        ({**BODY, "name": ""}, "invalid"),
        ({**BODY, "name": "a\x00b"}, "invalid"),
        ({**BODY, "role": "super_admin"}, "invalid"),
        ({**BODY, "is_default": True}, "invalid"),
    ],
)
def test_bad_input_has_its_problem_and_changes_nothing(body: dict[str, object], problem: str) -> None:
    who = settled()
    refused = send("POST", "/roles", who, body)
    assert (refused.status, refused.problem) == (422, problem)
    assert told() == []
    assert all(role["is_default"] for role in send("GET", "/roles", who).body["items"])


def test_another_organisations_role_is_not_there() -> None:
    role_id = send("POST", "/roles", settled(), BODY).body["role_id"]
    stranger = settled()
    for method, body in (("GET", None), ("PUT", BODY), ("DELETE", None)):
        missing, foreign = (
            send(method, "/roles/role_none", stranger, body),
            send(method, f"/roles/{role_id}", stranger, body),
        )
        assert (foreign.status, foreign.problem) == (missing.status, missing.problem) == (404, "not-found")


def test_a_repeated_command_makes_one_role() -> None:
    who, key = settled(), {"idempotency-key": "role-1"}
    first = send("POST", "/roles", who, BODY, headers=key)
    again = send("POST", "/roles", who, BODY, headers=key)
    assert (again.status, again.body, again.headers["location"]) == (201, first.body, first.headers["location"])
    assert told() == ["RoleChanged.v1"]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST, Role.ORGANIZATION_MEMBER])
def test_only_administrators_write_roles(role: Role) -> None:
    who = settled(role)
    assert send("POST", "/roles", who, BODY).status == 403
    assert send("GET", "/roles", who).status == 200


def test_every_permission_says_what_it_is_for() -> None:
    who = settled(Role.ANALYST)
    items = send("GET", "/permissions", who, query="limit=200").body["items"]
    assert [item["permission"] for item in items] == KNOWN
    control = next(item for item in items if item["permission"] == "scans:control")
    assert control["description"] == "Start, pause, resume and stop scans."
    assert {"method": "POST", "template": "/scans/{scan_id}/start", "summary": "Queue a new scan."} in control["routes"]
    assert control["held"]
    assert not next(item for item in items if item["permission"] == "roles:create")["held"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=HELD, held=HELD, asked=st.sampled_from(KNOWN))
def test_narrowing_gives_nothing_that_was_not_both_wanted_and_held(
    wanted: frozenset[str], held: frozenset[str], asked: str
) -> None:
    left = narrowed(wanted, held)
    assert covers(left, asked) == (covers(wanted, asked) and covers(held, asked))
    assert narrowed(left, held) == left
    who = actor(Role.VIEWER).model_copy(update={"permissions": held})
    assert Actor.may(who, asked) == covers(held, asked)
