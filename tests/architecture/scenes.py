"""Every operation of the API on its happy path: what must be there before, and the request that is looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.architecture.world import SCAN, World
from tests.faults import answering

SCHEDULE = {**SCAN, "cron": "30 2 * * 1"}
TARGET = {"pattern": "example.com", "method": "attestation", "statement": "The owner has ordered it in writing."}
HOOK = {"url": "https://hooks.example.com/in"}
TOKENS = {"AccessToken": "", "RefreshToken": "r" * 40, "ExpiresIn": 3600}
FIRST, READ_ONCE = {"if-match": '"0"'}, {"if-match": '"1"'}


@dataclass(frozen=True)
class Request:
    """One request; its method and operation are the scene's name."""

    path: str
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    query: str = ""


Scene = Callable[[World], Request]


def plain(path: str, body: Any = None, **options: Any) -> Scene:
    """Nothing needs to be there."""
    return lambda _world: Request(path, body, **options)


def then(path: str, scene: Scene) -> Scene:
    """The same must be there, and another path is looked at."""

    def other(world: World) -> Request:
        scene(world)
        return Request(path)

    return other


def made(path: str, resource: Any, id_: str, sent: Any = None) -> Scene:
    """About something that a POST has made."""
    return lambda world: Request(f"{path}/{world.create(path, resource)[id_]}", sent, READ_ONCE if sent else {})


def about_scan(tail: str = "", *commands: str) -> Scene:
    """About a scan that was given these commands."""
    return lambda world: Request(world.scan(*commands) + tail)


def about_facts(tail: str) -> Scene:
    """About what a scan came to know."""
    return lambda world: Request(world.scanned + tail)


def audited(world: World) -> Request:
    """Something was done, and kept in the trail."""
    world.scan()
    return Request(f"/audit/logs/{world.tell('audit')[0].id}")


def finding(tail: str, body: Any = None) -> Scene:
    """About a finding of a scan."""

    def scene(world: World) -> Request:
        found = world.send("GET /scans/{scan_id}/findings", f"{world.scanned}/findings").body["items"][0]
        return Request(f"/findings/{found['finding_id']}{tail}", body, READ_ONCE if body else {})

    return scene


def told(tail: str) -> Scene:
    """About something that the caller was told."""

    def scene(world: World) -> Request:
        preferences(world)
        assert world.scanned
        world.tell("notifications")
        note = world.send("GET /notifications", "/notifications").body["items"][0]
        return Request(f"/notifications/{note['notification_id']}{tail}")

    return scene


def preferences(world: World) -> Request:
    """The caller is known to the notifications."""
    assert world.person
    world.tell("notifications")
    return Request("/notifications/preferences")


def choosing(world: World) -> Request:
    """The caller chooses."""
    path = preferences(world).path
    return Request(path, {"scan_ended": {"email": False}}, READ_ONCE)


def delivered(tail: str) -> Scene:
    """About an endpoint to which a test event was sent."""

    def scene(world: World) -> Request:
        path = f"/webhooks/{world.create('/webhooks', {'url': world.partner.url})['webhook_id']}"
        sent = world.send("POST /webhooks/{webhook_id}/test", f"{path}/test").body
        return Request(path + tail.format(event_id=sent["event_id"]))

    return scene


def second_hook(world: World) -> Request:
    """The organisation has an endpoint already, and so a data key that this process knows."""
    world.create("/webhooks", HOOK)
    return Request("/webhooks", HOOK)


def report(world: World) -> Request:
    """A report that was ordered."""
    ordered = world.create("/reports", {"scan_id": world.scanned.rpartition("/")[2], "format": "json"})
    return Request(f"/reports/{ordered['report_id']}")


def ordering(world: World) -> Request:
    """A report is ordered."""
    return Request("/reports", {"scan_id": world.scanned.rpartition("/")[2], "format": "pdf"})


def proving(world: World) -> Request:
    """The proof of ownership is published."""
    target = world.create("/targets", {"pattern": "example.test"})
    world.publish_txt("_palisade.example.test", target["challenge"])
    return Request(f"/targets/{target['target_id']}/verify")


def logging_in(world: World) -> Request:
    """Cognito takes the password."""
    tokens = {**TOKENS, "AccessToken": world.access_token()}
    world.enter_context(answering("InitiateAuth", {"AuthenticationResult": tokens}))
    return Request("/auth/login", {"email": "ann@example.com", "password": "Correct-Horse-9"})


def refreshing(world: World) -> Request:
    """Cognito takes the refresh token."""
    tokens = {**TOKENS, "AccessToken": world.access_token()}
    world.enter_context(answering("InitiateAuth", {"AuthenticationResult": tokens}))
    return Request("/auth/refresh", {"refresh_token": "r" * 40})


def logging_out(world: World) -> Request:
    """Cognito ends the session."""
    world.enter_context(answering("RevokeToken", {}))
    return Request("/auth/logout", {"refresh_token": "r" * 40})


def member(world: World) -> Request:
    """Somebody of the organisation."""
    return Request(f"/users/{world.person.user_id}")


def organization(body: Any = None) -> Scene:
    """The organisation."""
    return lambda world: Request(world.organization, body, READ_ONCE if body else {})


SCENES: dict[str, Scene] = {
    "GET /audit/logs": then("/audit/logs", audited),
    "GET /audit/logs/{entry_id}": audited,
    "POST /auth/login": logging_in,
    "POST /auth/logout": logging_out,
    "POST /auth/refresh": refreshing,
    "GET /findings": then("/findings", about_facts("")),
    "GET /findings/{finding_id}": finding(""),
    "PUT /findings/{finding_id}/status": finding("/status", {"status": "triaged"}),
    "GET /health": plain("/health"),
    "GET /modules": plain("/modules"),
    "GET /modules/{name}": plain("/modules/crawler"),
    "PUT /modules/{name}/config": plain("/modules/crawler/config", {"config": {"max_depth": 3}}, headers=FIRST),
    "POST /modules/{name}/disable": plain("/modules/crawler/disable"),
    "POST /modules/{name}/enable": plain("/modules/crawler/enable"),
    "GET /notifications": then("/notifications", told("")),
    "GET /notifications/preferences": preferences,
    "PUT /notifications/preferences": choosing,
    "GET /notifications/{notification_id}": told(""),
    "DELETE /notifications/{notification_id}": told(""),
    "PUT /notifications/{notification_id}/read": told("/read"),
    "GET /organizations": then("/organizations", organization()),
    "GET /organizations/{organization_id}": organization(),
    "PUT /organizations/{organization_id}": organization({"name": "Apex"}),
    "GET /ready": plain("/ready"),
    "POST /reports": ordering,
    "GET /reports": then("/reports", report),
    "GET /reports/{report_id}": report,
    "POST /scans": plain("/scans", SCAN),
    "GET /scans": then("/scans", about_scan()),
    "GET /scans/profiles": plain("/scans/profiles"),
    "GET /scans/{scan_id}": about_scan(),
    "DELETE /scans/{scan_id}": about_scan(),
    "GET /scans/{scan_id}/entities": about_facts("/entities"),
    "GET /scans/{scan_id}/findings": about_facts("/findings"),
    "GET /scans/{scan_id}/graph": about_facts("/graph"),
    "GET /scans/{scan_id}/log": about_facts("/log"),
    "GET /scans/{scan_id}/observations": about_facts("/observations"),
    "POST /scans/{scan_id}/pause": about_scan("/pause", "start"),
    "GET /scans/{scan_id}/progress": about_facts("/progress"),
    "POST /scans/{scan_id}/resume": about_scan("/resume", "start", "pause"),
    "POST /scans/{scan_id}/start": about_scan("/start"),
    "POST /scans/{scan_id}/stop": about_scan("/stop", "start"),
    "GET /scans/{scan_id}/timeline": about_facts("/timeline"),
    "POST /schedules": plain("/schedules", SCHEDULE),
    "GET /schedules": then("/schedules", made("/schedules", SCHEDULE, "schedule_id")),
    "GET /schedules/{schedule_id}": made("/schedules", SCHEDULE, "schedule_id"),
    "DELETE /schedules/{schedule_id}": made("/schedules", SCHEDULE, "schedule_id"),
    "POST /targets": plain("/targets", TARGET),
    "GET /targets": then("/targets", made("/targets", TARGET, "target_id")),
    "GET /targets/{target_id}": made("/targets", TARGET, "target_id"),
    "DELETE /targets/{target_id}": made("/targets", TARGET, "target_id"),
    "POST /targets/{target_id}/verify": proving,
    "GET /users": then("/users", member),
    "GET /users/me": then("/users/me", member),
    "GET /users/{user_id}": member,
    "GET /webhooks": then("/webhooks", made("/webhooks", HOOK, "webhook_id")),
    "POST /webhooks": second_hook,
    "GET /webhooks/{webhook_id}": made("/webhooks", HOOK, "webhook_id"),
    "PUT /webhooks/{webhook_id}": made("/webhooks", HOOK, "webhook_id", {**HOOK, "enabled": False}),
    "DELETE /webhooks/{webhook_id}": made("/webhooks", HOOK, "webhook_id"),
    "GET /webhooks/{webhook_id}/deliveries": delivered("/deliveries"),
    "POST /webhooks/{webhook_id}/deliveries/{event_id}/replay": delivered("/deliveries/{event_id}/replay"),
    "POST /webhooks/{webhook_id}/rotate-secret": delivered("/rotate-secret"),
    "POST /webhooks/{webhook_id}/test": delivered("/test"),
}
