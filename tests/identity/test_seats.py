"""Nobody comes into an organisation whose plan has no seat left, however the person comes."""

from __future__ import annotations

import pytest

from contracts.access import Role
from contracts.plans import Exhausted, Metered
from functions.identity.store import Store
from functions.organizations import steps as organizations
from kernel.actor import Actor
from kernel.ids import new_id
from kernel.table import Table, put
from tests import edges
from tests.identity.kit import ANN, add, claims, log_in, post, send
from tests.identity.pool import Pool

BOSS = {"email": "boss@example.com", "name": "Boss", "roles": [Role.ORGANIZATION_ADMIN.value]}
NEW, PASSWORD = "nora@example.com", "Another-Horse-9-Battery"

pytestmark = pytest.mark.usefixtures("mail")


def founded(name: str) -> str:
    tenant_id = new_id("org")
    organizations.create_organization({"tenant_id": tenant_id, "name": name}, None)
    return tenant_id


def invited(email: str) -> tuple[str, str]:
    """The organisation that invites somebody, whose plan is used up by then, and the token of the mail."""
    tenant_id = founded("Acme")
    add(tenant_id, **BOSS)
    admin = log_in("boss@example.com").body
    body = {"email": email, "roles": ["viewer"]}
    assert send(admin, "POST", f"/organizations/{tenant_id}/members", body).status == 201
    words = edges.mails()[-1][2].split()
    token = next(word for word in words if word.startswith("org_") and word.count(".") == 2)
    seats(tenant_id, none_left=True)
    return tenant_id, token


def seats(tenant_id: str, *, none_left: bool) -> None:
    """Whether the plan is used up."""
    Table().write(put(Exhausted(tenant_id=tenant_id, metered=Metered.USERS, expires_at=None if none_left else 1)))


def people_of(tenant_id: str) -> set[str]:
    return {user.email for user in Store().everybody(Actor.system(tenant_id))}


def test_an_invitation_waits_for_a_seat() -> None:
    add(founded("Globex"))
    acme, token = invited(ANN)
    ann = log_in().body
    refused = send(ann, "POST", "/invitations/accept", {"token": token})
    assert (refused.status, refused.problem) == (402, "plan-limit-reached")
    assert people_of(acme) == {"boss@example.com"}
    seats(acme, none_left=False)
    assert send(ann, "POST", "/invitations/accept", {"token": token}).status == 200
    assert people_of(acme) == {"boss@example.com", ANN}


def test_so_does_who_registers_by_one(pool: Pool, founder: object) -> None:
    acme, token = invited(NEW)
    body = {"email": NEW, "password": PASSWORD, "name": "Nora", "invitation": token}
    assert post("/auth/register", body).status < 300
    refused = post("/auth/verify-email", {"email": NEW, "code": pool.codes[NEW][-1]})
    assert (refused.status, refused.problem) == (402, "plan-limit-reached")
    assert people_of(acme) == {"boss@example.com"}
    seats(acme, none_left=False)
    there = log_in(NEW, PASSWORD)
    assert there.status == 200, there.body
    assert claims(there.body)["organization_id"] == acme


def test_who_founds_an_organisation_needs_none_of_anothers(pool: Pool, founder: object) -> None:
    invited(ANN)
    body = {"email": NEW, "password": PASSWORD, "name": "Nora", "organization_name": "Initech"}
    assert post("/auth/register", body).status < 300
    assert post("/auth/verify-email", {"email": NEW, "code": pool.codes[NEW][-1]}).status < 300
    assert log_in(NEW, PASSWORD).status == 200
