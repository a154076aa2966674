"""The audit API: searching, telling, and files of the trail."""

from __future__ import annotations

import csv
import gzip
import io
import json
from typing import Any

import pytest
import time_machine

from contracts.access import Role
from contracts.audit import AuditReportRequested, ExternalEntryLogged
from contracts.organizations import Tenancy
from contracts.plans import plans
from contracts.scans import ScanQueued
from functions.audit import api, events, steps
from functions.audit.model.entries import AuditEntry, AuditLogEntry, day_of
from functions.audit.model.reports import AuditReportFormat
from functions.audit.render import RENDERERS, Told
from functions.audit.render.csv import neutral
from kernel import aws
from kernel.actor import Actor
from kernel.events import Category, Envelope
from kernel.outbox import outbox_record
from kernel.table import Table, create
from palisade.audit.verify import verify
from tests.audit import clouds
from tests.kit import Answer, actor, call, committed_events, sqs_event

pytestmark = pytest.mark.usefixtures("cloud", "vault")
START = "2026-06-01T12:00:00Z"


def deed(who: Actor, scan_id: str = "scan_1", **fields: Any) -> Envelope:
    record = outbox_record(who, ScanQueued(scan_id=scan_id, name="Site"), 1)
    return Envelope.model_validate_json(record.envelope).model_copy(update=fields)


def get(who: Actor, path: str, query: str = "") -> Answer:
    return call(api.handler, "GET", path, who, query=query)


def listed(who: Actor, query: str = "", path: str = "/audit/logs") -> list[dict[str, Any]]:
    """Every page of a list."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = get(who, path, "&".join(filter(None, (query, cursor))))
        assert page.status == 200, page.body
        found += page.body["items"]
        if page.body["next_cursor"] is None:
            return found
        cursor = f"cursor={page.body['next_cursor']}"


def messages(queue: str) -> list[dict[str, Any]]:
    url = aws.setting(queue)
    got = aws.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(each["Body"]) for each in got]


def task(**body: Any) -> dict[str, Any]:
    attributes = {"ApproximateReceiveCount": "1"}
    message = {"messageId": "m1", "body": json.dumps(body), "attributes": attributes, "eventSource": "aws:sqs"}
    return {"Records": [message]}


def seal(who: Actor) -> None:
    assert steps.seal(task(tenant_id=who.tenant_id), None) == {"batchItemFailures": []}


def made(who: Actor, kind: str, **body: Any) -> tuple[dict[str, Any], bytes]:
    """A file that was ordered and made."""
    ordered = call(api.handler, "POST", "/audit/reports", who, {"format": kind, **body})
    assert ordered.status == 202, ordered.body
    path = f"/audit/reports/{ordered.body['report_id']}"
    assert ordered.headers["location"].endswith(path)
    assert steps.report(task(tenant_id=who.tenant_id, report_id=ordered.body["report_id"]), None) == {
        "batchItemFailures": []
    }
    report = get(who, path).body
    assert (report["status"], report["progress"]) == ("ready", 100)
    key = report["download_url"].split("?")[0].partition("palisade-facts")[2].partition("/")[2]
    return report, aws.client("s3").get_object(Bucket="palisade-facts", Key=key)["Body"].read()


def test_entries_are_found_by_actor_action_resource_category_and_time() -> None:
    with time_machine.travel("2026-05-20T12:00:00Z", tick=False) as time:
        one = actor()
        two = actor(tenant_id=one.tenant_id)
        for number in range(6):
            who = one if number % 2 else two
            event = deed(who, f"scan_{number % 3}", category=list(Category)[number % 3])
            events.handler(sqs_event(event), None)
            time.shift(86_400)
        everything = listed(one)
        assert [entry["resource"] for entry in everything] == [f"scan_{number % 3}" for number in (5, 4, 3, 2, 1, 0)]
        assert len(listed(one, f"actor={one.user_id}")) == 3
        assert {entry["user_id"] for entry in listed(one, f"actor={two.user_id}")} == {two.user_id}
        assert len(listed(one, "resource=scan_1")) == 2
        assert len(listed(one, f"resource=scan_1&actor={two.user_id}")) == 1
        assert len(listed(one, "action=ScanQueued")) == 6
        assert listed(one, "action=Nothing") == []
        assert len(listed(one, "category=security")) == 2
        assert listed(one, path="/audit/security-events") == listed(one, "category=security")
        assert listed(one, path="/audit/compliance-events") == listed(one, "category=compliance")
        assert len(listed(one, "since=2026-05-21T00:00:00Z&until=2026-05-23T00:00:00Z")) == 2
        assert len(listed(one, "day=2026-05-22")) == 1
        assert listed(actor(), f"actor={one.user_id}") == []
        assert listed(one, "since=2020-01-01T00:00:00Z") == everything


@pytest.mark.parametrize("query", ["", "action=ScanQueued", "resource=scan_1", "actor=user_1", "category=activity"])
@pytest.mark.parametrize("limit", [1, 3, 7, 200])
def test_pages_hold_every_entry_once(query: str, limit: int) -> None:
    ids = []
    with time_machine.travel(START, tick=False) as time:
        who = actor(user_id="user_1")
        for _ in range(7):
            event = deed(who)
            ids.append(event.id)
            events.handler(sqs_event(event), None)
            time.shift(20_000)
        found = listed(who, f"{query}&limit={limit}".lstrip("&"))
        assert [entry["entry_id"] for entry in found] == sorted(ids, reverse=True)


def test_a_page_looks_through_a_bounded_part(monkeypatch: pytest.MonkeyPatch) -> None:
    from functions.audit.service import trail

    monkeypatch.setattr(trail, "MAX_READ", 3)
    monkeypatch.setattr(trail, "MAX_DAYS", 4)
    with time_machine.travel(START, tick=False):
        who = actor()
        wanted = deed(who, type="Wanted.v1")
        events.handler(sqs_event(wanted), None)
    with time_machine.travel("2026-06-12T12:00:00Z", tick=False):
        events.handler(sqs_event(*(deed(who) for _ in range(8))), None)
        first = get(who, "/audit/logs", "action=Wanted")
        assert first.body["items"] == []
        assert first.body["next_cursor"]
        assert [entry["entry_id"] for entry in listed(who, "action=Wanted")] == [wanted.id]


@pytest.mark.parametrize(
    "query",
    [
        "since=2026-06-02T00:00:00Z&until=2026-06-01T00:00:00Z", "since=yesterday", "since=5", "until=0001-01-01T00Z",
        "actor=%00", "actor=a%23b", "action=", "resource=" + "x" * 129, "category=none", "limit=0", "day=2026-13-01",
        "since=2000-01-01T00:00:00Z", "nonsense=1", "cursor=%20",
    ],
)  # fmt: skip
def test_wrong_searches_are_refused(query: str) -> None:
    with time_machine.travel(START, tick=False):
        assert get(actor(), "/audit/logs", query).status == 422


def test_cursors_belong_to_one_search_of_one_organisation() -> None:
    who = actor()
    events.handler(sqs_event(*(deed(who) for _ in range(3))), None)
    cursor = get(who, "/audit/logs", "limit=1").body["next_cursor"]
    assert get(who, "/audit/logs", f"limit=1&cursor={cursor}").status == 200
    assert get(who, "/audit/logs", f"limit=1&cursor={cursor}&action=ScanQueued").status == 400
    assert get(actor(), "/audit/logs", f"limit=1&cursor={cursor}").status == 400


def test_an_integration_tells_under_its_own_name() -> None:
    who = actor(address="203.0.113.9", key_id="key_1")
    body = {"action": "vpn.login", "resource": "gw-1", "subject": "Ada", "details": {"ok": True, "tries": 2}}
    headers = {"idempotency-key": "k1"}
    first = call(api.handler, "POST", "/audit/log", who, body, headers=headers)
    assert first.status == 201
    again = call(api.handler, "POST", "/audit/log", who, body, headers=headers)
    assert again.body == first.body
    (entry,) = listed(who)
    assert entry == first.body
    assert (entry["context"], entry["external"], entry["category"]) == ("external", True, "activity")
    assert (entry["user_id"], entry["key_id"]) == (who.user_id, "key_1")
    assert entry["details"] == {"subject": "Ada", "ok": True, "tries": 2}
    (event,) = committed_events()
    assert event.type == ExternalEntryLogged.type
    events.handler(sqs_event(event), None)
    assert listed(who) == [entry]
    assert [each["tenant_id"] for each in messages("AUDIT_SEAL_QUEUE_URL")] == []  # it waits for its time


@pytest.mark.parametrize(
    "body",
    [
        {}, {"action": ""}, {"action": "a b"}, {"action": "x" * 129}, {"action": 5}, {"action": "a", "tenant_id": "o"},
        {"action": "a", "user_id": "user_2"}, {"action": "a", "external": False}, {"action": "a", "context": "scans"},
        {"action": "a", "entry_id": "evt_1"}, {"action": "a", "details": {"x": "y" * 8000}},
        {"action": "a", "details": []},
        {"action": "a", "resource": "a#b"}, {"action": "a", "subject": "a\u0000b"}, {"action": "a", "at": START},
        {"action": "a", "details": {str(number): 1 for number in range(65)}},
    ],
)  # fmt: skip
def test_a_forged_or_boundless_entry_is_refused(body: dict[str, Any]) -> None:
    who = actor()
    assert call(api.handler, "POST", "/audit/log", who, body).status == 422
    assert listed(who) == []
    assert committed_events() == []


@pytest.mark.parametrize("value", ["[" * 3000 + "]" * 3000, "1e999", '"\\ud800"', "NaN", "1" * 5000])
def test_what_json_cannot_spell_is_refused(value: str) -> None:
    raw = f'{{"action":"a","details":{{"x":{value}}}}}'
    assert call(api.handler, "POST", "/audit/log", actor(), raw=raw).status in (400, 422)


def test_who_may_do_what() -> None:
    admin = actor()
    analyst, viewer = (actor(role, admin.tenant_id) for role in (Role.ANALYST, Role.VIEWER))
    for path in ("/audit/logs", "/audit/security-events", "/audit/compliance-events", "/audit/reports"):
        assert [get(who, path).status for who in (admin, analyst, viewer)] == [200, 200, 403]
    for who in (analyst, viewer):
        assert call(api.handler, "POST", "/audit/log", who, {"action": "a"}).status == 403
        assert call(api.handler, "POST", "/audit/reports", who, {}).status == 403
    for method in ("DELETE", "PUT", "PATCH"):
        assert call(api.handler, method, "/audit/logs/evt_01M7W4B3EH1M6KS9N53NQX4HZ4", admin).status == 405


def test_files_of_the_trail_are_made_and_downloaded() -> None:
    who = actor()
    events.handler(sqs_event(*(deed(who, f"scan_{number}") for number in range(3))), None)
    report, body = made(who, "csv", filters={"resource": "scan_1"})
    assert (report["entries"], report["size"]) == (1, len(body))
    rows = list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"))))
    assert [(row["Resource"], row["Action"], row["Sealed"]) for row in rows] == [("scan_1", "ScanQueued", "not yet")]
    _, body = made(who, "json")
    assert [entry["resource"] for entry in json.loads(body)["entries"]] == ["scan_2", "scan_1", "scan_0"]
    _, body = made(who, "pdf")
    assert body.startswith(b"%PDF-")
    types = {event.type for event in committed_events()}
    assert {"AuditReportRequested.v1", "AuditReportReady.v1"} <= types
    assert len(listed(who, path="/audit/reports")) == 3
    assert get(actor(), f"/audit/reports/{report['report_id']}").status == 404


def test_an_order_reaches_the_worker_by_its_event_and_is_audited() -> None:
    who = actor()
    ordered = call(api.handler, "POST", "/audit/reports", who, {"format": "csv"}).body
    (event,) = committed_events()
    assert (event.type, event.category) == (AuditReportRequested.type, Category.COMPLIANCE)
    events.handler(sqs_event(event), None)
    (message,) = messages("AUDIT_REPORT_QUEUE_URL")
    assert (message["tenant_id"], message["report_id"]) == (who.tenant_id, ordered["report_id"])
    assert [entry["action"] for entry in listed(who, path="/audit/compliance-events")] == ["AuditReportRequested"]


@pytest.mark.parametrize(
    ("body", "slug"),
    [
        ({"format": "export", "filters": {"actor": "user_1"}}, "export-is-whole"),
        ({"since": "2026-06-02T00:00:00Z", "until": "2026-06-01T00:00:00Z"}, "wrong-period"),
        ({"since": "2001-06-02T00:00:00Z"}, "wrong-period"),
        ({"format": "exe"}, "invalid"),
        ({"filters": {"nobody": "x"}}, "invalid"),
    ],
)
def test_an_impossible_order_is_refused(body: dict[str, Any], slug: str) -> None:
    answer = call(api.handler, "POST", "/audit/reports", actor(), body)
    assert (answer.status, answer.problem) == (422, slug)
    assert committed_events() == []


def test_a_file_that_cannot_be_made_fails_after_its_last_try(monkeypatch: pytest.MonkeyPatch) -> None:
    who = actor()
    ordered = call(api.handler, "POST", "/audit/reports", who, {"format": "export"}).body
    monkeypatch.setenv("AUDIT_KEY_ID", "gone")
    steps.signer.cache_clear()
    work = task(tenant_id=who.tenant_id, report_id=ordered["report_id"])
    path = f"/audit/reports/{ordered['report_id']}"
    assert steps.report(work, None) == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    assert get(who, path).body["status"] == "running"
    work["Records"][0]["attributes"]["ApproximateReceiveCount"] = "5"
    steps.report(work, None)
    failed = get(who, path).body
    assert failed["status"] == "failed"
    assert failed["reason"]
    assert "AuditReportFailed.v1" in {event.type for event in committed_events()}


def test_the_trail_is_sealed_anchored_exported_and_verified() -> None:
    with time_machine.travel(START, tick=False) as time:
        who = actor()
        ids = []
        for _ in range(3):
            told = [deed(who) for _ in range(9)]
            ids += [each.id for each in told]
            events.handler(sqs_event(*told), None)
            time.shift(200)
            seal(who)
            seal(who)
        entry = get(who, f"/audit/logs/{ids[4]}").body
        assert entry["sealed"] is True
        assert entry["proof"]["head"]["size"] == 27
        _, body = made(who, "export")
        verdict = verify(gzip.decompress(body).splitlines(keepends=True))
        assert verdict.faults == []
        assert (verdict.entries, verdict.anchors, verdict.blocks) == (27, 3, 3)
        table = Table()
        kept = table.require(who, AuditEntry, day=day_of(ids[4]), entry_id=ids[4])
        raw = aws.client("dynamodb")
        raw.put_item(TableName=table.name, Item={**_item(kept), "user_id": {"S": "user_innocent"}})
        _, body = made(who, "export")
        verdict = verify(gzip.decompress(body).splitlines(keepends=True))
        assert [(fault.code, ids[4] in fault.where) for fault in verdict.faults] == [("entry", True)]


def _item(entry: AuditEntry) -> dict[str, Any]:
    from kernel.attributes import to_item

    return to_item(entry.item())


def test_anchors_are_locked_and_a_second_version_hides_nothing() -> None:
    with time_machine.travel(START, tick=False) as time:
        who = actor()
        events.handler(sqs_event(deed(who)), None)
        time.shift(200)
        seal(who)
        s3 = aws.client("s3")
        key = f"tenants/{who.tenant_id}/audit/anchors/{1:015}.json"
        found = s3.get_object(Bucket=clouds.BUCKET, Key=key)
        assert found["ObjectLockMode"] == "COMPLIANCE"
        assert (found["ObjectLockRetainUntilDate"].timestamp() - time_now()) / 86400 > 365
        forged = json.loads(found["Body"].read())
        forged["statement"]["root"] = "00" * 32
        s3.put_object(Bucket=clouds.BUCKET, Key=key, Body=json.dumps(forged).encode())
        s3.delete_object(Bucket=clouds.BUCKET, Key=key)
        seal(who)
        _, body = made(who, "export")
        verdict = verify(gzip.decompress(body).splitlines(keepends=True))
        assert {fault.code for fault in verdict.faults} == {"signature"}
        assert verdict.anchors == 2


def time_now() -> float:
    import time

    return time.time()


@pytest.mark.parametrize("plan", [*plans(), "unheard-of"])
def test_entries_are_kept_as_long_as_the_plan_says(plan: str) -> None:
    who = actor()
    Table().write(create(Tenancy(tenant_id=who.tenant_id, plan=plan)))
    event = deed(who)
    events.handler(sqs_event(event), None)
    entry = Table().require(who, AuditEntry, day=day_of(event.id), entry_id=event.id)
    days = (entry.expires_at or 0) - time_now()
    assert round(days / 86400) == (plans()[plan].audit_days if plan in plans() else 365)


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\t=1", " =1", "|x", "%x", "\uff1d1", "\r\n=1", "\x00=1"])
def test_no_spreadsheet_runs_a_cell(cell: str) -> None:
    assert neutral(cell).startswith("'")
    assert neutral("user_1") == "user_1"


def test_sealing_is_asked_for_once_in_a_while() -> None:
    from functions.audit.gateways import Queues

    queues = Queues()
    sent = []
    queues._send = lambda queue, delay, **work: sent.append((delay, work["tenant_id"]))  # type: ignore[method-assign]
    with time_machine.travel(START, tick=False) as time:
        for _ in range(5):
            queues.seal("a")
        queues.seal("b")
        time.shift(60)
        queues.seal("a")
    assert sent == [(120, "a"), (120, "b"), (120, "a")]


def test_a_pdf_is_made_of_any_text_and_is_the_same_each_time() -> None:
    strange = {"a": "<b>\u202e\u4e2d\u6587 & \x07 =1+1", "long": "x" * 5000, "lines": "one\ntwo"}
    entry = AuditLogEntry(
        entry_id="evt_1", at=START, action="A" * 200, context="scans", category=Category.SECURITY, user_id="user_1",
        email="<i>@x", address=None, key_id=None, provider_id="org_1", request_id=None, resource="r" * 128,
        external=True, details=strange, sealed=False,
    )  # fmt: skip
    told = Told(START, START, {"actor": "<script>"}, START, [entry] * 300, True)
    first = RENDERERS[AuditReportFormat.PDF](told)
    assert first.startswith(b"%PDF-")
    assert RENDERERS[AuditReportFormat.PDF](told) == first
    assert len(RENDERERS[AuditReportFormat.CSV](told).splitlines()) >= 302
    assert json.loads(RENDERERS[AuditReportFormat.JSON](told))["has_more"] is True
