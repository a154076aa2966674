"""The whole platform as its users meet it: log in, scan, findings, report, webhook, notification, audit."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from typing import Any
from urllib.parse import urlsplit

import httpx
import networkx
import pytest
import websockets
from pypdf import PdfReader
from standardwebhooks.webhooks import Webhook

from contracts.access import Role
from tests.collection.test_demo_scan import EXPECTED
from tests.e2e.client import Client, Demo, eventually
from tests.e2e.receiver import Receiver

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

RULES = {
    "rule:alias_found_through_open_zone",
    "rule:cloud_key_published",
    "rule:host_known_by_guessing_only",
    "rule:internal_files_published",
    "rule:login_on_software_without_support",
    "rule:login_page_unprotected",
    "rule:login_with_untrusted_certificate",
    "rule:secret_in_published_repository",
    "rule:secret_on_public_page",
    "rule:software_without_support",
    "rule:source_code_published_beside_login",
    "rule:spoofable_mail_domain",
    "rule:ssh_offers_weak_cryptography",
    "rule:weak_host_without_contact",
    "rule:weaknesses_pile_up",
}
SUPERSEDED = {"spf-allows-all", "dmarc-missing"}
"""What the rule about spoofable mail explains better."""


@pytest.fixture(scope="module")
def scanned(cloud: Demo) -> dict[str, Any]:
    """A finished scan of every demo target."""
    with cloud.client(Role.ORGANIZATION_ADMIN) as client:
        return client.run(list(cloud.targets.values()))


def test_a_scan_finds_exactly_what_is_weak(admin: Client, scanned: dict[str, Any]) -> None:
    assert scanned["status"] == "finished", scanned["reason"]
    findings = list(admin.everything(f"/scans/{scanned['scan_id']}/findings"))
    checks = {finding["check"].rpartition("/")[2] for finding in findings}
    of_modules = set().union(*EXPECTED.values()) - SUPERSEDED
    assert checks == of_modules | RULES
    assert [finding["rank"] for finding in findings] == sorted(finding["rank"] for finding in findings)
    assert scanned["tally"]["findings"] == len(findings)
    assert all(finding["evidence"] and finding["chain"] for finding in findings)


def test_scanning_again_finds_the_same_and_nothing_new(admin: Client, cloud: Demo, scanned: dict[str, Any]) -> None:
    again = admin.run(list(cloud.targets.values()))
    assert admin.facts(again["scan_id"]) == admin.facts(scanned["scan_id"])
    ids = [{f["finding_id"] for f in admin.everything(f"/scans/{s['scan_id']}/findings")} for s in (scanned, again)]
    assert ids[0] == ids[1]


def test_the_facts_can_be_asked_for(admin: Client, scanned: dict[str, Any]) -> None:
    path = f"/scans/{scanned['scan_id']}"
    everything = list(admin.everything(f"{path}/observations"))
    assert len(everything) == scanned["tally"]["observations"]
    pages = admin.get(f"{path}/observations", params={"type": "http_response", "limit": 200}).json()["items"]
    assert pages == [each for each in everything if each["type"] == "http_response"]
    moments = [moment["at"] for moment in admin.everything(f"{path}/timeline")]
    assert moments == sorted(moments)
    entities = list(admin.everything(f"{path}/entities"))
    assert len(entities) == scanned["tally"]["entities"]


@pytest.mark.parametrize(("form", "reader"), [("gexf", networkx.read_gexf), ("graphml", networkx.read_graphml)])
def test_the_graph_opens_in_other_tools(admin: Client, scanned: dict[str, Any], form: str, reader: Any) -> None:
    path = f"/scans/{scanned['scan_id']}/graph"
    graph = reader(io.BytesIO(admin.get(path, params={"format": form}).raise_for_status().content))
    ours = admin.get(path).json()
    assert graph.number_of_nodes() == len(ours["nodes"]) == scanned["tally"]["entities"]
    assert graph.number_of_edges() == len(ours["edges"])
    assert admin.get(path, params={"format": "dwg"}).json()["type"].endswith("unknown-format")


def _report(admin: Client, scan_id: str, form: str) -> bytes:
    ordered = admin.post("/reports", json={"scan_id": scan_id, "format": form})
    assert ordered.status_code == 202, ordered.text
    address = ordered.headers["location"].removeprefix("/api/v1")
    report = eventually(lambda: _made(admin.get(address).json()))
    assert report["status"] == "ready", report["reason"]
    document = httpx.get(report["download_url"]).raise_for_status()
    assert len(document.content) == report["size"]
    return document.content


def _made(report: dict[str, Any]) -> dict[str, Any] | None:
    return None if report["status"] == "queued" else report


def test_the_pdf_report_tells_every_finding(admin: Client, scanned: dict[str, Any]) -> None:
    pages = PdfReader(io.BytesIO(_report(admin, scanned["scan_id"], "pdf"))).pages
    text = " ".join(" ".join(page.extract_text().split()) for page in pages)
    assert "Acme Corporation" in text
    for finding in admin.everything(f"/scans/{scanned['scan_id']}/findings"):
        assert finding["title"] in text
        assert finding["remedy"].split(".")[0] in text


def test_the_other_reports_hold_every_finding(admin: Client, scanned: dict[str, Any]) -> None:
    ids = {finding["finding_id"] for finding in admin.everything(f"/scans/{scanned['scan_id']}/findings")}
    whole = json.loads(_report(admin, scanned["scan_id"], "json"))
    assert {finding["finding_id"] for finding in whole["findings"]} == ids
    rows = list(csv.reader(io.StringIO(_report(admin, scanned["scan_id"], "csv").decode("utf-8-sig"))))
    assert len(rows) == len(ids) + 1
    assert _report(admin, scanned["scan_id"], "xlsx")[:2] == b"PK"


def test_a_webhook_hears_of_the_end_and_can_verify_it(admin: Client, cloud: Demo) -> None:
    with Receiver() as receiver:
        registered = admin.post("/webhooks", json={"url": receiver.url, "event_types": ["ScanEnded.v1"]}).json()
        path = f"/webhooks/{registered['webhook_id']}"
        tested = admin.post(f"{path}/test").json()
        assert tested["status"] == "delivered"
        scan = admin.run([cloud.targets["Demo mail server"]], profile="quick")
        received = eventually(lambda: [r for r in receiver.requests if scan["scan_id"] in r.body])
        verified = Webhook(registered["signing_secret"]).verify(received[0].body, received[0].headers)
        assert verified["type"] == "ScanEnded.v1"
        assert verified["data"]["status"] == "finished"
        log = eventually(
            lambda: [d for d in admin.everything(f"{path}/deliveries") if d["event_type"] != "WebhookTest.v1"]
        )
        assert [delivery["status"] for delivery in log] == ["delivered"]
        assert "signing_secret" not in admin.get(path).json()
        assert admin.delete(path).status_code == 204


def test_people_are_told(admin: Client, cloud: Demo, scanned: dict[str, Any], aws_url: str) -> None:
    def told(kind: str) -> list[dict[str, Any]]:
        return [note for note in admin.everything("/notifications") if note["kind"] == kind]

    ended = eventually(lambda: [n for n in told("scan_ended") if scanned["scan_id"] in n["link"]])
    assert "finished" in ended[0]["title"]
    assert eventually(lambda: told("critical_finding"))
    read = admin.put(f"/notifications/{ended[0]['notification_id']}/read").json()
    assert read["read"] is True
    address = cloud.user(Role.ORGANIZATION_ADMIN)["email"]
    mails = eventually(lambda: [m for m in _mails(aws_url) if address in m and "finished" in m])
    assert mails


def _mails(aws_url: str) -> list[str]:
    sent: dict[str, list[Any]] = httpx.get(f"{aws_url}/_ministack/ses/messages").raise_for_status().json()["messages"]
    return [json.dumps(message, ensure_ascii=False) for messages in sent.values() for message in messages]


def test_every_command_is_in_the_audit_trail(admin: Client, cloud: Demo) -> None:
    scan = admin.create_scan([cloud.targets["Demo shop"]])
    admin.delete(f"/scans/{scan['scan_id']}")

    def deeds() -> set[str]:
        return {e["action"] for e in admin.everything("/audit/logs") if e["details"].get("scan_id") == scan["scan_id"]}

    assert eventually(lambda: deeds() == {"ScanCreated", "ScanDeleted"})
    entry = next(e for e in admin.everything("/audit/logs") if e["details"].get("scan_id") == scan["scan_id"])
    assert entry["email"] == cloud.user(Role.ORGANIZATION_ADMIN)["email"]
    one = admin.get(f"/audit/logs/{entry['entry_id']}").json()
    assert one["details"] == entry["details"]


def test_a_watcher_sees_the_scan_move(admin: Client, cloud: Demo) -> None:
    scan = admin.create_scan([cloud.targets["Demo shop"]], profile="quick")
    kinds = asyncio.run(_watch(admin, cloud, scan))
    assert kinds[0] == "subscribed"
    assert kinds[1] == "ScanStarted"
    assert "ScanProgressed" in kinds
    assert kinds[-1] == "ScanEnded"


async def _watch(admin: Client, cloud: Demo, scan: dict[str, Any]) -> list[str]:
    address = f"ws://{urlsplit(cloud.url).netloc}/ws?token={admin.token}"
    kinds: list[str] = []
    async with websockets.connect(address) as socket:
        await socket.send(json.dumps({"action": "subscribe", "topic": f"scan:{scan['scan_id']}"}))
        kinds.append(json.loads(await socket.recv())["type"])
        await asyncio.to_thread(admin.start, scan)
        while kinds[-1] != "ScanEnded":
            kinds.append(json.loads(await asyncio.wait_for(socket.recv(), 60))["type"])
    return kinds


def test_a_stranger_sees_nothing(admin: Client, stranger: Client, scanned: dict[str, Any]) -> None:
    path = f"/scans/{scanned['scan_id']}"
    views = ("", "/progress", "/log", "/observations", "/entities", "/graph", "/timeline", "/findings")
    for view in views:
        assert admin.get(path + view).status_code == 200
        assert stranger.get(path + view).status_code == 404, view
    for command in ("start", "pause", "resume", "stop"):
        assert stranger.post(f"{path}/{command}").status_code == 404
    assert stranger.delete(path).status_code == 404
    assert stranger.post("/reports", json={"scan_id": scanned["scan_id"]}).status_code == 404
    finding = next(admin.everything(f"{path}/findings"))
    assert stranger.get(f"/findings/{finding['finding_id']}").status_code == 404


def test_a_scan_stops_when_its_budget_is_used_up_and_says_so(admin: Client, cloud: Demo) -> None:
    scan = admin.run(list(cloud.targets.values()), budget={"tasks": 3})
    assert scan["status"] == "finished"
    assert scan["tally"]["tasks"] == 3
    assert "budget of 3 tasks" in scan["reason"]


def test_a_deleted_scan_leaves_nothing(admin: Client, cloud: Demo) -> None:
    scan = admin.run([cloud.targets["Demo mail server"]], profile="quick")
    assert admin.delete(f"/scans/{scan['scan_id']}").status_code == 204
    assert admin.get(f"/scans/{scan['scan_id']}").status_code == 404
    assert admin.get(f"/scans/{scan['scan_id']}/observations").status_code == 404


def test_a_schedule_starts_its_scan(admin: Client, cloud: Demo) -> None:
    body = {
        "name": "Every minute",
        "targets": [cloud.targets["Demo mail server"]],
        "profile": "quick",
        "cron": "* * * * *",
    }
    schedule = admin.post("/schedules", json=body).json()
    try:
        started = eventually(
            lambda: [s for s in admin.everything("/scans") if s["schedule_id"] == schedule["schedule_id"]]
        )
        assert started[0]["name"] == "Every minute"
        assert admin.finished(started[0]["scan_id"])["status"] == "finished"
    finally:
        assert admin.delete(f"/schedules/{schedule['schedule_id']}").status_code == 204
