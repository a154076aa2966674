"""Teams limit what a member sees: a scan that carries a team, and all that comes of it, is seen by the team's people
and by administrators; for others it is not there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.access import Role, TeamBrief
from contracts.findings import Detection, Severity
from contracts.identity import SessionRecord
from contracts.organizations import Tenancy
from functions.collection import api as collection
from functions.findings import api as findings
from functions.findings.model import new_finding
from functions.findings.service import record
from functions.findings.store import Store as FindingStore
from functions.intelligence import api as intelligence
from functions.realtime import service as realtime
from functions.realtime.store import Store as RealtimeStore
from functions.reports import api as reports
from functions.scans import api as scans
from kernel import clock
from kernel.actor import Actor
from kernel.ids import new_id
from kernel.table import Table, create, put
from tests.kit import Answer, Handler, actor, call

BODY = {"name": "mine", "targets": ["127.0.0.1"], "profile": "stealth"}


@pytest.fixture(autouse=True)
def world(cloud: None) -> None:
    """Each test has an empty cloud."""


class House:
    """An organisation with a team, an insider, an outsider, and an administrator."""

    def __init__(self) -> None:
        self.admin = actor()
        tenant = self.admin.tenant_id
        self.team_id = new_id("team")
        Table().write(create(TeamBrief(tenant_id=tenant, team_id=self.team_id, name="Red")))
        self.insider = actor(Role.ANALYST, tenant, teams=frozenset({self.team_id}))
        self.outsider = actor(Role.ANALYST, tenant)

    def scan(self, who: Actor | None = None, **fields: Any) -> str:
        made = call(scans.handler, "POST", "/scans", who or self.insider, {**BODY, "team_id": self.team_id, **fields})
        assert made.status == 201, made.body
        return str(made.body["scan_id"])


@given(
    carried=st.none() | st.sampled_from("abc"),
    teams=st.frozensets(st.sampled_from("abc")),
    held=st.frozensets(st.sampled_from(["teams:*", "teams:read", "teams:update", "scans:*", "*"])),
)
def test_an_actor_sees_what_is_of_no_team_or_of_his(
    carried: str | None, teams: frozenset[str], held: frozenset[str]
) -> None:
    who = actor(Role.VIEWER, teams=teams).model_copy(update={"permissions": held})
    assert who.sees(carried) is (carried is None or carried in teams or bool(held & {"teams:*", "*"}))
    assert Actor.system(who.tenant_id).sees(carried)


def test_a_teams_scan_is_there_for_its_people_and_for_administrators() -> None:
    house = House()
    scan_id, open_id = house.scan(), house.scan(team_id=None)
    routes: list[tuple[Handler, str, str]] = [
        (scans.handler, "GET", ""),
        (scans.handler, "DELETE", ""),
        *((scans.handler, "POST", f"/{command}") for command in ("start", "pause", "resume", "stop")),
        (findings.handler, "GET", "/findings"),
        (collection.handler, "GET", "/progress"),
        (collection.handler, "GET", "/log"),
        *((intelligence.handler, "GET", f"/{part}") for part in ("observations", "timeline", "entities", "graph")),
    ]
    for handler, method, path in routes:
        hidden = call(handler, method, f"/scans/{scan_id}{path}", house.outsider)
        nothing = call(handler, method, f"/scans/scan_none{path}", house.outsider)
        assert (hidden.status, hidden.problem) == (nothing.status, nothing.problem) == (404, "not-found"), path
    for who in (house.insider, house.admin):
        assert call(scans.handler, "GET", f"/scans/{scan_id}", who).body["team_id"] == house.team_id
        assert call(collection.handler, "GET", f"/scans/{scan_id}/progress", who).status == 200
    assert listed(call(scans.handler, "GET", "/scans", house.outsider)) == {open_id}
    assert listed(call(scans.handler, "GET", "/scans", house.insider)) == {scan_id, open_id}
    refused = call(reports.handler, "POST", "/reports", house.outsider, {"scan_id": scan_id, "format": "pdf"})
    assert refused.status == 404


def listed(answer: Answer) -> set[str]:
    return {item["scan_id"] for item in answer.body["items"]}


def test_nobody_gives_a_scan_to_a_team_that_is_none_of_his() -> None:
    house = House()
    stranger = House()
    for who, team_id in (
        (house.outsider, house.team_id),
        (house.admin, new_id("team")),
        (house.admin, stranger.team_id),
    ):
        refused = call(scans.handler, "POST", "/scans", who, {**BODY, "team_id": team_id})
        assert (refused.status, refused.problem) == (422, "unknown-team")
    assert call(scans.handler, "POST", "/scans", house.admin, {**BODY, "team_id": "team_x"}).problem == "invalid"
    assert listed(call(scans.handler, "GET", "/scans", house.admin)) == set()


def test_a_teams_schedule_is_there_for_its_people() -> None:
    house = House()
    body = {**BODY, "cron": "30 2 * * 1", "team_id": house.team_id}
    schedule_id = call(scans.handler, "POST", "/schedules", house.insider, body).body["schedule_id"]
    path = f"/schedules/{schedule_id}"
    assert call(scans.handler, "GET", path, house.outsider).status == 404
    assert call(scans.handler, "DELETE", path, house.outsider).status == 404
    assert call(scans.handler, "GET", "/schedules", house.outsider).body["items"] == []
    assert call(scans.handler, "GET", path, house.admin).status == 200


def test_nobody_watches_a_scan_of_a_team_that_is_none_of_his() -> None:
    """He is answered as if the scan were not there: with silence."""
    house = House()
    scan_id = house.scan()
    store = RealtimeStore()
    Table().write(put(Tenancy(tenant_id=house.admin.tenant_id)))
    frame = json.dumps({"action": "subscribe", "topic": f"scan:{scan_id}"})
    watched = (f"scan:{scan_id}",)
    for who, topics in ((house.outsider, ()), (house.insider, watched), (house.admin, watched)):
        at = clock.timestamp()
        bearer = who.model_copy(update={"session_id": new_id("s")})
        session = SessionRecord(
            tenant_id=who.tenant_id,
            session_id=str(bearer.session_id),
            user_id=who.user_id,
            device="A browser",
            created_at=at,
            last_seen_at=at,
        )
        Table().write(create(session))
        assert realtime.receive(store, bearer, "connection-1", frame)["type"] == "subscribed"
        assert store.topics(bearer, "connection-1") == topics


DETECTION = Detection(
    check="tls.expired", title="t", severity=Severity.HIGH, asset="a", description="d", remedy="r", confidence=1.0
)


def test_what_a_teams_scan_finds_is_the_teams_until_another_scan_finds_it() -> None:
    house = House()
    team_scan, open_scan = house.scan(), house.scan(team_id=None)
    system = Actor.system(house.admin.tenant_id)

    class Concluded(FindingStore):
        def conclusions(self, actor: Actor, key: str) -> list[Detection]:
            return [DETECTION]

    record(Concluded(), system, team_scan, "conclusions")
    finding_id = call(findings.handler, "GET", "/findings", house.insider).body["items"][0]["finding_id"]
    path = f"/findings/{finding_id}"
    assert call(findings.handler, "GET", "/findings", house.outsider).body["items"] == []
    assert call(findings.handler, "GET", path, house.outsider).status == 404
    moved = call(findings.handler, "PUT", f"{path}/status", house.outsider, {"status": "triaged", "reason": "x"})
    assert moved.status == 404
    assert call(findings.handler, "GET", path, house.admin).body["teams"] == [house.team_id]
    record(Concluded(), system, open_scan, "conclusions")
    assert call(findings.handler, "GET", path, house.outsider).body["teams"] is None
    record(Concluded(), system, team_scan, "conclusions")
    assert call(findings.handler, "GET", path, house.outsider).status == 200


def test_a_finding_of_two_teams_is_seen_by_both() -> None:
    finding = new_finding("org_1", DETECTION, "scan_1", "2026-01-01T00:00:00.000Z", "team_a")
    assert finding.see(DETECTION, "scan_2", "2026-01-02T00:00:00.000Z", "team_b")
    assert finding.teams == ("team_a", "team_b")
    assert finding.is_shown_to(actor(Role.VIEWER, teams=frozenset({"team_b"})))
    assert not finding.is_shown_to(actor(Role.VIEWER, teams=frozenset({"team_c"})))
