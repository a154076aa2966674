"""The organisation on the command line: what is used of its plan, who may come, its end."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client.conftest import Palisade
from tests.client.platform import Platform, problem

ORGANIZATION: dict[str, Any] = {
    "organization_id": "org_1",
    "name": "Acme",
    "status": "active",
    "plan": "free",
    "owner_id": "user_1",
    "region": "",
    "erased_after": None,
    "version": 3,
}
HERE = "/organizations/org_1"
LINES = [
    {"metered": "users", "used": 4, "limit": 5, "left": 1, "period": "now", "is_exhausted": False},
    {"metered": "scans", "used": 50, "limit": 50, "left": 0, "period": "2026-01", "is_exhausted": True},
    {"metered": "storage", "used": 1_610_612_736, "limit": 2_147_483_648, "left": 1, "period": "now"},
    {"metered": "api_calls", "used": 12, "limit": None, "left": None, "period": "2026-01"},
]
PLANS = [
    {
        **{"name": name, "title": name, "users": users, "scans": 10, "observations": 1000, "storage": 1024},
        **{"api_calls": 0, "requests_per_second": 20.0, "burst": 100, "audit_days": 90, "organizations": 1},
    }
    for name, users in (("free", 5), ("starter", 15))
]


@pytest.fixture
def here(logged_in: Platform) -> Platform:
    """Somebody acts in Acme."""
    logged_in.page("GET /organizations", [ORGANIZATION])
    return logged_in


def test_the_organisation_is_shown(here: Platform, palisade: Palisade) -> None:
    said = palisade("organization")
    assert said.code == 0
    assert all(word in said.out for word in ("org_1", "Acme", "free", "active"))
    assert palisade("organization", "--json").data["organization_id"] == "org_1"


def test_usage_is_a_picture_that_is_read_without_colours(here: Platform, palisade: Palisade) -> None:
    here.answer(f"GET {HERE}/usage", {"plan": "free", "lines": LINES})
    said = palisade("organization", "usage")
    lines = {line.split()[0]: line for line in said.out.splitlines() if line.split()}
    assert "80%" in lines["Users"]
    assert "100%" in lines["Scans"]
    assert "1.5 GB" in lines["Storage"]
    assert "2.0 GB" in lines["Storage"]
    assert "no limit" in lines["Api"]
    assert "█" * 24 in lines["Scans"]
    assert palisade("organization", "usage", "--json").data["lines"] == LINES


def test_plans_are_shown_and_changed(here: Platform, palisade: Palisade) -> None:
    here.answer(f"GET {HERE}/subscription", {"plan": PLANS[0], "available": PLANS, "version": 3})
    here.answer(f"PUT {HERE}/subscription", {"plan": PLANS[1], "available": PLANS, "version": 4})
    shown = palisade("organization", "plan").out.splitlines()
    assert [line.split()[0] for line in shown if "yours" in line] == ["free"]
    assert "no limit" in shown[-1]
    changed = palisade("organization", "plan", "starter").out.splitlines()
    assert [line.split()[0] for line in changed if "yours" in line] == ["starter"]
    assert here.called(f"PUT {HERE}/subscription")[0].body == {"plan": "starter"}


def test_a_plan_that_is_too_small_says_why(here: Platform, palisade: Palisade) -> None:
    here.answer(f"PUT {HERE}/subscription", problem(409, "plan-too-small", "Too small"))
    said = palisade("organization", "plan", "free")
    assert (said.code, "Too small" in said.err) == (1, True)


def test_closing_asks_for_the_name_and_can_be_taken_back(here: Platform, palisade: Palisade) -> None:
    closing = {**ORGANIZATION, "status": "closing", "erased_after": "2026-02-01T00:00:00.000Z"}
    here.answer(f"POST {HERE}/close", closing)
    here.answer(f"POST {HERE}/restore", ORGANIZATION)
    nobody = palisade("organization", "close")
    assert nobody.code == 2
    assert here.called(f"POST {HERE}/close") == []
    assert "closing" in palisade("organization", "close", "--yes").out
    assert here.called(f"POST {HERE}/close")[0].body == {"name": "Acme"}
    assert "active" in palisade("organization", "restore").out


def test_providers_are_let_in_listed_and_sent_away(here: Platform, palisade: Palisade) -> None:
    granted = {"provider_id": "org_2", "roles": ["analyst"], "ends_at": None, "user_ids": [], "note": "", "version": 1}
    here.answer(f"PUT {HERE}/delegations/org_2", granted)
    here.page(f"GET {HERE}/delegations", [granted])
    here.page(f"GET {HERE}/customers", [{"customer_id": "org_3", "customer_name": "Beta", "roles": ["viewer"]}])
    here.answer(f"DELETE {HERE}/delegations/org_2", {})
    assert "analyst" in palisade("organization", "delegate", "org_2", "--role", "analyst", "--note", "Audit").out
    assert here.called(f"PUT {HERE}/delegations/org_2")[0].body == {
        "roles": ["analyst"],
        "user_ids": [],
        "ends_at": None,
        "note": "Audit",
    }
    assert "org_2" in palisade("organization", "providers").out
    assert "Beta" in palisade("organization", "customers").out
    assert palisade("organization", "undelegate", "org_2").code == 2
    assert palisade("organization", "undelegate", "org_2", "--yes").code == 0


def test_another_organisation_is_founded_and_ownership_handed_over(here: Platform, palisade: Palisade) -> None:
    here.answer("POST /organizations", {"organization_id": "org_9", "name": "Beta"})
    here.answer(f"POST {HERE}/transfer", {**ORGANIZATION, "owner_id": "user_2"})
    here.answer(f"PUT {HERE}", {**ORGANIZATION, "name": "Apex"})
    assert "org_9" in palisade("organization", "found", "Beta").out
    assert "user_2" in palisade("organization", "transfer", "user_2", "--yes").out
    assert here.called(f"POST {HERE}/transfer")[0].body == {"user_id": "user_2", "name": "Acme"}
    assert "Apex" in palisade("organization", "rename", "Apex").out
