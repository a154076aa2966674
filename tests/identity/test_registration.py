"""Registering: a new organisation, or by invitation; the address is verified first, and nobody learns who exists."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from contracts.access import Role
from contracts.organizations import Tenancy
from kernel import clock
from kernel.table import Table
from tests.faults import Crash, hooked
from tests.identity.kit import ANN, PASSWORD, add, claims, log_in, post, send
from tests.identity.pool import Pool
from tests.identity.test_members import ADMIN, BOSS, founded, invited, mailed
from tests.kit import committed_events

pytestmark = pytest.mark.usefixtures("mail", "founder")
NEW = {"email": "New@Example.com", "password": PASSWORD, "name": "Nora", "organization_name": "Initech"}
NORA = "new@example.com"


def verify(pool: Pool, email: str = NORA) -> Any:
    return post("/auth/verify-email", {"email": email, "code": pool.codes[email][-1]})


def test_who_registers_an_organisation_administers_it_at_once(pool: Pool) -> None:
    assert post("/auth/register", NEW).status == 202
    assert log_in(NORA).problem == "wrong-credentials", "the address is not verified"
    assert verify(pool).status == 204
    tokens = log_in(NORA)
    assert tokens.status == 200, tokens.body
    said = claims(tokens.body)
    assert (said["roles"], said["email"]) == (["organization_admin"], NORA)
    tenancy = Table().get_platform(Tenancy, tenant_id=said["organization_id"])
    assert tenancy is not None, "the authorizer knows the organisation"
    assert [each["name"] for each in send(tokens.body, "GET", "/users/me/organizations").body["items"]] == ["Initech"]
    assert {"OrganizationCreated.v1", "UserCreated.v1"} <= {event.type for event in committed_events()}


def test_a_code_is_wrong_used_or_late(pool: Pool) -> None:
    post("/auth/register", NEW)
    code = pool.codes[NORA][-1]
    other = f"{(int(code) + 1) % 10**6:06}"
    wrong = post("/auth/verify-email", {"email": NORA, "code": other})
    assert (wrong.status, wrong.problem) == (401, "wrong-code")
    with time_machine.travel(clock.now() + timedelta(hours=2)):
        late = verify(pool)
    assert (late.status, late.problem) == (401, "code-expired")
    assert post("/auth/resend-code", {"email": NORA}).status == 204
    assert verify(pool).status == 204
    used = verify(pool)
    assert (used.status, used.problem) == (401, "wrong-code")
    assert "used before" in used.body["detail"]


def test_an_address_that_has_an_account_gets_the_same_answer_and_its_owner_a_mail(pool: Pool) -> None:
    add(founded())
    fresh, taken = post("/auth/register", NEW), post("/auth/register", {**NEW, "email": ANN})
    assert (fresh.status, fresh.body | {"email": ""}) == (taken.status, taken.body | {"email": ""})
    assert "There is an account" in mailed()[-1]
    assert ANN not in pool.codes
    assert log_in().status == 200, "nothing was changed"
    for email in (ANN, NORA, "nobody@example.com"):
        assert post("/auth/resend-code", {"email": email}).status == 204


def test_who_registers_an_address_first_and_never_verifies_it_keeps_nothing(pool: Pool) -> None:
    post("/auth/register", {**NEW, "password": "Attackers-Horse-9-x"})
    stale = pool.codes[NORA][-1]
    post("/auth/register", NEW)
    if pool.codes[NORA][-1] != stale:
        assert post("/auth/verify-email", {"email": NORA, "code": stale}).problem == "wrong-code"
    assert verify(pool).status == 204
    assert log_in(NORA, "Attackers-Horse-9-x").problem == "wrong-credentials"
    assert log_in(NORA).status == 200


def test_an_invitation_is_registered_with_by_the_invited_address_alone(pool: Pool) -> None:
    acme = founded()
    add(acme, **BOSS)
    token, _ = invited(log_in(ADMIN).body, NORA, Role.VIEWER.value)
    body = {"email": NORA, "password": PASSWORD, "name": "Nora", "invitation": token}
    other = post("/auth/register", {**body, "email": "eve@example.com"})
    assert (other.status, other.problem) == (403, "invitation-for-another")
    assert committed_events()[-1].type == "InvitationRefused.v1"
    assert "eve@example.com" not in pool.people
    assert post("/auth/register", body).status == 202
    assert verify(pool).status == 204
    said = claims(log_in(NORA).body)
    assert (said["organization_id"], said["roles"]) == (acme, ["viewer"])
    again = post("/auth/register", {**body, "email": NORA})
    assert (again.status, again.problem) == (409, "invitation-closed")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"password": "short"}, "weak-password"),
        ({"password": "Password-2026!"}, "weak-password"),
        ({"organization_name": None}, "invalid"),
        ({"invitation": "a.b.c" * 5}, "invalid"),
        ({"organization_name": None, "invitation": "a.b.cccccccc"}, "invitation-unknown"),
        ({"email": "x"}, "invalid"),
        ({"name": "\u0000"}, "invalid"),
        ({"roles": ["super_admin"]}, "invalid"),
    ],
)
def test_a_bad_registration_begins_nothing(change: dict[str, Any], problem: str, pool: Pool) -> None:
    assert post("/auth/register", {**NEW, **change}).problem == problem
    assert pool.people == {}


def test_what_a_crash_left_undone_the_first_log_in_does(pool: Pool) -> None:
    """The address was verified, and the process died before the organisation was there."""
    post("/auth/register", NEW)

    def die(model: Any, **_keywords: Any) -> None:
        if model.name == "Invoke":
            raise Crash

    with hooked(die, "before-call"):
        assert verify(pool).status == 500
    tokens = log_in(NORA)
    assert tokens.status == 200, tokens.body
    assert claims(tokens.body)["roles"] == ["organization_admin"]


def test_guessing_codes_closes_the_door() -> None:
    post("/auth/register", NEW)
    answers = [post("/auth/verify-email", {"email": NORA, "code": "000000"}).problem for _ in range(6)]
    assert answers == ["wrong-code"] * 5 + ["locked-out"]
