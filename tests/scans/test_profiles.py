"""A tenant's own profiles: made, replaced, used by scans, and forgotten."""

from __future__ import annotations

from typing import Any

import pytest

from functions.scans import api
from kernel.actor import Actor
from tests.kit import actor, call, committed_events

pytestmark = pytest.mark.usefixtures("cloud")

NIGHTLY = {
    "summary": "Slow and polite, at night",
    "pace": 0.5,
    "without": ["crawler"],
    "politeness": {"requests_per_second": 2, "respect_robots": True},
    "budget": {"dollars": 1.5, "packets": 100_000},
}


def save(who: Actor, choice: dict[str, Any], name: str = "nightly", **headers: str) -> Any:
    return call(api.handler, "PUT", f"/scans/profiles/{name}", who, choice, headers=headers)


def scan(who: Actor, **fields: Any) -> Any:
    return call(api.handler, "POST", "/scans", who, {"name": "Site", "targets": ["127.0.0.1"], **fields})


def test_a_scan_takes_modules_manners_and_budget_from_a_profile_of_ones_own() -> None:
    who = actor()
    assert save(who, NIGHTLY).status == 200
    made = scan(who, profile="nightly").body
    assert "crawler" not in made["modules"]
    assert "http_probe" in made["modules"]
    assert made["pace"] == 0.5
    assert made["politeness"]["requests_per_second"] == 2
    assert (made["budget"]["dollars"], made["budget"]["packets"]) == (1.5, 100_000)
    own = scan(who, profile="nightly", budget={"dollars": 9}, politeness={"concurrency": 3}).body
    assert (own["budget"]["dollars"], own["politeness"]["concurrency"]) == (9, 3)


def test_there_is_an_end_to_the_number_of_profiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.scans.service.profiles.MAX_OWN_PROFILES", 2)
    who = actor()
    for name in ("one", "two", "two"):
        assert save(who, NIGHTLY, name).status == 200
    refused = save(who, NIGHTLY, "three")
    assert (refused.status, refused.problem) == (409, "too-many-profiles")
    assert save(actor(), NIGHTLY, "three").status == 200
    assert call(api.handler, "DELETE", "/scans/profiles/one", who).status == 204
    assert save(who, NIGHTLY, "three").status == 200


def test_a_profile_that_names_modules_runs_those_alone() -> None:
    who = actor()
    save(who, {"summary": "Names only", "modules": ["resolve", "records"]})
    assert set(scan(who, profile="nightly").body["modules"]) == {"resolve", "records"}


def test_profiles_are_listed_replaced_and_forgotten() -> None:
    who = actor()
    save(who, NIGHTLY)
    replaced = save(who, {**NIGHTLY, "summary": "Other"}, **{"if-match": '"1"'})
    assert (replaced.status, replaced.body["choice"]["summary"]) == (200, "Other")
    assert save(who, NIGHTLY, **{"if-match": '"1"'}).status == 412
    listed = call(api.handler, "GET", "/scans/profiles", who).body["items"]
    assert [(each["name"], each["built_in"]) for each in listed[-2:]] == [("intrusive", True), ("nightly", False)]
    assert call(api.handler, "DELETE", "/scans/profiles/nightly", who).status == 204
    assert call(api.handler, "DELETE", "/scans/profiles/nightly", who).status == 404
    assert scan(who, profile="nightly").status == 422
    told = [event.type for event in committed_events()]
    assert told == ["ScanProfileChanged.v1", "ScanProfileChanged.v1", "ScanProfileDeleted.v1"]


def test_another_tenant_does_not_have_it() -> None:
    save(actor(), NIGHTLY)
    assert scan(actor(), profile="nightly").status == 422


@pytest.mark.parametrize(
    ("name", "choice", "status", "slug"),
    [
        ("quick", NIGHTLY, 409, "reserved-profile"),
        ("nightly", {**NIGHTLY, "modules": ["nonesuch"]}, 422, "unknown-module"),
        ("nightly", {**NIGHTLY, "pace": 0}, 422, "invalid"),
        ("nightly", {**NIGHTLY, "budget": {"dollars": 0}}, 422, "empty-budget"),
        ("nightly", {**NIGHTLY, "politeness": {"requests_per_second": 0}}, 422, "invalid"),
        ("Not A Name", NIGHTLY, 422, "invalid"),
    ],
)
def test_what_makes_no_sense_is_refused(name: str, choice: dict[str, Any], status: int, slug: str) -> None:
    answer = save(actor(), choice, name.replace(" ", "%20"))
    assert (answer.status, answer.body["type"].rpartition("/")[2]) == (status, slug)


def test_a_schedule_has_its_profiles_budget_unless_it_names_one() -> None:
    who = actor()
    assert save(who, NIGHTLY).status == 200
    wanted = {"name": "S", "targets": ["127.0.0.1"], "profile": "nightly", "cron": "30 2 * * 1"}
    assert call(api.handler, "POST", "/schedules", who, wanted).body["budget"]["dollars"] == 1.5
    named = call(api.handler, "POST", "/schedules", who, {**wanted, "budget": {"dollars": 3}})
    assert named.body["budget"]["dollars"] == 3
