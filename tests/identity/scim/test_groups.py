"""Groups of an organisation's directory, and the roles that being in one gives."""

from __future__ import annotations

from typing import Any

from contracts.access import Role
from functions.identity import api
from functions.identity.store import Store
from functions.organizations import steps as organizations
from kernel.actor import Actor
from kernel.ids import new_id
from tests.identity.kit import add, bearer, claims, log_in, refresh
from tests.identity.scim.kit import GROUP, fault, machine, patch, provisioned, send
from tests.kit import Answer, actor, call, committed_events

BOSS = {"email": "boss@example.com", "name": "Boss", "roles": [Role.ORGANIZATION_ADMIN.value]}


def grouped(who: Actor, name: str, *members: str, **more: Any) -> dict[str, Any]:
    body = {"schemas": [GROUP], "displayName": name, "members": [{"value": each} for each in members], **more}
    answer = send(who, "POST", "/Groups", body)
    assert answer.status == 201, answer.body
    return dict(answer.body)


def members_of(who: Actor, group: dict[str, Any]) -> set[str]:
    return {each["value"] for each in send(who, "GET", f"/Groups/{group['id']}").body.get("members", [])}


def give(admin: Actor, group: dict[str, Any], *roles: str, **options: Any) -> Answer:
    path = f"/organizations/{admin.tenant_id}/scim/groups/{group['id']}"
    return call(api.handler, "PUT", path, admin, {"roles": list(roles)}, **options)


def roles_of(who: Actor, user_id: str) -> set[str]:
    return set(Store().user(who, user_id).roles)


def test_a_group_holds_people_of_the_organisation_alone() -> None:
    who = machine()
    ann, bob = provisioned(who)["id"], provisioned(who)["id"]
    group = grouped(who, "Analysts", ann, externalId="g1")
    assert members_of(who, group) == {ann}
    assert send(who, "GET", f"/Users/{ann}").body["groups"][0]["display"] == "Analysts"
    stranger = provisioned(machine())["id"]
    for path in ("/Groups", f"/Groups/{group['id']}"):
        body = {"schemas": [GROUP], "displayName": "Other", "members": [{"value": stranger}]}
        assert fault(send(who, "POST" if path == "/Groups" else "PUT", path, body)) == (400, "invalidValue")
    path = f"/Groups/{group['id']}"
    for odd in ("a#b", "x" * 65, "", "\u202e"):
        assert fault(patch(who, path, {"op": "add", "path": "members", "value": [{"value": odd}]}))[0] == 400
    half = {"op": "add", "path": 'members[value eq "\\ud800"].type', "value": "User"}
    assert fault(patch(who, path, half))[0] == 400
    assert fault(patch(who, path, {"op": "add", "path": "members", "value": [{"type": "User"}]}))[0] == 400
    added = {"op": "Add", "path": "members", "value": [{"value": bob}]}
    assert patch(who, f"/Groups/{group['id']}", added).status == 200
    assert members_of(who, group) == {ann, bob}
    again = patch(who, f"/Groups/{group['id']}", added)
    assert (again.status, members_of(who, group)) == (200, {ann, bob})


def test_the_ways_of_the_large_directories_are_understood() -> None:
    who = machine()
    people = [provisioned(who)["id"] for _ in range(4)]
    group = grouped(who, "Everybody", *people)
    path = f"/Groups/{group['id']}"
    assert patch(who, path, {"op": "remove", "path": f'members[value eq "{people[0]}"]'}).status == 200
    assert members_of(who, group) == set(people[1:])
    entra = {"op": "Remove", "path": "members", "value": [{"value": people[1]}]}
    assert patch(who, path, entra).status == 200
    assert members_of(who, group) == set(people[2:])
    okta = {"op": "replace", "value": {"id": group["id"], "displayName": "All of them"}}
    assert patch(who, path, okta).body["displayName"] == "All of them"
    assert patch(who, path, {"op": "replace", "path": "members", "value": [{"value": people[0]}]}).status == 200
    assert members_of(who, group) == {people[0]}
    assert patch(who, path, {"op": "remove", "path": "members"}).status == 200
    assert members_of(who, group) == set()


def test_names_of_groups_are_nobody_elses() -> None:
    who = machine()
    first, second = grouped(who, "One", externalId="g1"), grouped(who, "Two")
    for body in ({"displayName": "ONE"}, {"displayName": "Three", "externalId": "g1"}):
        assert fault(send(who, "POST", "/Groups", {"schemas": [GROUP], **body})) == (409, "uniqueness")
    renamed = {"op": "replace", "path": "displayName", "value": "one"}
    assert fault(patch(who, f"/Groups/{second['id']}", renamed)) == (409, "uniqueness")
    assert send(who, "DELETE", f"/Groups/{first['id']}").status == 204
    assert patch(who, f"/Groups/{second['id']}", renamed).status == 200
    assert send(who, "GET", "/Groups", query='filter=displayName eq "ONE"').body["totalResults"] == 1


def test_a_group_gives_its_roles_and_takes_them_with_it() -> None:
    who = machine()
    admin = actor(tenant_id=who.tenant_id)
    ann, bob = provisioned(who)["id"], provisioned(who)["id"]
    group = grouped(who, "Analysts", ann)
    assert roles_of(who, ann) == {"viewer"}
    given = give(admin, group, "analyst")
    assert (given.status, given.body["roles"], given.body["size"]) == (200, ["analyst"], 1)
    assert roles_of(who, ann) == {"viewer", "analyst"}
    patch(who, f"/Groups/{group['id']}", {"op": "add", "path": "members", "value": [{"value": bob}]})
    assert roles_of(who, bob) == {"viewer", "analyst"}
    patch(who, f"/Groups/{group['id']}", {"op": "remove", "path": f'members[value eq "{ann}"]'})
    assert roles_of(who, ann) == {"viewer"}
    second = grouped(who, "More", bob)
    give(admin, second, "analyst", "organization_member")
    assert send(who, "DELETE", f"/Groups/{group['id']}").status == 204
    assert roles_of(who, bob) == {"viewer", "analyst", "organization_member"}, "the other group gives it too"
    give(admin, second)
    assert roles_of(who, bob) == {"viewer"}
    changes = [each for each in committed_events() if each.type == "MemberRolesChanged.v1"]
    assert {each.data["user_id"] for each in changes} == {ann, bob}


def test_what_an_administrator_gave_stays_when_the_group_goes() -> None:
    tenant_id = new_id("org")
    organizations.create_organization({"tenant_id": tenant_id, "name": "Acme"}, None)
    add(tenant_id, **BOSS)
    user = add(tenant_id)
    who, admin = machine(tenant_id), actor(tenant_id=tenant_id)
    session = log_in().body
    group = grouped(who, "Analysts", user["user_id"])
    give(admin, group, "analyst", "viewer")
    assert roles_of(who, user["user_id"]) == {"analyst", "viewer"}
    renewed = refresh(session).body
    assert set(claims(renewed)["roles"]) == {"analyst", "viewer"}
    assert bearer(renewed).tenant_id == tenant_id
    send(who, "DELETE", f"/Groups/{group['id']}")
    assert roles_of(who, user["user_id"]) == {"analyst"}


def test_a_suspended_person_returns_with_what_the_groups_give_by_then() -> None:
    who = machine()
    admin = actor(tenant_id=who.tenant_id)
    ann = provisioned(who)["id"]
    group = grouped(who, "Analysts", ann)
    give(admin, group, "analyst")
    patch(who, f"/Users/{ann}", {"op": "replace", "path": "active", "value": False})
    give(admin, group, "organization_member")
    patch(who, f"/Users/{ann}", {"op": "replace", "path": "active", "value": True})
    assert roles_of(who, ann) == {"viewer", "organization_member"}


def test_who_is_gone_is_in_no_group() -> None:
    who = machine()
    ann = provisioned(who, "ann@example.org")
    group = grouped(who, "Analysts", ann["id"])
    assert send(who, "DELETE", f"/Users/{ann['id']}").status == 204
    assert members_of(who, group) == set()
    assert provisioned(who, "ann@example.org")["id"] == ann["id"]
    assert members_of(who, group) == set()


def test_the_last_administrator_stays_in_the_group_that_makes_one() -> None:
    who = machine()
    admin = actor(tenant_id=who.tenant_id)
    ann = provisioned(who)["id"]
    group = grouped(who, "Admins", ann)
    assert give(admin, group, "organization_admin").status == 200
    assert roles_of(who, ann) == {"viewer", "organization_admin"}
    path = f"/Groups/{group['id']}"
    for answer in (
        patch(who, path, {"op": "remove", "path": "members"}),
        send(who, "PUT", path, {"schemas": [GROUP], "displayName": "Admins"}),
        send(who, "DELETE", path),
        send(who, "DELETE", f"/Users/{ann}"),
    ):
        assert fault(answer)[0] == 409
    assert members_of(who, group) == {ann}
    assert roles_of(who, ann) == {"viewer", "organization_admin"}
    assert give(admin, group).problem == "last-administrator"


def test_nobody_gives_by_a_group_what_he_does_not_hold() -> None:
    who = machine()
    group = grouped(who, "Admins")
    weak = actor(tenant_id=who.tenant_id).model_copy(update={"permissions": frozenset({"members:update"})})
    assert give(weak, group, "organization_admin").problem == "cannot-grant"
    assert give(actor(tenant_id=who.tenant_id), group, "nonsense").problem == "unknown-role"
    assert give(actor(), group, "viewer").status == 404
    assert give(machine(who.tenant_id), group, "viewer").status == 403, "the directory says who, never what"
    old = {"if-match": '"9"'}
    assert give(actor(tenant_id=who.tenant_id), group, "viewer", headers=old).problem == "precondition-failed"


def test_a_large_group_comes_and_goes() -> None:
    """More people than one transaction holds."""
    who = machine()
    people = [provisioned(who)["id"] for _ in range(45)]
    group = grouped(who, "Large")
    give(actor(tenant_id=who.tenant_id), group, "analyst")
    body = {"schemas": [GROUP], "displayName": "Large", "members": [{"value": each} for each in people]}
    assert send(who, "PUT", f"/Groups/{group['id']}", body).status == 200
    assert all("analyst" in roles_of(who, each) for each in people)
    assert send(who, "DELETE", f"/Groups/{group['id']}").status == 204
    assert all(roles_of(who, each) == {"viewer"} for each in people)
