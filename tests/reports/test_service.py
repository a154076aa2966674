"""Reports from the order to the document, with the parts that the other contexts hand in."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from contracts.access import Role
from contracts.facts import encode_rows
from contracts.organizations import OrganizationBrief
from contracts.reports import CollectionPart, Evidence, IntelligencePart, LogEntry, ReportFinding, part_key
from contracts.scans import ScanBrief, ScanStatus, Tally
from functions.reports import api, service, steps
from functions.reports.model import ReportStatus
from functions.reports.store import Store
from kernel.actor import Actor
from kernel.facts import Facts
from kernel.ids import new_id
from kernel.table import Table, create
from tests.executions import MACHINE, queued, status_change
from tests.kit import actor, call, committed_events

pytestmark = pytest.mark.usefixtures("cloud")


def scan(who: Actor, **fields: Any) -> str:
    """A finished scan, as its context shows it."""
    brief = ScanBrief(
        tenant_id=who.tenant_id,
        scan_id=new_id("scan"),
        name="Site",
        status=fields.pop("status", ScanStatus.FINISHED),
        targets=("http://127.0.0.1/",),
        profile="web",
        tally=Tally(waves=2, observations=3),
        created_at="2026-11-20T08:00:00.000Z",
        started_at=fields.pop("started_at", "2026-11-20T08:00:01.000Z"),
        **fields,
    )
    Table().write(create(brief))
    return brief.scan_id


def hand_in(who: Actor, report_id: str) -> None:
    """What findings, intelligence and collection hand in."""
    shown = Evidence(observation_id="obs_1", type="", value="", module="")
    unknown = Evidence(observation_id="obs_2", type="", value="", module="")
    finding = ReportFinding(
        finding_id="fnd_1",
        check="module:x/y",
        title="A weakness",
        severity="high",
        status="open",
        asset="http://127.0.0.1/",
        description="It is weak.",
        remedy="Mend it.",
        evidence=(shown, unknown),
    )
    told = Evidence(observation_id="obs_1", type="exposure", value="here", module="exposed_files")
    parts: dict[str, list[Any]] = {
        "findings": [finding],
        "intelligence": [IntelligencePart(evidence={"obs_1": told}, observations_by_type={"url": 3})],
        "collection": [CollectionPart(log=(LogEntry(at="", level="info", module="m", message="x"),), log_left_out=4)],
    }
    for name, rows in parts.items():
        Facts().put(who, part_key(who.tenant_id, report_id, name), encode_rows(rows))


def order(who: Actor, form: str = "json", **fields: Any) -> dict[str, Any]:
    answer = call(api.handler, "POST", "/reports", who, {"scan_id": scan(who, **fields), "format": form})
    assert answer.status == 202, answer.body
    assert answer.headers["location"] == f"/api/v1/reports/{answer.body['report_id']}"
    report: dict[str, Any] = answer.body
    return report


def document(who: Actor, report_id: str) -> dict[str, Any]:
    key = Store().report(who, report_id).object_key()
    made: dict[str, Any] = json.loads(Facts().get(who, key))
    return made


def test_a_report_is_ordered_made_and_handed_out() -> None:
    who = actor()
    Table().write(create(OrganizationBrief(tenant_id=who.tenant_id, name="Acme")))
    report = order(who)
    hand_in(who, report["report_id"])
    steps.render({"tenant_id": who.tenant_id, "report_id": report["report_id"]}, None)
    ready = call(api.handler, "GET", f"/reports/{report['report_id']}", who).body
    assert ready["status"] == "ready"
    assert httpx.URL(ready["download_url"]).params["X-Amz-Expires"] == "900"
    made = document(who, report["report_id"])
    assert "Acme" in json.dumps(made)
    (finding,) = made["findings"]
    assert [each["value"] for each in finding["evidence"]] == ["here"]
    assert any("4 more lines" in note for note in made["notes"])
    assert [event.type for event in committed_events()] == ["ReportRequested.v1", "ReportReady.v1"]
    listed = call(api.handler, "GET", "/reports", who).body["items"]
    assert [each["report_id"] for each in listed] == [report["report_id"]]
    assert listed[0]["download_url"] is None


def test_rendering_again_changes_nothing() -> None:
    who = actor()
    report_id = order(who)["report_id"]
    hand_in(who, report_id)
    service.render(Store(), who, report_id)
    before = Store().report(who, report_id)
    service.render(Store(), who, report_id)
    service.fail(Store(), who, report_id, "too late")
    assert Store().report(who, report_id) == before


def test_a_report_that_cannot_be_made_says_why() -> None:
    who = actor()
    report_id = order(who)["report_id"]
    steps.fail({"tenant_id": who.tenant_id, "report_id": report_id, "cause": "States.Timeout"}, None)
    failed = call(api.handler, "GET", f"/reports/{report_id}", who).body
    assert (failed["status"], failed["reason"], failed["download_url"]) == ("failed", "States.Timeout", None)
    assert committed_events()[-1].type == "ReportFailed.v1"
    hand_in(who, report_id)
    service.render(Store(), who, report_id)
    assert Store().report(who, report_id).status is ReportStatus.FAILED


def test_a_report_of_an_unfinished_scan_says_so() -> None:
    who = actor()
    report_id = order(who, status=ScanStatus.RUNNING, reason="The budget of 3 tasks is used up.")["report_id"]
    hand_in(who, report_id)
    service.render(Store(), who, report_id)
    notes = " ".join(document(who, report_id)["notes"])
    assert "still running" in notes
    assert "budget of 3 tasks" in notes


def test_what_cannot_be_reported_is_refused() -> None:
    who = actor()
    assert call(api.handler, "POST", "/reports", who, {"scan_id": "scan_x", "format": "pdf"}).status == 404
    unknown = call(api.handler, "POST", "/reports", who, {"scan_id": scan(who), "format": "doc"})
    assert (unknown.status, unknown.problem) == (422, "unknown-report-format")
    fresh = scan(who, status=ScanStatus.CREATED, started_at=None)
    early = call(api.handler, "POST", "/reports", who, {"scan_id": fresh, "format": "pdf"})
    assert (early.status, early.problem) == (409, "nothing-to-report")
    foreign = call(api.handler, "POST", "/reports", actor(), {"scan_id": fresh, "format": "pdf"})
    assert foreign.status == 404
    viewer = actor(Role.VIEWER, who.tenant_id)
    assert call(api.handler, "POST", "/reports", viewer, {"scan_id": fresh, "format": "pdf"}).status == 403
    assert committed_events() == []


def test_a_report_whose_execution_breaks_off_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPORT_MACHINE_ARN", MACHINE)
    who = actor()
    report_id = order(who)["report_id"]
    told = [status_change(name, {"tenant_id": who.tenant_id}, "TIMED_OUT") for name in (report_id, "gone", report_id)]
    assert steps.executions(queued(*told), None) == {"batchItemFailures": []}
    report = Store().report(who, report_id)
    words = "Its execution ran out of time. Order it again."
    assert (report.status, report.reason) == (ReportStatus.FAILED, words)
    assert [each.type for each in committed_events()].count("ReportFailed.v1") == 1
