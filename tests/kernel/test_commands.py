"""Every command of every room, with its worker dying at every AWS call: events equal commits, and a repeat mends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi import Response

from contracts.findings import Detection
from functions.findings import api as findings
from functions.findings.model import new_finding
from functions.modules import api as modules
from functions.notifications import api as notifications
from functions.notifications.model import Preferences
from functions.organizations import api as organizations
from functions.organizations import service as founding
from functions.organizations.store import Store as Organizations
from functions.scans import api as scans
from functions.webhooks import api as webhooks
from kernel import aws
from kernel.actor import Actor
from kernel.attributes import from_item
from kernel.http import Room, lambda_handler, reply, require
from kernel.table import Table, create
from tests.faults import Moment, counted, crashing
from tests.kernel.boats import boat, launched
from tests.kit import Answer, Handler, actor, call, committed_events

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("cloud")]
Prepare = Callable[[Actor], str]
BY_ITSELF = ("OUTBOX", "IDEMPOTENCY", "KEYS")
"""Partitions that are not the state of a room."""


@dataclass(frozen=True)
class Command:
    """One request that changes something; `prepare` sets the scene and gives the path."""

    handler: Handler
    method: str
    prepare: Prepare
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, who: Actor, path: str) -> Answer:
        key = {"idempotency-key": "key-1"} if self.method == "POST" else {}
        return call(self.handler, self.method, path, who, self.body, headers={**key, **self.headers})


def at(path: str) -> Prepare:
    return lambda _who: path


def after(handler: Handler, path: str, body: Any, id_: str, tail: str = "", *steps: str) -> Prepare:
    """Create a resource, take some steps with it, and name the path below it."""

    def prepare(who: Actor) -> str:
        made = f"{path}/{call(handler, 'POST', path, who, body).body[id_]}"
        for step in steps:
            assert call(handler, "POST", f"{made}/{step}", who).status == 202
        return made + tail

    return prepare


def organization(who: Actor) -> str:
    founding.create_organization(Organizations(), who, "Acme")
    return f"/organizations/{who.tenant_id}"


def recipient(who: Actor) -> str:
    Table().write(create(Preferences(tenant_id=who.tenant_id, user_id=who.user_id, email="a@b.example")))
    return "/notifications/preferences"


def finding(who: Actor) -> str:
    detection = Detection(check="module:x/y", asset="a.example", title="t", severity="low", description="d", remedy="r")
    made = new_finding(who.tenant_id, detection, "scan_1", "2026-01-01T00:00:00.000Z")
    Table().write(create(made))
    return f"/findings/{made.finding_id}/status"


SCAN = {"name": "Site", "targets": ["http://127.0.0.1:8000/"]}
SCHEDULE = {**SCAN, "cron": "30 2 * * 1"}
TARGET = {"pattern": "example.com", "method": "attestation", "statement": "The owner has ordered it in writing."}
HOOK = {"url": "https://hooks.example.com/in"}
MATCH = {"if-match": '"1"'}

scan = lambda tail, *steps: after(scans.handler, "/scans", SCAN, "scan_id", tail, *steps)  # noqa: E731
hook = lambda tail: after(webhooks.handler, "/webhooks", HOOK, "webhook_id", tail)  # noqa: E731

COMMANDS = {
    "create scan": Command(scans.handler, "POST", at("/scans"), SCAN),
    "start scan": Command(scans.handler, "POST", scan("/start")),
    "pause scan": Command(scans.handler, "POST", scan("/pause", "start")),
    "resume scan": Command(scans.handler, "POST", scan("/resume", "start", "pause")),
    "stop new scan": Command(scans.handler, "POST", scan("/stop")),
    "stop scan": Command(scans.handler, "POST", scan("/stop", "start")),
    "delete scan": Command(scans.handler, "DELETE", scan("")),
    "approve target": Command(scans.handler, "POST", at("/targets"), TARGET),
    "revoke target": Command(scans.handler, "DELETE", after(scans.handler, "/targets", TARGET, "target_id")),
    "schedule": Command(scans.handler, "POST", at("/schedules"), SCHEDULE),
    "unschedule": Command(scans.handler, "DELETE", after(scans.handler, "/schedules", SCHEDULE, "schedule_id")),
    "rename": Command(organizations.handler, "PUT", organization, {"name": "Apex"}, MATCH),
    "configure": Command(
        modules.handler, "PUT", at("/modules/crawler/config"), {"config": {"max_depth": 3}}, {"if-match": '"0"'}
    ),
    "disable module": Command(modules.handler, "POST", at("/modules/crawler/disable")),
    "register hook": Command(webhooks.handler, "POST", at("/webhooks"), HOOK),
    "change hook": Command(webhooks.handler, "PUT", hook(""), {**HOOK, "enabled": False}, MATCH),
    "rotate secret": Command(webhooks.handler, "POST", hook("/rotate-secret")),
    "remove hook": Command(webhooks.handler, "DELETE", hook("")),
    "choose": Command(notifications.handler, "PUT", recipient, {"scan_ended": {"email": False}}, MATCH),
    "triage": Command(findings.handler, "PUT", finding, {"status": "triaged"}, MATCH),
}


def state(who: Actor) -> list[dict[str, Any]]:
    items = [from_item(item) for item in aws.client("dynamodb").scan(TableName="palisade")["Items"]]
    return [item for item in items if who.tenant_id in item["pk"] and item["pk"].split("#")[2] not in BY_ITSELF]


def told(who: Actor) -> list[str]:
    return sorted(event.type for event in committed_events() if event.tenant_id == who.tenant_id)


def undisturbed(command: Command) -> tuple[list[str], int, list[str]]:
    """The AWS calls, the status and the events of the command when nothing happens to it."""
    who = actor()
    path = command.prepare(who)
    before = told(who)
    with counted() as calls:
        status = command.send(who, path).status
    events = told(who)
    for known in before:
        events.remove(known)
    return calls, status, events


@pytest.mark.parametrize("name", COMMANDS)
def test_a_worker_that_dies_leaves_all_or_nothing_and_a_repeat_has_one_effect(name: str) -> None:
    command = COMMANDS[name]
    calls, status, events = undisturbed(command)
    assert status < 300
    assert events
    assert calls.count("TransactWriteItems") == 1
    moments: tuple[Moment, ...] = ("before-call", "after-call")
    for place in range(len(calls)):
        for moment in moments:
            _die_and_repeat(command, moment, place, status, events)


def _die_and_repeat(command: Command, moment: Moment, place: int, status: int, events: list[str]) -> None:
    who = actor()
    path = command.prepare(who)
    before, known = state(who), told(who)
    with crashing(moment, place):
        assert command.send(who, path).status == 500
    committed = state(who) != before
    assert told(who) == sorted(known + events if committed else known)
    repeated = command.send(who, path)
    assert told(who) == sorted(known + events)
    done_before = {"DELETE": 404, "PUT": 412}.get(command.method, status)
    assert repeated.status == (done_before if committed else status)


def test_the_check_would_see_an_event_that_is_told_apart_from_its_state() -> None:
    """The canary: a command that commits first and tells afterwards."""
    app = Room("leaky")

    @app.post("/boats", status_code=201)
    async def launch(actor: Actor = require(None)) -> Response:
        argo = boat(actor)
        Table().write(create(argo))
        Table().transact(actor, [], [launched(argo)])
        return reply(argo, 201)

    leaky = Command(lambda_handler(app), "POST", at("/boats"))
    with pytest.raises(AssertionError):
        _die_and_repeat(leaky, "after-call", 0, 201, ["OrganizationCreated.v1"])
