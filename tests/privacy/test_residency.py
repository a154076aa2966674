"""Residency: where an organisation lives is recorded, and nobody works on it from elsewhere."""

from __future__ import annotations

import json
import time

import pytest

from contracts.identity import SessionRecord
from contracts.organizations import Tenancy
from contracts.residency import ForeignRegion, address_of, demand_here, home_for
from functions.access.gate import Gate
from functions.access.gatekeeper import Entrance, Visit
from functions.organizations import api, service, steps
from functions.organizations.model import Organization
from functions.organizations.store import Store
from kernel.errors import OtherRegion
from kernel.ids import new_id
from kernel.table import Table, create
from tests.kit import actor, call, committed_events

FRANKFURT, HERE = "eu-central-1", "us-east-1"


@pytest.fixture(autouse=True)
def region(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stage of one region that knows another's address."""
    monkeypatch.setenv("HOME_REGION", HERE)
    monkeypatch.setenv("REGION_ADDRESSES", json.dumps({FRANKFURT: "https://eu.palisade.example"}))


def test_an_organisation_lives_where_it_was_founded() -> None:
    who = actor()
    assert service.create_organization(Store(), who, "Acme").region == HERE
    tenancy = Table().get_platform(Tenancy, tenant_id=who.tenant_id)
    assert tenancy is not None
    assert tenancy.region == HERE
    assert call(api.handler, "POST", "/organizations", who, {"name": "Beta"}).body["region"] == HERE


def test_one_for_elsewhere_is_founded_elsewhere() -> None:
    who = actor()
    service.create_organization(Store(), who, "Acme")
    before = len(committed_events())
    refused = call(api.handler, "POST", "/organizations", who, {"name": "Beta", "region": FRANKFURT})
    assert (refused.status, refused.problem) == (422, "foreign-region")
    assert "https://eu.palisade.example" in refused.body["detail"]
    assert len(committed_events()) == before
    other = new_id("org")
    with pytest.raises(ForeignRegion):
        steps.create_organization({"tenant_id": other, "name": "Gamma", "region": FRANKFURT}, None)
    assert Table().get(actor(tenant_id=other), Organization) is None


@pytest.mark.parametrize("text", ["Frankfurt", "eu-central", "", "eu-central-1; x", "e" * 40])
def test_what_is_no_region_is_refused(text: str) -> None:
    who = actor()
    service.create_organization(Store(), who, "Acme")
    assert call(api.handler, "POST", "/organizations", who, {"name": "B", "region": text}).problem == "invalid"


def test_nobody_enters_an_organisation_that_lives_elsewhere() -> None:
    who = actor()
    Table().write(create(Tenancy(tenant_id=who.tenant_id, region=FRANKFURT)))
    at = "2026-01-01T00:00:00.000Z"
    session = {"session_id": "s", "user_id": who.user_id, "device": "d", "created_at": at, "last_seen_at": at}
    Table().write(create(SessionRecord(tenant_id=who.tenant_id, **session)))
    claims = {
        **{"organization_id": who.tenant_id, "user_id": who.user_id, "roles": [], "permissions": []},
        **{"origin_jti": "s", "iat": int(time.time())},
    }
    with pytest.raises(OtherRegion, match=r"eu\.palisade\.example"):
        Entrance(Gate()).admit_session(claims, Visit("GET", "/scans", None))
    assert committed_events()[-1].data["problem"] == "other-region"


def test_where_there_is_one_region_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME_REGION")
    demand_here(FRANKFURT)
    assert home_for(FRANKFURT) == FRANKFURT
    assert home_for("") == ""
    assert address_of("ap-south-1") is None
