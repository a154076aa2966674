"""Modules that a tenant writes: registered, versioned, rolled back, run in scans, removed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from contracts.collection import ModulesRan
from contracts.observations import observation_id
from contracts.scans import ScanBrief, ScanEnded, ScanStatus, Tally
from functions.collection import api, events
from functions.collection.model import BatchInput
from functions.collection.store import Store
from functions.modules import api as registry
from functions.modules import events as registry_events
from functions.scans import api as scans
from kernel.actor import Actor
from kernel.events import Envelope
from kernel.outbox import outbox_record
from kernel.table import Table
from tests.collection.test_service import Scan, seed_of
from tests.e2e.site import slow_site
from tests.kit import actor, call, committed_events, sqs_event

pytestmark = pytest.mark.usefixtures("cloud")

TEMPLATE = """
id: our-title
info:
  name: Our pages have titles
  severity: low
  description: A page has a title.
  remediation: Nothing to do.
http:
  - method: GET
    path: ["{{BaseURL}}/"]
    matchers:
      - type: word
        words: ["%s"]
"""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with slow_site(2, 0) as address:
        yield address


def register(who: Actor, text: str, **headers: str) -> Any:
    return call(api.handler, "POST", "/templates", who, {"template": text}, headers=headers)


def test_a_template_becomes_a_module_with_versions_that_can_be_rolled_back() -> None:
    who = actor()
    first = register(who, TEMPLATE % "Page 0")
    assert (first.status, first.body["name"], first.body["active"]) == (201, "own_our_title", "1.0.0")
    assert register(who, TEMPLATE % "Page 0").body["versions"] == ["1.0.0"]
    second = register(who, TEMPLATE % "nothing like it").body
    assert (second["active"], second["versions"]) == ("1.1.0", ["1.0.0", "1.1.0"])
    path = "/templates/own_our_title"
    assert "nothing like it" in call(api.handler, "GET", path, who).body["text"]
    assert "Page 0" in call(api.handler, "GET", path, who, query="version=1.0.0").body["text"]
    back = call(api.handler, "POST", f"{path}/rollback", who, {"version": "1.0.0"})
    assert (back.status, back.body["active"], back.body["face"]["version"]) == (200, "1.0.0", "1.0.0")
    gone = call(api.handler, "POST", f"{path}/rollback", who, {"version": "7.0.0"})
    assert (gone.status, "1.0.0, 1.1.0" in gone.body["detail"]) == (409, True)
    told = [event.event() for event in committed_events()]
    assert [(e.active, e.before) for e in told if e.type == "OwnModuleChanged.v1"] == [  # type: ignore[attr-defined]
        ("1.0.0", None), ("1.1.0", "1.0.0"), ("1.0.0", "1.1.0"),
    ]  # fmt: skip


def test_templates_whose_ids_look_alike_stay_apart() -> None:
    who, text = actor(), TEMPLATE % "x"
    assert "id: our-title" in text
    assert register(who, text).status == 201
    assert register(who, text.replace("id: our-title", "id: Our-Title")).body["versions"] == ["1.0.0", "1.1.0"]
    taken = register(who, text.replace("id: our-title", "id: our.title"))
    assert (taken.status, taken.problem) == (409, "module-name-taken")
    long = "wordpress-plugin-with-a-very-long-name"
    names = [register(who, text.replace("our-title", f"{long}-{n}")).body["name"] for n in "ab"]
    assert len(set(names)) == 2
    assert all(name.startswith("own_wordpress_plugin_with_a_") and len(name) == 40 for name in names)


def test_a_fault_is_shown_with_its_place_and_changes_nothing() -> None:
    who = actor()
    answer = register(who, "id: x\ninfo:\n  name: y\n  severity: low\nhttp:\n  - method: GET\n    path: [1, 2")
    assert (answer.status, answer.body["type"].rpartition("/")[2]) == (422, "malformed-template")
    assert "line" in answer.body["errors"][0]["detail"]
    assert call(api.handler, "GET", "/templates", who).body["items"] == []


def test_a_scan_runs_the_version_that_it_pinned(site: str) -> None:
    who = actor()
    register(who, TEMPLATE % "Page 0")
    scan = Scan(who, site, modules={"http_probe": "1.0.0", "own_our_title": "1.0.0"})
    register(who, TEMPLATE % "nothing like it")
    assert weaknesses(scan, site) == {"own_our_title"}
    later = Scan(who, site, modules={"http_probe": "1.0.0", "own_our_title": "1.1.0"})
    assert weaknesses(later, site) == set()


def weaknesses(scan: Scan, site: str) -> set[str]:
    """The modules that found a weakness, given the site as a service."""
    value = site.rstrip("/")
    fact = replace(seed_of(scan, value), type="service", id=observation_id(scan.id, "service", value, ""))
    pinned = Table().require(scan.who, ScanBrief, scan_id=scan.id).modules["own_our_title"]
    batch = BatchInput(module="own_our_title", version=pinned, observations=[fact])
    Store().write_plan(scan.who, scan.id, 0, [batch])
    scan.run()
    return {row.module for row in scan.segment() if row.type in ("misconfiguration", "exposure", "vulnerability")}


def test_a_scan_may_name_it_a_profile_picks_it_and_another_tenant_does_not_have_it() -> None:
    who, wanted = actor(), {"name": "Site", "targets": ["127.0.0.1"]}
    register(who, TEMPLATE % "Page 0")
    named = call(scans.handler, "POST", "/scans", who, {**wanted, "modules": ["own_our_title"]})
    assert (named.status, named.body["modules"]) == (201, {"own_our_title": "1.0.0"})
    assert "own_our_title" in call(scans.handler, "POST", "/scans", who, wanted).body["modules"]
    stranger = call(scans.handler, "POST", "/scans", actor(), {**wanted, "modules": ["own_our_title"]})
    assert stranger.status == 422
    listed = call(registry.handler, "GET", "/modules", who, query="own=true").body["items"]
    assert [each["name"] for each in listed] == ["own_our_title"]
    assert call(registry.handler, "GET", "/modules/own_our_title", actor()).status == 404


def test_a_removed_module_is_gone_and_a_disabled_one_is_not_picked() -> None:
    who, wanted = actor(), {"name": "Site", "targets": ["127.0.0.1"]}
    register(who, TEMPLATE % "Page 0")
    assert call(registry.handler, "POST", "/modules/own_our_title/disable", who).status == 200
    assert "own_our_title" not in call(scans.handler, "POST", "/scans", who, wanted).body["modules"]
    assert call(api.handler, "DELETE", "/templates/own_our_title", who).status == 204
    assert call(api.handler, "GET", "/templates/own_our_title", who).status == 404


def test_a_module_that_is_registered_anew_goes_on_from_its_last_version() -> None:
    who = actor()
    for text in ("a", "b"):
        register(who, TEMPLATE % text)
    for number in ("1.2.0", "1.3.0"):
        assert call(api.handler, "DELETE", "/templates/own_our_title", who).status == 204
        again = register(who, TEMPLATE % "a").body
        assert (again["active"], again["versions"], again["face"]["version"]) == (number, [number], number)
    assert register(who, TEMPLATE % "c").body["versions"] == ["1.3.0", "1.4.0"]
    assert call(api.handler, "GET", "/templates/own_our_title", who, query="version=1.0.0").status == 404
    assert register(actor(), TEMPLATE % "a").body["active"] == "1.0.0"


def test_what_modules_did_becomes_figures_once(site: str) -> None:
    who = actor()
    scan = Scan(who, site, modules={"crawler": "1.0.0"})
    scan.plan()
    found = scan.run()
    ended = ScanEnded(scan_id=scan.id, name="Site", status=ScanStatus.FINISHED, tally=Tally())
    record = outbox_record(Actor.system(who.tenant_id), ended, 1)
    for _ in range(2):
        assert events.handler(sqs_event(Envelope.model_validate_json(record.envelope)), None) == {
            "batchItemFailures": []
        }
    (told,) = [each for each in committed_events() if each.type == ModulesRan.type]
    for _ in range(2):
        assert registry_events.handler(sqs_event(told), None) == {"batchItemFailures": []}
    shown = call(registry.handler, "GET", "/modules/crawler/analytics", who).body
    assert (shown["total"]["scans"], shown["total"]["tasks"]) == (1, 1)
    assert shown["total"]["observations"] == found == shown["by_version"]["1.0.0"]["observations"]
    assert shown["total"]["yield_per_task"] == found
    assert shown["total"]["p95_seconds"] > 0
    assert [day["version"] for day in shown["by_day"]] == ["1.0.0"]
    assert call(registry.handler, "GET", "/modules/crawler/analytics", actor()).body["total"]["scans"] == 0
    assert call(registry.handler, "GET", "/modules/nonesuch/analytics", who).status == 404
