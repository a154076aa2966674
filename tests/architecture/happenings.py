"""What happens in an organisation, so that nearly every event is told once; and a scan, step by step."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any

from functions.collection import steps as collection
from functions.findings import steps as findings
from functions.intelligence import steps as intelligence
from functions.reports import steps as reports
from functions.scans import steps as scans
from infra.costs.usage import Usage
from kernel.consumer import Consumer
from kernel.events import Envelope
from tests.architecture import scenes, scim
from tests.architecture.metering import Meter
from tests.architecture.world import World
from tests.faults import answering
from tests.kit import call, committed_events, sqs_event

HAPPENINGS = (
    "POST /audit/log",
    "POST /audit/reports",
    "PUT /notifications/preferences",
    "POST /auth/login",
    "PUT /organizations/{organization_id}",
    "POST /organizations",
    "DELETE /organizations/{organization_id}/delegations/{provider_id}",
    "POST /organizations/{organization_id}/restore",
    "POST /organizations/{organization_id}/transfer",
    "PUT /modules/{name}/config",
    "DELETE /targets/{target_id}",
    "POST /schedules",
    "DELETE /schedules/{schedule_id}",
    "PUT /webhooks/{webhook_id}",
    "PUT /findings/{finding_id}/status",
    "DELETE /scans/{scan_id}",
    "DELETE /scans/profiles/{name}",
    "DELETE /templates/{name}",
    "POST /imports/{import_id}/start",
    "PUT /facts/retention",
    "POST /rules",
    "PUT /roles/{role_id}",
    "PUT /policies/{policy_id}",
    "PUT /teams/{team_id}",
    "DELETE /teams/{team_id}",
    "DELETE /teams/{team_id}/members/{user_id}",
    "PUT /api-keys/{key_id}",
    "POST /api-keys/{key_id}/rotate",
    "DELETE /api-keys/{key_id}",
    "PUT /service-accounts/{account_id}",
    "DELETE /service-accounts/{account_id}",
    "PUT /users/me",
    "POST /organizations/{organization_id}/invitations/{invitation_id}/resend",
    "DELETE /organizations/{organization_id}/invitations/{invitation_id}",
    "POST /invitations/accept",
    "PUT /organizations/{organization_id}/members/{user_id}",
    "DELETE /organizations/{organization_id}/members/{user_id}",
    "PUT /organizations/{organization_id}/sign-in",
    "POST /auth/mfa/recovery-codes",
    "POST /auth/mfa/disable",
    "POST /auth/switch",
    "POST /auth/reset-password",
    "DELETE /privacy/exports/{export_id}",
    "POST /privacy/erasures/{erasure_id}/cancel",
)
"""Operations whose scenes and requests tell most of what can be told."""


PROVISIONED = ("PATCH /scim/v2/Users/{user_id}", "DELETE /scim/v2/Users/{user_id}", "PATCH /scim/v2/Groups/{group_id}")
"""What the organisation's own directory does."""


def history(world: World) -> list[Envelope]:
    """Everything that was told, oldest first. Nobody has heard of most of it yet."""
    assert world.person
    for name in HAPPENINGS:
        request = scenes.SCENES[name](world)
        answer = world.send(name, request.path, request.body, headers=request.headers)
        assert answer.status < 300, (name, answer.body)
    for name in PROVISIONED:
        request = scim.SCIM[name](world)
        told = call(scim.SCIM_OPERATIONS[name], name.partition(" ")[0], request.path, world.who, request.body)
        assert told.status < 300, (name, told.body)
    _life_of_a_scan(world)
    _report(world)
    for path in [f"/webhooks/{each['webhook_id']}" for each in world.send("GET /webhooks", "/webhooks").body["items"]]:
        world.send("DELETE /webhooks/{webhook_id}", path)
    return committed_events()


def listeners(kind: str, rooms: list[str]) -> Iterator[tuple[str, Consumer]]:
    """The rooms that hear of events of a kind, with their doors."""
    for room in rooms:
        door: Consumer = importlib.import_module(f"functions.{room}.events").handler
        if not door.subscriptions or kind in door.subscriptions:
            yield room, door


def hear(meter: Meter, door: Consumer, envelope: Envelope) -> Usage:
    """What a room does when it hears of an event."""
    with answering("SendTaskSuccess", {}):
        meter.start()
        assert door(sqs_event(envelope), None) == {"batchItemFailures": []}
        return meter.usage()


def steps_of_a_scan(world: World, meter: Meter, site: str) -> dict[str, Usage]:
    """What each step of a scan's machine does: of a web site with one page, in one wave, to its report.
    Its batch is run; a second one is written by hand, so that a weakness is found."""
    body = {"name": "Site", "targets": [site], "modules": ["crawler"]}
    path = f"/scans/{world.create('/scans', body)['scan_id']}"
    assert world.send("POST /scans/{scan_id}/start", f"{path}/start").status == 202
    scan = {"tenant_id": world.who.tenant_id, "scan_id": path.rpartition("/")[2]}
    found: dict[str, Usage] = {}

    def step(name: str, door: Callable[[dict[str, Any], object], Any], **fields: Any) -> Any:
        meter.start()
        answer = door({**scan, **fields}, None)
        found[name] = meter.usage()
        return answer

    step("begin", scans.gate)
    assert step("plan", collection.plan, wave=0)["batches"] == 1
    assert step("batch", collection.run_batch, wave=0, batch=1) > 0
    world.write_segment(scan["scan_id"], 0, 2)
    used = step("close", collection.close, wave=0)
    reduced = step("reduce", intelligence.reduce, wave=0)
    step("record", findings.record, conclusions=reduced["conclusions"])
    step("gate", scans.gate, report={"wave": 0, "tasks": used["tasks"], "observations": reduced["observations"]})
    step("end", scans.gate, report={"wave": -1, "exhausted": True})
    step("compact", intelligence.compact)
    step("learn", intelligence.learn)
    report = world.create("/reports", {"scan_id": scan["scan_id"], "format": "pdf"})["report_id"]
    for room in (findings, intelligence, collection):
        step(f"report: {room.__name__.split('.')[1]}", room.hand_in, report_id=report)
    step("report: document", reports.render, report_id=report)
    return found


def _life_of_a_scan(world: World) -> None:
    """Started, parked, resumed, stopped."""
    path = world.scan("start")
    scan = {"tenant_id": world.who.tenant_id, "scan_id": path.rpartition("/")[2]}

    def command(name: str) -> None:
        assert world.send(f"POST /scans/{{scan_id}}/{name}", f"{path}/{name}").status == 202

    scans.gate(scan, None)
    collection.plan({**scan, "wave": 0}, None)
    collection.record_loss({**scan, "wave": 0, "batch": 1, "cause": "Test"}, None)
    command("pause")
    scans.gate(scan, None)
    scans.park({**scan, "token": "token-1"}, None)
    command("resume")
    scans.gate({**scan, "report": {"wave": 0, "tasks": 3, "findings": 1}}, None)
    command("stop")
    scans.gate(scan, None)


def _report(world: World) -> None:
    order = {"scan_id": world.scanned.rpartition("/")[2], "format": "json"}
    task = {"tenant_id": world.who.tenant_id, **order, "report_id": world.create("/reports", order)["report_id"]}
    for door in (findings.hand_in, intelligence.hand_in, collection.hand_in, reports.render):
        door(task, None)
