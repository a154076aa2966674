"""The doors of the audit room die at every one of their AWS calls, and what they did is mended by the next one."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
import time_machine

from contracts.scans import ScanQueued
from functions.audit import api, events, steps
from functions.audit.model.log import beginning
from functions.audit.store import Store
from kernel import aws
from kernel.actor import Actor
from kernel.events import Envelope
from kernel.outbox import outbox_record
from palisade.audit.verify import verify
from tests.faults import Crash, Moment, counted, crashing
from tests.kit import actor, call, forget_rooms, sqs_event

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("cloud", "vault")]
START = "2026-06-01T12:00:00Z"
MOMENTS: list[Moment] = ["before-call", "after-call"]
MOST_CALLS = 40


def deed(who: Actor) -> Envelope:
    return Envelope.model_validate_json(outbox_record(who, ScanQueued(scan_id="scan_1", name="Site"), 1).envelope)


def message(who: Actor, **body: Any) -> dict[str, Any]:
    told = {"tenant_id": who.tenant_id, **body}
    attributes = {"ApproximateReceiveCount": "1"}
    return {
        "Records": [{"messageId": "m", "body": json.dumps(told), "attributes": attributes, "eventSource": "aws:sqs"}]
    }


def dies(moment: Moment, number: int, act: Any) -> bool:
    """Whether the worker died before it was through; a new one has an empty memory."""
    try:
        with crashing(moment, number):
            act()
    except Crash:
        forget_rooms()
        return True
    return False


def in_log(who: Actor) -> list[str]:
    head = Store().head(who)
    if head is None:
        return []
    first = beginning(who.tenant_id).through
    return [entry_id for block in Store().blocks(who, first, head.through) for entry_id in block.entry_ids()]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_sealer_that_dies_anywhere_neither_loses_nor_doubles(moment: Moment) -> None:
    with time_machine.travel(START, tick=False) as time:
        who, ids, deaths = actor(), [], 0
        for number in range(MOST_CALLS):
            told = [deed(who) for _ in range(3)]
            late = deed(who)
            ids += [each.id for each in (*told, late)]
            events.handler(sqs_event(*told), None)
            time.shift(100)
            events.handler(sqs_event(late), None)
            time.shift(100)
            died = dies(moment, number, lambda: steps.seal(message(who), None))
            deaths += died
            assert steps.seal(message(who), None) == {"batchItemFailures": []}
            found = in_log(who)
            assert len(found) == len(set(found))
            assert set(found) == set(ids)
            if not died:
                break
        assert deaths >= 6
        assert not died
        report = call(api.handler, "POST", "/audit/reports", who, {"format": "export"}).body
        steps.report(message(who, report_id=report["report_id"]), None)
        made = call(api.handler, "GET", f"/audit/reports/{report['report_id']}", who).body
        key = made["download_url"].split("?")[0].partition("palisade-facts")[2].partition("/")[2]
        body = aws.client("s3").get_object(Bucket="palisade-facts", Key=key)["Body"].read()
        verdict = verify(gzip.decompress(body).splitlines(keepends=True))
        assert verdict.faults == []
        assert verdict.entries == len(ids)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_keeper_that_dies_anywhere_has_kept_each_deed_once(moment: Moment) -> None:
    """A deed that was kept by one who died may come again only when it is late."""
    with time_machine.travel(START, tick=False) as time:
        who, ids, died = actor(), [], True
        for number in range(MOST_CALLS):
            told = deed(who)
            ids.append(told.id)
            time.shift(20)
            died = dies(moment, number, lambda told=told: events.handler(sqs_event(told), None))
            time.shift(100)
            steps.seal(message(who), None)
            forget_rooms()
            assert events.handler(sqs_event(told), None) == {"batchItemFailures": []}
            time.shift(100)
            steps.seal(message(who), None)
            assert sorted(in_log(who)) == sorted(ids)
            if not died:
                return
        raise AssertionError("it never got through")


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_report_whose_worker_dies_is_made_by_the_next(moment: Moment) -> None:
    with time_machine.travel(START, tick=False) as time:
        who = actor()
        events.handler(sqs_event(deed(who)), None)
        time.shift(200)
        steps.seal(message(who), None)
        for number in range(MOST_CALLS):
            ordered = call(api.handler, "POST", "/audit/reports", who, {"format": "export"}).body
            work = message(who, report_id=ordered["report_id"])
            died = dies(moment, number, lambda work=work: steps.report(work, None))
            assert steps.report(work, None) == {"batchItemFailures": []}
            made = call(api.handler, "GET", f"/audit/reports/{ordered['report_id']}", who).body
            assert (made["status"], made["entries"]) == ("ready", 1)
            if not died:
                return
        raise AssertionError("it never got through")


def test_an_idle_sealer_asks_little() -> None:
    with time_machine.travel(START, tick=False) as time:
        who = actor()
        events.handler(sqs_event(deed(who)), None)
        time.shift(200)
        steps.seal(message(who), None)
        with counted() as calls:
            steps.seal(message(who), None)
        assert len(calls) <= 7, calls
