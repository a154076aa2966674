"""Every event delivered three times and in any order: each room that listens comes to the same state."""

from __future__ import annotations

import importlib
import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts.facts import conclusions_key, encode_rows
from contracts.findings import Detection
from contracts.identity import UserCreated
from functions.findings import steps as findings
from functions.identity.model import User
from functions.identity.service.members import join
from functions.identity.store import Store as People
from functions.scans import api as scans
from functions.scans import steps
from functions.webhooks import api as webhooks
from kernel import aws
from kernel.actor import Actor
from kernel.attributes import from_item
from kernel.consumer import Consumer
from kernel.events import Envelope
from kernel.facts import Facts
from kernel.ids import new_id
from tests import edges
from tests.edges import Receiver, receiving, status
from tests.faults import answering
from tests.kit import Answer, actor, call, committed_events, create_table, forget, sqs_event

pytestmark = pytest.mark.slow

ROOMS = sorted(file.parent.name for file in (Path(__file__).parents[2] / "functions").glob("*/events.py"))
MOMENTS = {
    "at",
    "created_at",
    "updated_at",
    "expires_at",
    "milliseconds",
    "next_attempt_at",
    "failing_since",
    "version",
    "content",
    "digest",
}
"""What says when, and not what; and what the trail salts."""
SCAN = {"name": "Site", "targets": ["127.0.0.1"]}


@pytest.fixture
def world(cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
    edges.set_up(monkeypatch)


@pytest.fixture
def partners() -> Iterator[tuple[Receiver, Receiver]]:
    """One endpoint that takes everything, and one that fails."""
    with receiving(status(204)) as good, receiving(status(500)) as bad:
        yield good, bad


def post(who: Actor, path: str, body: Any = None, handler: Any = scans.handler) -> Answer:
    answer = call(handler, "POST", path, who, body)
    assert answer.status < 300, answer.body
    return answer


def people(who: Actor) -> None:
    """Three people, one with every reason to be told."""
    for role in ("organization_admin", "analyst", "viewer"):
        user = User(
            tenant_id=who.tenant_id,
            user_id=who.user_id if role == "organization_admin" else new_id("user"),
            email=f"{role}@example.com",
            name=role,
            roles=(role,),
            created_at="2026-01-01T00:00:00.000Z",
        )
        join(People(), who, user, None)


def history(who: Actor) -> None:
    """What a busy organisation does: scans that finish, rest, are stopped and deleted; schedules; findings."""
    task = {"tenant_id": who.tenant_id}
    first, second, third = (post(who, "/scans", SCAN).body["scan_id"] for _ in range(3))
    for scan_id in (first, second):
        post(who, f"/scans/{scan_id}/start")
        steps.gate({**task, "scan_id": scan_id}, None)
    steps.gate({**task, "scan_id": first, "report": {"wave": 0, "tasks": 3, "findings": 1}}, None)
    key = conclusions_key(who.tenant_id, first, 0)
    Facts().put(who, key, encode_rows([detection("critical"), detection("low")]))
    findings.record({**task, "scan_id": first, "conclusions": key}, None)
    post(who, f"/scans/{first}/pause")
    steps.gate({**task, "scan_id": first}, None)
    steps.park({**task, "scan_id": first, "token": "token-1"}, None)
    post(who, f"/scans/{first}/resume")
    steps.gate({**task, "scan_id": first, "report": {"wave": -1, "exhausted": True}}, None)
    post(who, f"/scans/{second}/stop")
    steps.gate({**task, "scan_id": second}, None)
    call(scans.handler, "DELETE", f"/scans/{third}", who)
    for _ in range(2):
        post(who, f"/scans/{post(who, '/scans', SCAN).body['scan_id']}/start")
    kept, dropped = (post(who, "/schedules", {**SCAN, "cron": "30 2 * * 1"}).body["schedule_id"] for _ in range(2))
    assert kept != dropped
    call(scans.handler, "DELETE", f"/schedules/{dropped}", who)


def detection(severity: str) -> Detection:
    return Detection(
        check=f"module:x/{severity}", asset="a.example", title="t", severity=severity, description="d", remedy="r"
    )


def deliver(stream: list[Envelope], rng: random.Random) -> None:
    """Every room's queue brings the stream in batches of its own."""
    for room in ROOMS:
        door: Consumer = importlib.import_module(f"functions.{room}.events").handler
        batch = list(stream)
        while batch:
            size = rng.randint(1, 10)
            assert door(sqs_event(*batch[:size]), None) == {"batchItemFailures": []}
            batch = batch[size:]


def outcome(partners: tuple[Receiver, Receiver]) -> dict[str, Any]:
    """Everything that can be seen afterwards: the table, the machines, the clock, the mail, the partners' inboxes."""
    items = [from_item(item) for item in aws.client("dynamodb").scan(TableName="palisade")["Items"]]
    state = {(item["pk"], item["sk"]): timeless(item) for item in items if "#OUTBOX#" not in item["pk"]}
    return {
        "state": state,
        "events": Counter((event.type, str(sorted(event.data.items()))) for event in committed_events()),
        "executions": edges.executions("SCAN_MACHINE_ARN"),
        "settled": edges.executions("SETTLE_MACHINE_ARN"),
        "retries": [name for name, _ in edges.executions("DELIVERY_MACHINE_ARN")],
        "schedules": {name: each["ScheduleExpression"] for name, each in edges.schedules().items()},
        "mails": Counter(edges.mails()),
        "received": [Counter(headers["webhook-id"] for headers, _ in each.requests) for each in partners],
    }


def timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: timeless(each) for name, each in value.items() if name not in MOMENTS}
    return [timeless(each) for each in value] if isinstance(value, list) else value


class World:
    """The cloud as it was when all had happened and nobody had been told; each telling begins there again."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.items = aws.client("dynamodb").scan(TableName="palisade")["Items"]
        self._monkeypatch = monkeypatch

    def again(self, partners: tuple[Receiver, Receiver]) -> None:
        dynamo = aws.client("dynamodb")
        dynamo.delete_table(TableName="palisade")
        create_table(dynamo, "palisade")
        for item in self.items:
            dynamo.put_item(TableName="palisade", Item=item)
        edges.tear_down()
        edges.set_up(self._monkeypatch)
        for partner in partners:
            partner.requests.clear()
        forget()


Order = Callable[[list[Envelope], random.Random], list[Envelope]]
ORDERS: dict[str, Order] = {
    "backwards": lambda stream, _rng: stream[::-1],
    "shuffled, each three times": lambda stream, rng: rng.sample(stream * 3, len(stream) * 3),
}


@pytest.mark.usefixtures("world")
def test_duplicates_and_disorder_change_nothing(
    partners: tuple[Receiver, Receiver], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who joins is told before the rest: nobody is told of what was before."""
    who, rng = actor(), random.Random(7)
    people(who)
    for partner in partners:
        post(who, "/webhooks", {"url": partner.url}, webhooks.handler)
    history(who)
    joined = [event for event in committed_events() if event.type == UserCreated.type]
    stream = [event for event in committed_events() if event.type != UserCreated.type]
    world = World(monkeypatch)
    with answering("SendTaskSuccess", *[{}] * 500):
        deliver([*joined, *stream], rng)
        expected = outcome(partners)
        _is_worth_comparing(expected, stream)
        for name, order in ORDERS.items():
            world.again(partners)
            deliver([*joined, *joined, *order(stream, rng)], rng)
            assert outcome(partners) == expected, name


def _is_worth_comparing(expected: dict[str, Any], stream: list[Envelope]) -> None:
    """The canary: something came of the events, in every room."""
    kinds = Counter(pk.split("#")[2] for pk, _ in expected["state"])
    assert {"AUDIT", "NOTIFICATIONS", "WEBHOOKS", "SEEN", "SCANS", "FINDINGS"} <= set(kinds)
    assert len(expected["executions"]) == len(expected["settled"]) == 2
    assert len(expected["schedules"]) == 1
    assert set(expected["mails"].values()) == {1}
    assert len(expected["mails"]) == 4
    assert all(len(inbox) > len(stream) // 2 and set(inbox.values()) == {1} for inbox in expected["received"])
    assert len(expected["retries"]) == len(expected["received"][1])
