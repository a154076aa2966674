"""Social log-in: a provider of the deployment stands for the password of an account that is there."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.access import Role
from contracts.identity import SignInRules
from kernel.table import Table, create
from tests.identity.federation.hosted import Around
from tests.identity.federation.kit import begin, finish, told
from tests.identity.kit import ANN, add, claims, post, refresh, with_factor
from tests.identity.kit import log_in as by_password
from tests.identity.pool import Pool
from tests.kit import Answer, actor

VERIFIED = {"custom:verified": "true"}


@pytest.fixture(autouse=True)
def google(outside: Around, monkeypatch: pytest.MonkeyPatch) -> None:
    """The deployment has one."""
    monkeypatch.setenv("SOCIAL_PROVIDERS", "Google")


def log_in(outside: Around, email: str = ANN, subject: str = "1", **said: Any) -> Answer:
    begun = begin(email=None, provider="Google").body
    return finish(begun, outside.come_back(begun, email, subject, **(said or VERIFIED)))


def test_who_has_an_account_comes_in(outside: Around) -> None:
    first, second = actor(), actor()
    user = add(first.tenant_id)
    answer = log_in(outside)
    assert answer.status == 200, answer.body
    said = claims(answer.body)
    assert (said["user_id"], said["organization_id"]) == (user["user_id"], first.tenant_id)
    assert told("IdentityLinked")[0]["connection_id"] == "Google"
    assert claims(refresh(answer.body).body)["roles"] == [Role.ANALYST]
    assert log_in(outside).status == 200
    assert len(told("IdentityLinked")) == 1
    body = {"refresh_token": answer.body["refresh_token"], "organization_id": second.tenant_id}
    assert post("/auth/switch", body).status in (401, 404)


@pytest.mark.parametrize("verdict", [{"custom:verified": "false"}, {"custom:verified": "maybe"}, {"name": "Ann"}])
def test_an_address_that_is_not_verified_is_nobodys(outside: Around, verdict: dict[str, str]) -> None:
    add(actor().tenant_id)
    refused = log_in(outside, **verdict)
    assert (refused.status, refused.problem) == (401, "foreign-address")
    assert told("SsoRefused")[-1]["reason"] == "foreign-address"


def test_who_has_no_account_is_brought_in_nowhere(outside: Around) -> None:
    assert log_in(outside, "nobody@example.com").problem == "not-provisioned"
    assert told("UserCreated") == []


def test_a_second_factor_is_not_stood_for(outside: Around, pool: Pool) -> None:
    add(actor().tenant_id)
    with_factor(pool, by_password().body)
    assert log_in(outside).problem == "password-needed"
    assert told("SsoRefused")[-1]["reason"] == "password-needed"


def test_a_factor_that_is_demanded_is_missing(outside: Around) -> None:
    who = actor()
    add(who.tenant_id)
    Table().write(create(SignInRules(tenant_id=who.tenant_id, mfa_required=True)))
    assert log_in(outside).body["mfa_setup_required"]


def test_an_organisation_that_logs_in_by_its_own_provider_alone_is_closed(outside: Around) -> None:
    who = actor()
    add(who.tenant_id)
    Table().write(create(SignInRules(tenant_id=who.tenant_id, sso_only=True)))
    assert log_in(outside).problem == "no-organization"


def test_an_identity_stays_whose_it_was(outside: Around) -> None:
    who = actor()
    add(who.tenant_id)
    add(who.tenant_id, email="bob@example.com")
    assert log_in(outside).status == 200
    assert log_in(outside, "bob@example.com").problem == "other-identity"


def test_a_code_is_good_once_and_only_where_it_was_asked_for(outside: Around) -> None:
    add(actor().tenant_id)
    begun = begin(email=None, provider="Google").body
    code = outside.come_back(begun, ANN, **VERIFIED)
    assert finish(begun, code, code_verifier="w" * 64).problem == "sso-mismatch"
    assert finish(begun, code).status == 200
    assert finish(begun, code).problem == "sso-over"
    assert begin(email=None, provider="Facebook").problem == "no-sso"
    assert begin(provider="Google").problem == "invalid"
