"""Idempotency-Key: however often and however at once a POST comes, it has one effect and one answer."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from contracts.access import Role
from functions.scans import api as scans
from functions.webhooks import api as webhooks
from kernel import aws, clock
from kernel.actor import Actor
from kernel.crypto import DataKey
from kernel.idempotency import Kept
from kernel.table import Table
from tests.faults import answering, one_call_at_a_time
from tests.kit import Answer, actor, call, committed_events

pytestmark = pytest.mark.usefixtures("cloud")

SCAN = {"name": "Site", "targets": ["http://127.0.0.1:8000/"]}
HOOK = {"url": "https://hooks.example.com/in"}
AT_ONCE = 50


def post(who: Actor | None, key: str, body: Any = SCAN, path: str = "/scans", **options: Any) -> Answer:
    handler = scans.handler if path.startswith("/scans") else webhooks.handler
    return call(handler, "POST", path, who, body, headers={"idempotency-key": key}, **options)


def test_fifty_at_once_have_one_effect_and_one_answer() -> None:
    who, gate = actor(), threading.Barrier(AT_ONCE)

    def send(_number: int) -> Answer:
        gate.wait()
        return post(who, "same")

    with one_call_at_a_time():
        scans.store().scans(who, 1, None)  # clients are made by one thread
        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(send, range(AT_ONCE)))
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body["scan_id"] for answer in answers}) == 1
    assert len({str(sorted(answer.body.items())) for answer in answers}) == 1
    replayed = Counter(answer.headers.get("idempotency-replayed") for answer in answers)
    assert replayed == {"true": AT_ONCE - 1, None: 1}
    assert [event.type for event in committed_events()] == ["ScanCreated.v1"]


def test_two_tenants_may_use_one_key() -> None:
    one, other = actor(), actor()
    first, second = post(one, "same"), post(other, "same", {**SCAN, "name": "Other"})
    assert (first.status, second.status) == (201, 201)
    assert first.body["scan_id"] != second.body["scan_id"]
    assert post(one, "same").body == first.body
    assert post(other, "same", {**SCAN, "name": "Other"}).body == second.body


def test_one_key_on_two_routes_is_two_keys() -> None:
    who = actor()
    scan = post(who, "same")
    hook = post(who, "same", HOOK, "/webhooks")
    assert (scan.status, hook.status) == (201, 201)


def test_another_payload_under_a_known_key_is_refused_and_does_nothing() -> None:
    who = actor()
    post(who, "same")
    for other in ({**SCAN, "name": "Other"}, {**SCAN, "surprise": True}, "text"):
        refused = post(who, "same", other)
        assert (refused.status, refused.problem) == (422, "idempotency-key-reused")
    assert len(committed_events()) == 1


def test_a_request_that_failed_leaves_its_key_free() -> None:
    who = actor()
    assert post(who, "same", {**SCAN, "profile": "wild"}).status == 422
    assert post(who, "same").status == 201


def test_a_key_gives_no_answer_to_those_who_may_not_ask() -> None:
    who = actor()
    post(who, "same")
    assert post(None, "same").status == 401
    viewer = actor(Role.VIEWER, who.tenant_id)
    assert post(viewer, "same").status == 403


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "x" * 256, "tab\t"])
def test_a_key_that_the_documentation_does_not_allow_is_refused(key: str) -> None:
    refused = post(actor(), key)
    assert (refused.status, refused.problem) == (400, "bad-request")
    assert committed_events() == []


def test_a_repeat_that_comes_before_the_answer_can_be_read_is_told_so() -> None:
    who = actor()
    post(who, "same")
    with answering("GetItem", {}):
        early = post(who, "same")
    assert (early.status, early.problem) == (409, "idempotency-key-in-use")
    assert len(committed_events()) == 1


def test_a_secret_that_is_shown_once_is_kept_sealed_and_repeated_whole(table: Table) -> None:
    who = actor()
    first = post(who, "same", HOOK, "/webhooks")
    secret = first.body["signing_secret"]
    assert post(who, "same", HOOK, "/webhooks").body == first.body
    rotate = f"/webhooks/{first.body['webhook_id']}/rotate-secret"
    rotated = post(who, "again", None, rotate)
    assert post(who, "again", None, rotate).body == rotated.body
    stored = str(aws.client("dynamodb").scan(TableName=table.name)["Items"])
    assert secret not in stored
    assert rotated.body["signing_secret"] not in stored
    assert table.get(who, DataKey) is not None


def kept_answers() -> list[dict[str, Any]]:
    items = aws.client("dynamodb").scan(TableName="palisade")["Items"]
    return [item for item in items if "#IDEMPOTENCY#" in item["pk"]["S"]]


def test_answers_are_kept_for_a_day_at_least_and_then_forgotten() -> None:
    post(actor(), "same")
    (kept,) = kept_answers()
    lasting = int(kept["expires_at"]["N"]) - clock.parse(committed_events()[0].at).timestamp()
    assert 24 * 3600 < lasting < 72 * 3600
    assert Kept.hidden >= {"tenant_id", "expires_at"}
