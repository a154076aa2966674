"""Facts are kept as long as the organisation says; then they go, and their counts stay."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from contracts.facts import encode_rows, scan_prefix, segment_key, upload_key
from contracts.organizations import Tenancy
from contracts.scans import ScanBrief, ScanStatus
from functions.intelligence import api, schedule, steps
from functions.intelligence.model.retention import PLAN_DAYS, SLOTS, keeper_of
from functions.intelligence.service import retaining
from functions.intelligence.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.facts import Facts
from kernel.table import Table, create, put, update
from tests.intelligence.stored import Scan
from tests.intelligence.test_graph import ended, values, work
from tests.kit import Answer, actor, call, committed_events

pytestmark = pytest.mark.usefixtures("cloud")
NOW = clock.parse("2026-12-01T12:00:00.000Z")


@pytest.fixture(autouse=True)
def december(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def who() -> Actor:
    return actor()


def ask(who: Actor, method: str, path: str = "", body: Any = None, query: str = "", **headers: str) -> Answer:
    return call(api.handler, method, f"/facts/retention{path}", who, body, query=query, headers=headers)


def learnt(who: Actor, day: int, address: str) -> Scan:
    scan = ended(who, day, ("ip", address))
    steps.learn(work(scan), None)
    return scan


def test_the_plan_says_how_long_until_the_organisation_does(who: Actor) -> None:
    said = ask(who, "GET").body
    assert (said["days"], said["plan_days"], said["applied_days"]) == (None, PLAN_DAYS["free"], PLAN_DAYS["free"])
    Table().write(create(Tenancy(tenant_id=who.tenant_id, plan="enterprise")))
    assert ask(who, "GET").body["applied_days"] is None
    changed = ask(who, "PUT", body={"days": 10}).body
    assert (changed["days"], changed["applied_days"], changed["changed_by"]) == (10, 10, who.user_id)
    assert ask(who, "PUT", body={"days": 20}, **{"if-match": '"7"'}).status == 412
    assert ask(who, "PUT", body={"days": 20}, **{"if-match": '"1"'}).body["applied_days"] == 20
    assert ask(who, "PUT", body={"days": 0}).status == 422
    assert ask(who, "PUT", body={"days": None}).body["applied_days"] is None
    viewer = who.model_copy(update={"permissions": frozenset({"scans:read"})})
    assert ask(viewer, "PUT", body={"days": 1}).status == 403


def test_a_dry_run_says_what_would_go_and_nothing_goes(who: Actor) -> None:
    old, _new = learnt(who, 1, "192.0.2.1"), learnt(who, 20, "192.0.2.2")
    before = list(Facts().keys(who, f"tenants/{who.tenant_id}/"))
    said = ask(who, "GET", "/dry-run", query="days=15").body
    assert said["before"] == "2026-11-16T12:00:00.000Z"
    assert [(each["scan_id"], each["observations"]) for each in said["scans"]] == [(old.id, 2)]
    assert said["observations"] == 2
    assert ask(who, "GET", "/dry-run").body["scans"] == []
    assert list(Facts().keys(who, f"tenants/{who.tenant_id}/")) == before


def test_old_facts_go_and_counts_stay(who: Actor) -> None:
    old, new = learnt(who, 1, "192.0.2.1"), learnt(who, 20, "192.0.2.2")
    ask(who, "PUT", body={"days": 15})
    assert [each.scan_id for each in retaining.retire(Store(), who).scans] == [old.id]
    assert len(list(Facts().keys(who, scan_prefix(who.tenant_id, old.id)))) == 1
    assert old.get("observations").body == {"items": [], "next_cursor": None}
    assert old.get("graph").body["nodes"] == []
    said = old.get("integrity").body
    assert (said["objects"], said["damages"]) == (0, [])
    (manifest,) = Store().index(who, old.id, 0).manifests
    assert (manifest.stored, manifest.by_type) == (2, {"domain": 1, "ip": 1})
    assert len(new.get("observations").body["items"]) == 2
    assert values(who, "type=ip") == ["192.0.2.2"]
    assert Table().require(who, ScanBrief, scan_id=old.id)
    assert retaining.retire(Store(), who).scans == []
    told = [(event.type, event.event().model_dump()) for event in committed_events()]
    assert sorted(told, reverse=True) == [
        ("RetentionChanged.v1", {"days": 15, "before": 90}),
        ("FactsRetired.v1", {"days": 15, "scans": [old.id], "observations": 2}),
    ]
    assert steps.compact(work(old), None)["observations"] == 0


def test_whoever_died_between_is_followed_by_who_finishes(who: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    old = learnt(who, 1, "192.0.2.1")
    ask(who, "PUT", body={"days": 15})
    with monkeypatch.context() as patch:
        patch.setattr(Store, "remove", lambda *_: (_ for _ in ()).throw(RuntimeError("dead")))
        with pytest.raises(RuntimeError):
            retaining.retire(Store(), who)
    assert len(list(Facts().keys(who, scan_prefix(who.tenant_id, old.id)))) > 1
    retaining.retire(Store(), who)
    assert len(list(Facts().keys(who, scan_prefix(who.tenant_id, old.id)))) == 1


def test_what_runs_or_is_young_stays(who: Actor) -> None:
    scan = learnt(who, 1, "192.0.2.1")
    brief = Table().require(who, ScanBrief, scan_id=scan.id)
    brief.status = brief.status.RUNNING
    Table().write(update(brief))
    ask(who, "PUT", body={"days": 1})
    assert ask(who, "GET", "/dry-run").body["scans"] == []


def test_a_scan_that_ended_before_its_first_wave_keeps_nobody_from_retention(who: Actor) -> None:
    learnt(who, 1, "192.0.2.1")
    broken = Scan(who)
    Facts().put(who, segment_key(who.tenant_id, broken.id, 0, 1), encode_rows([broken.fact("host", "a.example")]))
    young = Scan(who)
    Facts().put(who, segment_key(who.tenant_id, young.id, 0, 1), encode_rows([young.fact("host", "a.example")]))
    for scan, at in ((broken, "2026-11-01T08:00:00.000Z"), (young, "2026-11-30T08:00:00.000Z")):
        scan.brief.status, scan.brief.finished_at = ScanStatus.FAILED, at
        Table().write(update(scan.brief))
    ask(who, "PUT", body={"days": 10})
    gone = retaining.retire(Store(), who)
    assert len(gone.scans) == 1
    assert retaining.retire(Store(), who).scans == []
    left = [list(Facts().keys(who, scan_prefix(who.tenant_id, scan.id))) for scan in (broken, young)]
    assert [len(keys) for keys in left] == [0, 1]


def test_each_hours_clock_looks_after_its_organisations(monkeypatch: pytest.MonkeyPatch) -> None:
    known = [actor() for _ in range(8)]
    slots = {keeper_of(each.tenant_id).slot for each in known}
    assert all(0 <= slot < SLOTS for slot in slots)
    for each in known[1:]:
        Table().write(put(keeper_of(each.tenant_id)))
    first = known[0]
    old = learnt(first, 1, "192.0.2.1")
    ask(first, "PUT", body={"days": 15})
    looked_at = gone = 0
    for hour in range(SLOTS):
        monkeypatch.setattr(clock, "now", lambda hour=hour: NOW.replace(hour=hour))
        said = schedule.handler({}, None)
        looked_at += said["looked_at"]
        gone += said["retired"]
    assert (looked_at, gone) == (8, 1)
    assert old.get("observations").body["items"] == []


def test_one_that_fails_does_not_keep_the_others(who: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    other = actor()
    for each in (who, other):
        Table().write(put(keeper_of(each.tenant_id)))
    turns = []

    def failing(_store: Store, actor: Actor) -> None:
        turns.append(actor.tenant_id)
        raise RuntimeError("dead")

    monkeypatch.setattr(retaining, "retire", failing)
    for hour in range(SLOTS):
        monkeypatch.setattr(clock, "now", lambda hour=hour: NOW.replace(hour=hour))
        assert schedule.handler({}, None)["retired"] == 0
    assert sorted(turns) == sorted([who.tenant_id, other.tenant_id])


def test_a_file_that_was_never_taken_in_goes(who: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    made = call(api.handler, "POST", "/imports", who, {"name": "n", "format": "csv"}).body
    key = upload_key(who.tenant_id, made["import_id"])
    Facts().put(who, key, b"type,value\n")
    retaining.retire(Store(), who)
    assert Facts().get(who, key)
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(days=3))
    retaining.retire(Store(), who)
    assert list(Facts().keys(who, key)) == []
