"""People whom an organisation's directory names: they come, rest, return and go."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from contracts.access import Role
from contracts.plans import Exhausted, Metered
from functions.identity.model.federation import DomainOwner
from functions.identity.model.provisioning import Profile
from functions.identity.store import Store
from functions.organizations import steps as organizations
from kernel.actor import Actor
from kernel.ids import new_id
from kernel.table import Table, create, put
from tests.architecture.matrix import owned
from tests.identity.kit import ANN, add, claims, log_in, refresh
from tests.identity.pool import Pool
from tests.identity.scim.kit import ENTERPRISE, PATCH, USER, fault, machine, patch, person, provisioned, send
from tests.kit import actor, call, committed_events

BOSS = {"email": "boss@example.com", "name": "Boss", "roles": [Role.ORGANIZATION_ADMIN.value]}
NEW = "new@example.org"


def founded() -> str:
    tenant_id = new_id("org")
    organizations.create_organization({"tenant_id": tenant_id, "name": "Acme"}, None)
    return tenant_id


def verified(tenant_id: str, domain: str) -> None:
    Table().write(create(DomainOwner(tenant_id=tenant_id, domain=domain, connection_id="sso_1")))


def told(kind: str) -> list[Any]:
    return [each for each in committed_events() if each.type == f"{kind}.v1"]


def test_somebody_new_has_an_account_without_a_password_of_ours(pool: Pool) -> None:
    who = machine()
    made = send(who, "POST", "/Users", person(NEW, externalId="00u1", displayName="Nora", name={"givenName": "Nora"}))
    assert made.status == 201
    assert made.headers["location"] == f"/scim/v2/Users/{made.body['id']}" == made.body["meta"]["location"]
    assert made.headers["etag"] == made.body["meta"]["version"]
    assert made.body["active"] is True
    assert made.body["emails"] == [{"value": NEW, "primary": True}]
    assert pool.people[NEW].status == "FORCE_CHANGE_PASSWORD"
    user = Store().user(who, made.body["id"])
    assert (user.email, user.name, user.roles) == (NEW, "Nora", ("viewer",))
    assert {"PersonProvisioned.v1", "UserCreated.v1"} <= {each.type for each in committed_events()}
    read = send(who, "GET", f"/Users/{made.body['id']}")
    assert read.body == made.body


def test_who_is_deactivated_is_out_at_once_and_comes_back_as_before(pool: Pool) -> None:
    tenant_id = founded()
    add(tenant_id, **BOSS)
    user = add(tenant_id)
    session = log_in().body
    who, path = machine(tenant_id), f"/Users/{user['user_id']}"
    out = patch(who, path, {"op": "Replace", "path": "active", "value": "False"})
    assert (out.status, out.body["active"]) == (200, False)
    assert refresh(session).status == 401
    refused = log_in()
    assert refused.status in (401, 403), refused.body
    assert Store().find_user(who, user["user_id"]) is None
    assert told("SessionsEnded")[-1].data["reason"] == "removed"
    assert send(who, "GET", path).body["active"] is False
    assert told("MemberRemoved")
    back = patch(who, path, {"op": "replace", "value": {"active": True}})
    assert back.body["active"] is True
    assert claims(log_in().body)["roles"] == [Role.ANALYST.value]
    assert told("ProvisionedPersonChanged")[-1].data["was_active"] is False


@pytest.mark.parametrize("was_there", [True, False])
def test_single_sign_on_does_not_bring_the_suspended_back(was_there: bool) -> None:
    from functions.identity.errors import NotProvisioned
    from functions.identity.service.newcomers import member, newcomer, provision

    who = machine()
    made = provisioned(who, NEW, active=was_there)
    if was_there:
        patch(who, f"/Users/{made['id']}", {"op": "replace", "path": "active", "value": False})
    assert member(Store(), who, NEW) is None
    with pytest.raises(NotProvisioned):
        provision(Store(), who, newcomer(Store(), who, NEW, "Nora", ("viewer",)))
    assert send(who, "GET", f"/Users/{made['id']}").body["active"] is False
    patch(who, f"/Users/{made['id']}", {"op": "replace", "path": "active", "value": True})
    found = member(Store(), who, NEW)
    assert found is not None
    assert found.user_id == made["id"]


def test_the_last_administrator_stays() -> None:
    tenant_id = founded()
    boss = add(tenant_id, **BOSS)
    who, path = machine(tenant_id), f"/Users/{boss['user_id']}"
    before = owned(tenant_id)

    def unchanged() -> bool:
        kept = {key: value for key, value in owned(tenant_id).items() if "#OUTBOX#" not in key[0]}
        return kept == {key: value for key, value in before.items() if "#OUTBOX#" not in key[0]}

    assert fault(patch(who, path, {"op": "replace", "path": "active", "value": False}))[0] == 409
    assert fault(send(who, "DELETE", path))[0] == 409
    assert fault(send(who, "PUT", path, person("boss@example.com", active=False)))[0] == 409
    assert unchanged()
    assert [each.data["reason"] for each in told("ProvisioningRefused")] == ["last-administrator"] * 3


def test_who_is_removed_is_gone_and_the_name_is_free() -> None:
    who = machine()
    made = provisioned(who, NEW, externalId="x1")
    assert send(who, "DELETE", f"/Users/{made['id']}").status == 204
    assert fault(send(who, "GET", f"/Users/{made['id']}")) == (404, None)
    assert fault(send(who, "DELETE", f"/Users/{made['id']}")) == (404, None)
    assert Store().find_user(who, made["id"]) is None
    again = provisioned(who, NEW, externalId="x1")
    assert again["id"] == made["id"], "it is the same account"
    assert told("PersonDeprovisioned")[0].data["was_active"] is True


def test_names_are_nobody_elses() -> None:
    who = machine()
    first = provisioned(who, NEW, externalId="x1")
    second = provisioned(who, "other@example.org", externalId="x2")
    for body in (person("NEW@Example.org"), person("third@example.org", externalId="x1")):
        assert fault(send(who, "POST", "/Users", body)) == (409, "uniqueness")
    path = f"/Users/{second['id']}"
    assert fault(patch(who, path, {"op": "replace", "path": "externalId", "value": "x1"})) == (409, "uniqueness")
    assert fault(patch(who, path, {"op": "replace", "path": "userName", "value": "New@example.org"})) == (
        409,
        "uniqueness",
    )
    assert patch(who, f"/Users/{first['id']}", {"op": "replace", "path": "externalId", "value": "x9"}).status == 200
    assert patch(who, path, {"op": "replace", "path": "externalId", "value": "x1"}).status == 200
    assert provisioned(machine(), "elsewhere@example.org", externalId="x1"), "another organisation's ids are its own"


def test_two_at_once_with_one_external_id_are_one() -> None:
    who = machine()
    answers = []

    def create_one(number: int) -> None:
        answers.append(send(who, "POST", "/Users", person(f"p{number}@example.org", externalId="same")))

    threads = [threading.Thread(target=create_one, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each.status for each in answers) == [201, 409, 409, 409]
    assert all(fault(each) == (409, "uniqueness") for each in answers if each.status == 409)
    assert send(who, "GET", "/Users").body["totalResults"] == 1


def test_an_idempotency_key_is_none_of_scims() -> None:
    who, body = machine(), person(NEW, externalId="x1")
    first = send(who, "POST", "/Users", body, headers={"idempotency-key": "one"})
    again = send(who, "POST", "/Users", body, headers={"idempotency-key": "one"})
    assert first.status == 201
    assert fault(again) == (409, "uniqueness")


def test_the_condition_holds_where_the_reads_did_not_see_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two requests that both read before either wrote."""
    from functions.identity.service import provisioning

    who = machine()
    provisioned(who, NEW, externalId="same")
    monkeypatch.setattr(provisioning, "_demand_free", lambda *_: None)
    late = send(who, "POST", "/Users", person("late@example.org", externalId="same"))
    assert fault(late) == (409, "uniqueness")
    assert send(who, "GET", "/Users").body["totalResults"] == 1


def test_a_person_of_another_organisation_comes_in_by_the_verified_domain_alone(pool: Pool) -> None:
    elsewhere = founded()
    user = add(elsewhere)
    secret = pool.people[ANN].password
    who = machine(founded())
    refused = send(who, "POST", "/Users", person(ANN))
    assert fault(refused) == (409, None)
    assert told("ProvisioningRefused")[-1].data["reason"] == "address-elsewhere"
    verified(elsewhere, "example.org")
    assert send(who, "POST", "/Users", person(ANN)).status == 409, "somebody else's domain"
    verified(who.tenant_id, "example.com")
    made = provisioned(who, ANN)
    assert made["id"] == user["user_id"]
    assert pool.people[ANN].password == secret
    person_ = Store().person(user["user_id"])
    assert person_ is not None
    assert set(person_.organizations) == {elsewhere, who.tenant_id}
    assert person_.last == elsewhere, "nobody is taken anywhere"


def test_who_is_prepared_and_becomes_somebody_elsewhere_is_not_taken() -> None:
    who = machine(founded())
    made = provisioned(who, ANN, active=False)
    assert made["active"] is False
    add(founded())
    refused = patch(who, f"/Users/{made['id']}", {"op": "replace", "path": "active", "value": True})
    assert fault(refused)[0] == 409
    assert Store().find_user(who, made["id"]) is None


def test_nobody_is_provisioned_without_an_address() -> None:
    who = machine()
    for body in (person("nora"), person("nora", emails=[{"value": "nobody"}]), person("a b@example.org")):
        assert fault(send(who, "POST", "/Users", body)) == (400, "invalidValue")
    made = provisioned(who, "nora", emails=[{"value": "a@example.org"}, {"value": "b@example.org", "primary": True}])
    assert Store().user(who, made["id"]).email == "b@example.org"


def test_the_address_to_log_in_with_stays() -> None:
    who = machine()
    made = provisioned(who, NEW)
    changed = patch(who, f"/Users/{made['id']}", {"op": "replace", "path": "userName", "value": "victim@example.org"})
    assert changed.body["userName"] == "victim@example.org"
    assert Store().user(who, made["id"]).email == NEW


def test_a_plan_with_no_seat_left_takes_nobody(pool: Pool) -> None:
    who = machine()
    resting = provisioned(who, active=False)
    Table().write(put(Exhausted(tenant_id=who.tenant_id, metered=Metered.USERS)))
    answer = send(who, "POST", "/Users", person(NEW))
    assert fault(answer) == (402, None)
    assert NEW not in pool.people, "no account, no mail"
    back = patch(who, f"/Users/{resting['id']}", {"op": "replace", "path": "active", "value": True})
    assert fault(back)[0] == 402
    assert provisioned(who, "rests@example.org", active=False)


def test_a_version_that_moved_on_changes_nothing() -> None:
    who = machine()
    made = provisioned(who)
    path, old = f"/Users/{made['id']}", {"if-match": made["meta"]["version"]}
    newer = patch(who, path, {"op": "replace", "path": "title", "value": "CFO"}, headers=old)
    assert newer.status == 200
    assert newer.body["meta"]["version"] != made["meta"]["version"]
    for answer in (
        patch(who, path, {"op": "replace", "path": "title", "value": "CEO"}, headers=old),
        send(who, "PUT", path, person(made["userName"]), headers=old),
        send(who, "DELETE", path, headers=old),
    ):
        assert fault(answer)[0] == 412
    assert send(who, "GET", path).body["title"] == "CFO"
    assert fault(send(who, "DELETE", path, headers={"if-match": "nonsense"})) == (400, "invalidValue")
    assert send(who, "DELETE", path, headers={"if-match": newer.body["meta"]["version"]}).status == 204


def test_put_says_all_and_keeps_what_is_the_platforms() -> None:
    who = machine()
    made = provisioned(who, title="CEO", displayName="Nora")
    path = f"/Users/{made['id']}"
    body = person(made["userName"], displayName="Nora N.", id="another", **{ENTERPRISE: {"department": "Sales"}})
    body["schemas"] = [USER, ENTERPRISE]
    body |= {"password": "Secret-Secret-9!", "unheard": 1, "groups": [{"value": "grp_1"}], "roles": [{"value": "x"}]}
    replaced = send(who, "PUT", path, body)
    assert replaced.status == 200, replaced.body
    assert replaced.body["id"] == made["id"]
    assert "title" not in replaced.body
    assert replaced.body[ENTERPRISE] == {"department": "Sales"}
    assert "password" not in str(owned(who.tenant_id))
    assert Store().user(who, made["id"]).roles == ("viewer",)
    same = send(who, "PUT", path, body)
    assert same.body["meta"]["version"] == replaced.body["meta"]["version"], "saying it again changes nothing"


def test_a_resting_person_is_not_woken_by_a_put_that_does_not_say_so() -> None:
    who = machine()
    made = provisioned(who, active=False)
    assert send(who, "PUT", f"/Users/{made['id']}", person(made["userName"], title="x")).body["active"] is False


def test_members_who_came_in_another_way_are_found_and_kept_up_to_date() -> None:
    tenant_id = founded()
    add(tenant_id, **BOSS)
    user = add(tenant_id)
    who = machine(tenant_id)
    found = send(who, "GET", "/Users", query=f'filter=userName eq "{ANN.upper()}"').body
    assert [each["id"] for each in found["Resources"]] == [user["user_id"]]
    assert fault(send(who, "POST", "/Users", person(ANN))) == (409, "uniqueness")
    changed = patch(who, f"/Users/{user['user_id']}", {"op": "add", "path": "externalId", "value": "x7"})
    assert (changed.status, changed.body["externalId"]) == (200, "x7")
    by_id = send(who, "GET", "/Users", query='filter=externalId eq "x7"').body
    assert by_id["totalResults"] == 1
    assert Table().get(who, Profile, user_id=user["user_id"]) is not None
    assert Store().user(who, user["user_id"]).roles == (Role.ANALYST.value,)


def test_only_who_may_is_answered_and_each_in_the_own_organisation() -> None:
    who = machine()
    made = provisioned(who)
    path = f"/Users/{made['id']}"
    assert fault(send(None, "GET", path)) == (401, None)
    for stranger in (machine(), actor(Role.ORGANIZATION_ADMIN)):
        assert fault(send(stranger, "GET", path)) == (404, None)
        assert fault(send(stranger, "DELETE", path)) == (404, None)
        assert send(stranger, "GET", "/Users").body["totalResults"] == 0
    reader = machine(who.tenant_id, ("scim:read",))
    assert send(reader, "GET", path).status == 200
    for method, where in (("POST", "/Users"), ("PUT", path), ("PATCH", path), ("DELETE", path)):
        assert fault(send(reader, method, where, {})) == (403, None)
    viewer: Actor = actor(Role.ANALYST, who.tenant_id)
    assert fault(send(viewer, "GET", "/Users")) == (403, None)
    assert fault(send(who, "GET", "/Nothing")) == (404, None)
    assert fault(send(who, "POST", "/ServiceProviderConfig", {})) == (405, None)
    assert fault(send(who, "POST", "/Bulk", {})) == (501, None)


@pytest.mark.parametrize(
    "raw", ["", "[]", "null", '{"a": NaN}', '{"userName": "\\ud800"}', "{" * 5000, '"x"', "{'a': 1}"]
)
def test_what_is_no_json_object_is_refused(raw: str) -> None:
    who = machine()
    path = f"/Users/{provisioned(who)['id']}"
    for method, where in (
        ("POST", "/Users"),
        ("PUT", path),
        ("PATCH", path),
        ("POST", "/.search"),
        ("POST", "/Groups"),
    ):
        status, word = fault(send(who, method, where, raw=raw))
        assert (status, word) == (400, "invalidSyntax"), (method, raw)


def test_too_much_is_refused() -> None:
    who = machine()
    huge = person(name={"formatted": "x" * 40_000})
    assert fault(send(who, "POST", "/Users", huge)) == (400, "invalidValue")
    assert fault(send(who, "POST", "/Users", person("x" * 250 + "@example.org")))[0] == 400
    assert fault(send(who, "POST", "/Users", person(emails=[{"value": "a@b.cc"}] * 21)))[0] == 400
    assert fault(patch(who, f"/Users/{provisioned(who)['id']}", *[{"op": "remove", "path": "title"}] * 1001))[0] == 400
    assert send(who, "GET", "/Users").body["totalResults"] == 1


def test_nobody_reaches_scim_beneath_the_api_nor_the_api_beneath_scim() -> None:
    from functions.identity import api, scim

    who = machine()
    assert call(scim.handler, "GET", "/scim/v2/users", who).status == 404
    assert call(api.handler, "GET", "/scim/v2/Users", who).status == 404
    assert PATCH.endswith("PatchOp")
