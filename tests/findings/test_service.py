"""Findings taken in from scans: once, whatever is repeated, withdrawn or raced; and moved on by people."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.access import Role
from contracts.facts import conclusions_key, decode_rows, encode_rows
from contracts.findings import Detection, FindingsDetected
from contracts.reports import ReportFinding, part_key
from contracts.scans import ScanBrief, ScanStatus
from functions.findings import api, service, steps
from functions.findings.store import Store
from kernel.actor import Actor
from kernel.facts import Facts
from kernel.ids import new_id
from kernel.table import Table, create
from tests.kit import actor, call, committed_events

pytestmark = pytest.mark.usefixtures("cloud")


def detection(check: str, severity: str = "high", asset: str = "a.example", **fields: Any) -> Detection:
    return Detection(
        check=check,
        asset=asset,
        title=f"Title of {check}",
        severity=severity,
        description="d",
        remedy="r",
        evidence=("obs_1",),
        chain=("target: a.example",),
        **fields,
    )


def scan(who: Actor) -> str:
    brief = ScanBrief(
        tenant_id=who.tenant_id,
        scan_id=new_id("scan"),
        name="Site",
        status=ScanStatus.RUNNING,
        targets=("a.example",),
        created_at="2026-11-20T08:00:00.000Z",
    )
    Table().write(create(brief))
    return brief.scan_id


def record(who: Actor, scan_id: str, *detections: Detection, wave: int = 0) -> int:
    """What the state machine has the room do after a wave."""
    key = conclusions_key(who.tenant_id, scan_id, wave)
    Facts().put(who, key, encode_rows(detections))
    answer: dict[str, int] = steps.record({"tenant_id": who.tenant_id, "scan_id": scan_id, "conclusions": key}, None)
    return answer["findings"]


def found(who: Actor, scan_id: str, query: str = "") -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = call(api.handler, "GET", f"/scans/{scan_id}/findings", who, query=query).body["items"]
    return items


def news() -> list[str]:
    kind = FindingsDetected.type
    return [f["title"] for event in committed_events() if event.type == kind for f in event.data["findings"]]


def test_conclusions_become_findings_the_gravest_first_and_once() -> None:
    who = actor()
    scan_id = scan(who)
    conclusions = [detection("m:low", "low"), detection("m:crit", "critical"), detection("m:high")]
    assert record(who, scan_id, *conclusions) == 3
    before = found(who, scan_id)
    assert [finding["severity"] for finding in before] == ["critical", "high", "low"]
    assert record(who, scan_id, *conclusions) == 3
    assert found(who, scan_id) == before
    assert len(news()) == 3


def test_a_wave_without_conclusions_leaves_everything_as_it_is() -> None:
    who = actor()
    scan_id = scan(who)
    record(who, scan_id, detection("m:a"))
    event = {"tenant_id": who.tenant_id, "scan_id": scan_id, "conclusions": None}
    assert steps.record(event, None) == {"findings": 1}


def test_a_later_wave_adds_and_a_rule_that_explains_more_takes_over() -> None:
    who = actor()
    scan_id = scan(who)
    record(who, scan_id, detection("module:spf"), detection("module:x"))
    rule = detection("rule:mail", attributes={"supersedes": ["module:spf"]})
    assert record(who, scan_id, detection("module:spf"), detection("module:x"), rule, wave=1) == 2
    assert {finding["check"] for finding in found(who, scan_id)} == {"module:x", "rule:mail"}
    everything = call(api.handler, "GET", "/findings", who).body["items"]
    assert {finding["check"] for finding in everything} == {"module:x", "rule:mail"}


def test_what_people_have_touched_is_not_withdrawn() -> None:
    who = actor()
    scan_id = scan(who)
    record(who, scan_id, detection("module:spf"))
    (finding,) = found(who, scan_id)
    body = {"status": "accepted", "reason": "We live with it."}
    call(api.handler, "PUT", f"/findings/{finding['finding_id']}/status", who, body)
    record(who, scan_id, detection("rule:mail", attributes={"supersedes": ["module:spf"]}), wave=1)
    assert call(api.handler, "GET", f"/findings/{finding['finding_id']}", who).body["status"] == "accepted"


def test_a_second_scan_sees_the_same_finding_and_it_is_no_news() -> None:
    who = actor()
    first, second = scan(who), scan(who)
    record(who, first, detection("m:a"))
    record(who, second, detection("m:a"))
    (finding,) = call(api.handler, "GET", "/findings", who).body["items"]
    assert finding["scan_ids"] == [first, second]
    assert news() == ["Title of m:a"]


def test_a_fixed_finding_that_comes_back_is_reopened_and_news() -> None:
    who = actor()
    record(who, scan(who), detection("m:a"))
    (finding,) = call(api.handler, "GET", "/findings", who).body["items"]
    path = f"/findings/{finding['finding_id']}"
    assert call(api.handler, "PUT", f"{path}/status", who, {"status": "fixed"}).body["status"] == "fixed"
    record(who, scan(who), detection("m:a"))
    assert call(api.handler, "GET", path, who).body["status"] == "reopened"
    assert len(news()) == 2


def test_a_change_of_severity_moves_the_finding_in_its_lists() -> None:
    who = actor()
    scan_id = scan(who)
    record(who, scan_id, detection("m:a", "low"))
    record(who, scan_id, detection("m:a", "critical"), wave=1)
    assert [each["severity"] for each in found(who, scan_id)] == ["critical"]
    assert found(who, scan_id, "severity=low") == []
    assert len(call(api.handler, "GET", "/findings", who, query="severity=critical").body["items"]) == 1


def test_many_findings_are_taken_in_and_paged() -> None:
    who = actor()
    scan_id = scan(who)
    severities = ["critical", "high", "medium", "low", "info"]
    many = [detection(f"m:{n}", severities[n % 5]) for n in range(95)]
    assert record(who, scan_id, *many) == 95
    seen: list[str] = []
    cursor = ""
    while True:
        answer = call(api.handler, "GET", f"/scans/{scan_id}/findings", who, query=f"limit=40{cursor}").body
        seen += [each["severity"] for each in answer["items"]]
        if answer["next_cursor"] is None:
            break
        cursor = f"&cursor={answer['next_cursor']}"
    assert seen == [severity for severity in severities for _ in range(19)]


def test_two_scans_that_see_the_same_at_once_both_count() -> None:
    """The second scan's findings are recorded between the first one's read and write."""
    who = actor()
    first, second = scan(who), scan(who)

    class Racing(Store):
        raced = False

        def findings(self, actor_: Actor, ids: Any) -> Any:
            read = super().findings(actor_, ids)
            if not Racing.raced:
                Racing.raced = True
                record(who, second, detection("m:a"))
            return read

    key = conclusions_key(who.tenant_id, first, 0)
    Facts().put(who, key, encode_rows([detection("m:a")]))
    assert service.record(Racing(), who, first, key) == 1
    (finding,) = call(api.handler, "GET", "/findings", who).body["items"]
    assert sorted(finding["scan_ids"]) == sorted([first, second])
    assert news() == ["Title of m:a"]


def test_lists_by_status() -> None:
    who = actor()
    record(who, scan(who), detection("m:a"), detection("m:b", "low"))
    first = call(api.handler, "GET", "/findings", who).body["items"][0]
    call(api.handler, "PUT", f"/findings/{first['finding_id']}/status", who, {"status": "triaged"})
    for query, expected in (("status=triaged", ["m:a"]), ("status=open", ["m:b"]), ("status=open&severity=high", [])):
        items = call(api.handler, "GET", "/findings", who, query=query).body["items"]
        assert [each["check"] for each in items] == expected, query


def test_a_change_needs_its_reason_its_right_and_the_version_that_was_read() -> None:
    who = actor()
    record(who, scan(who), detection("m:a"))
    (finding,) = call(api.handler, "GET", "/findings", who).body["items"]
    path = f"/findings/{finding['finding_id']}/status"
    bare = call(api.handler, "PUT", path, who, {"status": "accepted"})
    assert (bare.status, bare.problem) == (422, "reason-missing")
    wrong = call(api.handler, "PUT", path, who, {"status": "reopened"})
    assert (wrong.status, wrong.problem) == (409, "wrong-transition")
    stale = call(api.handler, "PUT", path, who, {"status": "fixed"}, headers={"if-match": '"9"'})
    assert stale.status == 412
    assert call(api.handler, "PUT", path, actor(Role.VIEWER, who.tenant_id), {"status": "fixed"}).status == 403
    assert call(api.handler, "PUT", path, actor(), {"status": "fixed"}).status == 404
    moved = call(api.handler, "PUT", path, who, {"status": "fixed"}, headers={"if-match": '"1"'})
    assert [change["after"] for change in moved.body["history"]] == ["fixed"]
    assert committed_events()[-1].type == "FindingChanged.v1"


def test_a_scan_without_findings_and_a_scan_that_is_not_there() -> None:
    who = actor()
    scan_id = scan(who)
    assert found(who, scan_id) == []
    assert call(api.handler, "GET", f"/scans/{scan_id}/findings", actor()).status == 404
    assert call(api.handler, "GET", "/scans/scan_x/findings", who).status == 404


def test_findings_are_handed_in_to_a_report_with_their_evidence_named() -> None:
    who = actor()
    scan_id = scan(who)
    record(who, scan_id, detection("m:a", attributes={"evidence": {"port": 22}}))
    steps.hand_in({"tenant_id": who.tenant_id, "scan_id": scan_id, "report_id": "report_1"}, None)
    (row,) = decode_rows(Facts().get(who, part_key(who.tenant_id, "report_1", "findings")), ReportFinding)
    assert (row.check, row.chain, row.details) == ("m:a", ("target: a.example",), {"port": 22})
    assert [each.observation_id for each in row.evidence] == ["obs_1"]
