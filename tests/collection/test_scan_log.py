"""What becomes of a scan itself is said in its log, beside what its modules have to say; and forgotten with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from contracts.scans import (
    ScanBrief,
    ScanEnded,
    ScanPaused,
    ScanPauseRequested,
    ScanResumed,
    ScanStatus,
    ScanStopRequested,
    Tally,
)
from functions.collection import api, events, steps
from functions.collection.model import BatchRun
from functions.collection.store import Store
from kernel.actor import Actor
from kernel.events import Envelope, Event
from kernel.outbox import outbox_record
from kernel.table import Table
from tests.collection.test_service import Scan
from tests.e2e.site import slow_site
from tests.kit import actor, call, sqs_event

pytestmark = pytest.mark.usefixtures("cloud")


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """A small web site on loopback."""
    with slow_site(6, 0) as address:
        yield address


def heard(scan: Scan, *happened: Event) -> None:
    """The room hears events of the scan, each of its next version, and twice."""
    for version, event in enumerate(happened, 3):
        record = outbox_record(Actor.system(scan.who.tenant_id), event, version)
        for _ in range(2):
            answer = events.handler(sqs_event(Envelope.model_validate_json(record.envelope)), None)
            assert answer == {"batchItemFailures": []}


def lines(scan: Scan) -> list[tuple[str, str, str]]:
    items = call(api.handler, "GET", f"/scans/{scan.id}/log", scan.who).body["items"]
    return [(each["module"], each["level"], each["message"]) for each in items]


def test_the_log_says_what_became_of_the_scan_itself(site: str) -> None:
    scan = Scan(actor(), site)
    scan.plan()
    steps.record_loss(scan.event(wave=0, batch=1, cause="x"), None)
    named: dict[str, Any] = {"scan_id": scan.id, "name": "Site"}
    heard(
        scan,
        ScanPauseRequested(**named),
        ScanPaused(**named, wave=1),
        ScanResumed(**named, wave=1),
        ScanPaused(**named, wave=2, resumes_at="2026-11-21T08:00:00.000Z"),
        ScanResumed(**named, wave=2, despite_calendar=True),
        ScanStopRequested(**named, parked=False, wave=2),
        ScanEnded(**named, status=ScanStatus.STOPPED, reason="Stopped by a user.", tally=Tally(waves=3)),
    )
    assert [words for module, _, words in lines(scan) if module == "scan"] == [
        "asked to pause",
        "rests until it is resumed",
        "resumed",
        "rests until its calendar opens at 2026-11-21T08:00:00.000Z",
        "resumed, despite its calendar",
        "asked to stop",
        "stopped: Stopped by a user.",
    ]
    assert [module for module, _, _ in lines(scan)][:3] == ["scan", "crawler", "scan"]
    assert lines(scan)[-1][1] == "warning"


def test_a_scan_that_is_gone_gets_no_log(site: str) -> None:
    scan = Scan(actor(), site)
    scan.plan()
    Store().delete(scan.who, scan.id)
    key = ScanBrief.key(scan.who, scan_id=scan.id)
    Table().client.delete_item(TableName="palisade", Key={name: {"S": value} for name, value in key.items()})
    heard(scan, ScanEnded(scan_id=scan.id, name="Site", status=ScanStatus.FAILED, reason="x", tally=Tally()))
    assert scan.objects() == {}


def test_what_is_known_of_many_batches_is_forgotten() -> None:
    store, who = Store(), actor()
    for batch in range(230):
        run = BatchRun(module="crawler", version="1.0.0", tasks=1, observations=0, errors=0, seconds=0.0)
        store.report(who, "scan_1", 0, batch, run)
    store.report(who, "scan_10", 0, 1, run)
    store.delete(who, "scan_1")
    assert (len(store.entries(who, "scan_1")), len(store.entries(who, "scan_10"))) == (0, 1)


def test_the_log_is_paged_by_whole_batches() -> None:
    scan = Scan(actor(), "127.0.0.0/29", modules={"tcp_connect": "1.0.0", "reverse_dns": "1.0.0"})
    for batch in range(1, scan.plan()["batches"] + 1):
        steps.record_loss(scan.event(wave=0, batch=batch, cause="x"), None)
    lines: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = call(api.handler, "GET", f"/scans/{scan.id}/log", scan.who, query=f"limit=1{cursor}").body
        lines += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert len(lines) >= 2
    assert len({json.dumps(line) for line in lines}) == len(lines)
