"""Members, roles, invitations, and people in several organisations."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from contracts.access import CustomRole, Role, RoleChanged
from contracts.organizations import Delegation, DelegationEnded
from functions.identity import events
from functions.identity.errors import LastAdministrator
from functions.identity.model.members import Administrators
from functions.organizations import steps as organizations
from kernel import clock
from kernel.actor import Actor
from kernel.ids import new_id
from kernel.table import Table, create, put
from tests import edges
from tests.identity.kit import ANN, add, bearer, claims, log_in, post, refresh, send
from tests.kit import actor, committed_events, sqs_event

ADMIN = "admin@example.com"
EVE = "eve@example.com"
BOSS = {"email": ADMIN, "name": "Boss", "roles": [Role.ORGANIZATION_ADMIN.value]}

pytestmark = pytest.mark.usefixtures("mail")


def told() -> list[str]:
    return [event.type for event in committed_events()]


def founded(name: str = "Acme") -> str:
    tenant_id = new_id("org")
    organizations.create_organization({"tenant_id": tenant_id, "name": name}, None)
    return tenant_id


def mailed() -> list[str]:
    return [body for _, _, body in edges.mails()]


def invited(admin: dict[str, Any], email: str, *roles: str) -> tuple[str, dict[str, Any]]:
    """The token of the mail, and the invitation."""
    tenant_id = claims(admin)["organization_id"]
    body = {"email": email, "roles": list(roles or (Role.ANALYST.value,))}
    answer = send(admin, "POST", f"/organizations/{tenant_id}/members", body)
    assert answer.status == 201, answer.body
    return token_of(mailed()[-1]), answer.body


def token_of(body: str) -> str:
    words = body.split()
    return next(word for word in words if word.startswith("org_") and word.count(".") == 2)


def test_an_invitation_brings_the_invited_person_in_and_nobody_else() -> None:
    acme, globex = founded(), founded("Globex")
    add(acme, **BOSS)
    add(globex)
    add(globex, email=EVE)
    admin, ann, eve = log_in(ADMIN).body, log_in().body, log_in(EVE).body
    token, invitation = invited(admin, "Ann@Example.com")
    assert invitation["status"] == "open"
    assert "token_hash" not in invitation
    assert token.rpartition(".")[2] not in str([event.model_dump() for event in committed_events()])
    stranger = send(eve, "POST", "/invitations/accept", {"token": token})
    assert (stranger.status, stranger.problem) == (403, "invitation-for-another")
    refused = committed_events()[-1]
    assert (refused.type, refused.tenant_id, refused.category) == ("InvitationRefused.v1", acme, "security")
    accepted = send(ann, "POST", "/invitations/accept", {"token": token})
    assert accepted.status == 200, accepted.body
    assert accepted.body == {
        "organization_id": acme,
        "name": "Acme",
        "roles": ["analyst"],
        "current": False,
    }
    assert {"InvitationAccepted.v1", "UserCreated.v1"} <= set(told())
    again = send(ann, "POST", "/invitations/accept", {"token": token})
    assert again.status == 200, "the answer may have been lost"
    used = send(eve, "POST", "/invitations/accept", {"token": token})
    assert (used.status, used.problem) == (409, "invitation-closed")
    mine = send(ann, "GET", "/users/me/organizations").body["items"]
    assert {(each["name"], each["current"]) for each in mine} == {("Acme", False), ("Globex", True)}


def test_a_person_switches_between_organisations_with_one_in_each_token() -> None:
    acme, globex = founded(), founded("Globex")
    add(acme, **BOSS)
    add(globex, roles=[Role.VIEWER.value])
    admin, ann = log_in(ADMIN).body, log_in().body
    token, _ = invited(admin, ANN, "organization_member")
    nowhere = post("/auth/switch", {"refresh_token": ann["refresh_token"], "organization_id": acme})
    assert (nowhere.status, nowhere.problem) == (404, "not-found")
    assert send(ann, "POST", "/invitations/accept", {"token": token}).status == 200
    there = post("/auth/switch", {"refresh_token": ann["refresh_token"], "organization_id": acme})
    assert there.status == 200, there.body
    assert (claims(there.body)["organization_id"], claims(there.body)["roles"]) == (acme, ["organization_member"])
    assert claims(there.body)["origin_jti"] == claims(ann)["origin_jti"]
    entered = committed_events()[-1]
    assert (entered.type, entered.tenant_id) == ("OrganizationEntered.v1", acme)
    onward = refresh(there.body).body
    assert claims(onward)["organization_id"] == acme, "a refresh stays where the session is"
    assert claims(log_in().body)["organization_id"] == acme, "the next log-in begins where the person was"
    other = post("/auth/switch", {"refresh_token": onward["refresh_token"], "organization_id": new_id("org")})
    assert other.status == 404


def test_an_invitation_ends_and_can_be_taken_back_or_sent_again() -> None:
    acme = founded()
    add(acme, **BOSS)
    add(founded("Globex"))
    admin, ann = log_in(ADMIN).body, log_in().body
    token, invitation = invited(admin, ANN)
    path = f"/organizations/{acme}/invitations/{invitation['invitation_id']}"
    with time_machine.travel(clock.now() + timedelta(days=8)):
        late = send(ann, "POST", "/invitations/accept", {"token": token})
    assert (late.status, late.problem) == (409, "invitation-expired")
    assert send(admin, "POST", f"{path}/resend").status == 200
    newer = token_of(mailed()[-1])
    old = send(ann, "POST", "/invitations/accept", {"token": token})
    assert (old.status, old.problem) == (404, "invitation-unknown")
    assert send(admin, "DELETE", path, headers={"if-match": '"1"'}).problem == "precondition-failed"
    assert send(admin, "DELETE", path).status == 204
    back = send(ann, "POST", "/invitations/accept", {"token": newer})
    assert (back.status, back.problem) == (409, "invitation-closed")
    assert send(admin, "DELETE", path).problem == "invitation-closed"
    assert send(admin, "POST", f"{path}/resend").problem == "invitation-closed"
    assert [each["status"] for each in send(admin, "GET", f"/organizations/{acme}/invitations").body["items"]] == [
        "revoked"
    ]
    assert {"InvitationRevoked.v1", "MemberInvited.v1", "InvitationRefused.v1"} <= set(told())


@pytest.mark.parametrize(
    "token",
    ["a.b.c.d.e.f.g", "org_1.inv_1.secret", f"{new_id('org')}.inv_1.secret", "x" * 30],
    ids=["parts", "no organisation", "an unknown one", "no parts"],
)
def test_what_is_no_invitation_opens_nothing(token: str) -> None:
    add(founded())
    answer = send(log_in().body, "POST", "/invitations/accept", {"token": token})
    assert (answer.status, answer.problem) == (404, "invitation-unknown")


def test_nobody_is_invited_who_is_there_nor_into_another_organisation() -> None:
    acme = founded()
    add(acme, **BOSS)
    add(acme)
    admin = log_in(ADMIN).body
    body = {"email": ANN, "roles": ["viewer"]}
    assert send(admin, "POST", f"/organizations/{acme}/members", body).problem == "already-a-member"
    assert send(admin, "POST", f"/organizations/{new_id('org')}/members", body).status == 404
    assert send(admin, "GET", f"/organizations/{new_id('org')}/members").status == 404
    assert mailed() == []


def test_roles_are_changed_and_tokens_from_before_no_longer_count() -> None:
    acme = founded()
    add(acme, **BOSS)
    user = add(acme)
    admin, ann = log_in(ADMIN).body, log_in().body
    path = f"/organizations/{acme}/members/{user['user_id']}"
    member = send(admin, "GET", path)
    etag = member.headers["etag"]
    changed = send(admin, "PUT", path, {"roles": ["viewer"]}, headers={"if-match": etag})
    assert (changed.status, changed.body["roles"]) == (200, ["viewer"])
    stale = send(admin, "PUT", path, {"roles": ["analyst"]}, headers={"if-match": etag})
    assert (stale.status, stale.problem) == (412, "precondition-failed")
    event = committed_events()[-1]
    assert (event.type, event.data["before"], event.data["roles"]) == ("MemberRolesChanged.v1", ["analyst"], ["viewer"])
    session = sessions_of(user["user_id"])[0]
    assert session.not_before > claims(ann)["iat"]
    fresh = refresh(ann).body
    assert claims(fresh)["roles"] == ["viewer"]
    assert claims(fresh)["iat"] >= session.not_before


def sessions_of(user_id: str) -> list[Any]:
    return events.store().sessions(user_id)


def test_roles_are_added_and_taken_one_by_one() -> None:
    acme = founded()
    add(acme, **BOSS)
    user = add(acme)
    admin = log_in(ADMIN).body
    path = f"/users/{user['user_id']}/roles"
    assert send(admin, "POST", path, {"role": "viewer"}).body["roles"] == ["analyst", "viewer"]
    assert send(admin, "POST", path, {"role": "viewer"}).body["roles"] == ["analyst", "viewer"]
    assert send(admin, "DELETE", f"{path}/analyst").status == 204
    assert send(admin, "DELETE", f"{path}/analyst").status == 404
    last = send(admin, "DELETE", f"{path}/viewer")
    assert (last.status, last.problem) == (409, "no-role-left")


def test_nobody_grants_what_he_does_not_hold() -> None:
    acme = founded()
    add(acme, **BOSS)
    user = add(acme)
    admin = log_in(ADMIN).body
    path = f"/users/{user['user_id']}/roles"
    above = send(admin, "POST", path, {"role": "super_admin"})
    assert (above.status, above.problem) == (403, "cannot-grant")
    assert committed_events()[-1].type == "GrantRefused.v1"
    body = {"email": EVE, "roles": ["super_admin"]}
    assert send(admin, "POST", f"/organizations/{acme}/members", body).problem == "cannot-grant"
    unknown = send(admin, "POST", path, {"role": "role_nobody_made"})
    assert (unknown.status, unknown.problem) == (422, "unknown-role")
    assert send(admin, "GET", f"/users/{user['user_id']}").body["roles"] == ["analyst"]


def test_a_custom_role_gives_what_the_organisation_says_and_its_change_makes_tokens_old() -> None:
    acme = founded()
    add(acme, **BOSS)
    user = add(acme, roles=["viewer"])
    Table().write(create(CustomRole(tenant_id=acme, role_id="role_1", permissions=("scans:create",))))
    admin, ann = log_in(ADMIN).body, log_in().body
    assert send(admin, "POST", f"/users/{user['user_id']}/roles", {"role": "role_1"}).status == 200
    ann = refresh(ann).body
    assert "scans:create" in claims(ann)["permissions"]
    Table().write(put(CustomRole(tenant_id=acme, role_id="role_1", permissions=("scans:control",))))
    change = RoleChanged(role_id="role_1", name="R", permissions=["scans:control"], before=["scans:create"])
    Table().transact(Actor.system(acme), [], [change])
    with time_machine.travel(clock.now() + timedelta(seconds=2)):
        envelope = committed_events()[-1].model_copy(update={"at": clock.timestamp()})
        assert events.handler(sqs_event(envelope), None) == {"batchItemFailures": []}
        assert sessions_of(user["user_id"])[0].not_before > claims(ann)["iat"]
    with time_machine.travel(clock.now() + timedelta(seconds=5)):
        permissions = claims(refresh(ann).body)["permissions"]
    assert "scans:control" in permissions
    assert "scans:create" not in permissions


def test_a_person_who_is_removed_is_out_at_once() -> None:
    acme = founded()
    add(acme, **BOSS)
    user = add(acme)
    admin, ann = log_in(ADMIN).body, log_in().body
    path = f"/organizations/{acme}/members/{user['user_id']}"
    assert send(admin, "DELETE", path, headers={"if-match": '"9"'}).status == 412
    assert send(admin, "DELETE", path).status == 204
    assert send(admin, "DELETE", path).status == 404
    assert all(session.ended_at for session in sessions_of(user["user_id"]))
    assert refresh(ann).problem == "session-over"
    nowhere = log_in()
    assert (nowhere.status, nowhere.problem) == (403, "no-organization")
    assert {"MemberRemoved.v1", "SessionsEnded.v1"} <= set(told())


def test_what_a_crash_left_undone_the_event_does() -> None:
    acme = founded()
    user = add(acme)
    ann = log_in().body
    add(acme, **BOSS)
    admin = log_in(ADMIN).body
    assert send(admin, "DELETE", f"/users/me/organizations/{acme}").problem == "last-administrator"
    assert send(admin, "DELETE", f"/organizations/{acme}/members/{user['user_id']}").status == 204
    session = sessions_of(user["user_id"])[0]
    session.ended_at = None
    Table().write(put(session))
    removed = next(event for event in committed_events() if event.type == "MemberRemoved.v1")
    assert events.handler(sqs_event(removed, removed), None) == {"batchItemFailures": []}
    assert sessions_of(user["user_id"])[0].ended_at
    assert refresh(ann).problem == "session-over"


def test_the_last_administrator_can_neither_leave_nor_be_removed_nor_lose_the_role() -> None:
    acme = founded()
    boss = add(acme, **BOSS)
    admin = log_in(ADMIN).body
    me, roles = f"/organizations/{acme}/members/{boss['user_id']}", f"/users/{boss['user_id']}/roles"
    tries = (
        send(admin, "DELETE", me),
        send(admin, "PUT", me, {"roles": ["viewer"]}),
        send(admin, "DELETE", f"/users/me/organizations/{acme}"),
    )
    assert {(each.status, each.problem) for each in tries} == {(409, "last-administrator")}
    assert send(admin, "POST", roles, {"role": "viewer"}).status == 200
    assert send(admin, "DELETE", f"{roles}/organization_admin").problem == "last-administrator"
    add(acme, email=EVE, roles=["organization_admin"])
    assert send(admin, "DELETE", f"{roles}/organization_admin").status == 204
    assert send(log_in(EVE).body, "DELETE", f"/users/me/organizations/{acme}").problem == "last-administrator"


def test_a_person_leaves_one_organisation_and_stays_in_the_other() -> None:
    acme, globex = founded(), founded("Globex")
    add(acme, **BOSS)
    add(globex)
    admin, ann = log_in(ADMIN).body, log_in().body
    token, _ = invited(admin, ANN)
    assert send(ann, "POST", "/invitations/accept", {"token": token}).status == 200
    assert send(ann, "DELETE", f"/users/me/organizations/{new_id('org')}").status == 404
    assert send(ann, "DELETE", f"/users/me/organizations/{globex}").status == 204
    assert refresh(ann).problem == "session-over"
    assert claims(log_in().body)["organization_id"] == acme
    left = next(event for event in committed_events() if event.type == "MemberRemoved.v1")
    assert (left.tenant_id, left.data["left"]) == (globex, True)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=30))
def test_however_roles_change_somebody_administers(changes: list[tuple[bool, bool]]) -> None:
    count = Administrators(tenant_id=new_id("org"), count=1)
    roles = {True: (Role.ORGANIZATION_ADMIN.value,), False: ("viewer",)}
    for before, after in changes:
        try:
            count.shift(roles[before], roles[after])
        except LastAdministrator:
            assert (before, after, count.count) == (True, False, 1)
        assert count.count >= 1


def test_a_profile_is_the_persons_own() -> None:
    acme = founded()
    user = add(acme)
    ann = log_in().body
    preferences = {"locale": "de-CH", "timezone": "Europe/Zurich", "theme": "dark"}
    me = send(ann, "PUT", "/users/me", {"name": "Anna", "preferences": preferences})
    assert (me.status, me.body["name"], me.body["preferences"]) == (200, "Anna", preferences)
    assert send(ann, "PUT", "/users/me", {"name": "X"}, headers={"if-match": '"1"'}).status == 412
    assert send(ann, "PUT", "/users/me", {"roles": ["super_admin"]}).status == 422
    assert send(ann, "PUT", "/users/me", {"preferences": {"timezone": "../etc"}}).status == 422
    assert send(ann, "GET", "/users/me").body["name"] == "Anna"
    assert committed_events()[-1].data == {"user_id": user["user_id"], "name": "Anna", "before": "Ann"}
    stranger = actor(tenant_id=acme)
    assert post("/auth/mfa/verify", {"code": "1"}, stranger).status == 422
    assert bearer(ann).tenant_id == acme


def test_a_providers_people_work_where_a_customer_lets_them_until_it_does_not() -> None:
    customer, provider = founded(), founded("Provider")
    ann = add(provider)
    add(provider, email=EVE)
    tokens, eve = log_in().body, log_in(EVE).body
    given = Delegation(tenant_id=customer, provider_id=provider, roles=("viewer",), user_ids=(ann["user_id"],))
    Table().write(create(given))
    there = post("/auth/switch", {"refresh_token": tokens["refresh_token"], "organization_id": customer})
    assert there.status == 200, there.body
    said = claims(there.body)
    assert (said["organization_id"], said["provider_id"], said["roles"]) == (customer, provider, ["viewer"])
    assert post("/auth/switch", {"refresh_token": eve["refresh_token"], "organization_id": customer}).status == 404
    assert claims(log_in().body)["organization_id"] == provider, "the next log-in begins at home"
    given.ends_at = clock.timestamp()
    Table().write(put(given))
    Table().transact(Actor.system(customer), [], [DelegationEnded(provider_id=provider, roles=["viewer"])])
    told = next(event for event in committed_events() if event.type == "DelegationEnded.v1")
    assert events.handler(sqs_event(told), None) == {"batchItemFailures": []}
    assert refresh(there.body).problem == "session-over"
    assert claims(refresh(eve).body)["organization_id"] == provider
