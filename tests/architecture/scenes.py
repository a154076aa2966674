"""Every operation of the API on its happy path: what must be there before, and the request that is looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from contracts.organizations import Tenancy
from functions.access.model import Person
from functions.identity.model import User
from kernel.actor import Actor
from kernel.ids import new_id
from kernel.table import Table, create
from tests.architecture.world import AT, SCAN, World

SCHEDULE = {**SCAN, "cron": "30 2 * * 1"}
TARGET = {"pattern": "example.com", "method": "attestation", "statement": "The owner has ordered it in writing."}
HOOK = {"url": "https://hooks.example.com/in"}
OWN_TEMPLATE = """
id: a-title
info: {name: A title, severity: info}
http:
  - path: ["{{BaseURL}}/"]
    matchers: [{type: word, words: ["title"]}]
"""
KEY = {"name": "CI", "permissions": ["scans:read"]}
ROLE = {"name": "Night watch", "permissions": ["scans:read"]}
TEAM = {"name": "Red"}
ACCOUNT = {"name": "Build server", "roles": ["analyst"]}
POLICY = {"name": "No viewers", "source": 'forbid(principal in Role::"viewer", action, resource);'}
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


def own_profile(world: World) -> Request:
    """The organisation has a profile of its own."""
    path = "/scans/profiles/nightly"
    world.send("PUT /scans/profiles/{name}", path, {"summary": "Nights"})
    return Request(path)


def ended_scan(world: World) -> Request:
    """A scan that has come to its end is to be repeated."""
    return Request(world.scan("stop") + "/rescan", {})


def own_module(tail: str = "", body: Any = None) -> Scene:
    """About a module that the organisation has written."""

    def scene(world: World) -> Request:
        made = world.create("/templates", {"template": OWN_TEMPLATE})
        return Request(f"/templates/{made['name']}{tail}", body)

    return scene


def compared(world: World) -> Request:
    """A scan is compared with itself: it has found something."""
    return Request(f"{world.scanned}/differences", query=f"base={world.scanned.rpartition('/')[2]}")


def about_facts(tail: str) -> Scene:
    """About what a scan came to know."""
    return lambda world: Request(world.scanned + tail)


def audited(world: World) -> Request:
    """Something was done, and kept in the trail."""
    world.scan()
    return Request(f"/audit/logs/{world.tell('audit')[0].id}")


def audit_report(world: World) -> Request:
    """A part of the trail was ordered as a file."""
    return Request(f"/audit/reports/{world.create('/audit/reports', {'format': 'csv'})['report_id']}")


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


def organization(body: Any = None) -> Scene:
    """The organisation."""
    return lambda world: Request(world.organization, body, READ_ONCE if body else {})


def about_organization(tail: str = "", body: Any = None, **options: Any) -> Scene:
    """About something that the organisation has."""
    return lambda world: Request(world.organization + tail, body, **options)


def closing(world: World) -> Request:
    """The organisation is being closed."""
    path, name = world.organization, called(world)
    world.send("POST /organizations/{organization_id}/close", f"{path}/close", {"name": name})
    return Request(f"{path}/restore")


def called(world: World) -> str:
    """What the organisation is called now."""
    return str(world.send("GET /organizations/{organization_id}", world.organization).body["name"])


def handing_over(world: World) -> Request:
    """The organisation has another administrator."""
    known = {"email": "heir@example.com", "name": "Heir", "created_at": AT}
    heir = User(tenant_id=world.who.tenant_id, user_id="heir", roles=world.who.roles, **known)
    if Table().get(world.who, Person, user_id="heir") is None:
        Table().write(create(heir))
    return Request(f"{world.organization}/transfer", {"user_id": "heir", "name": called(world)})


def founding(world: World) -> Request:
    """The caller's organisation is on a plan that allows more of them."""
    path = world.organization
    world.send("PUT /organizations/{organization_id}/subscription", f"{path}/subscription", {"plan": "enterprise"})
    return Request("/organizations", {"name": "Beta"})


def delegated(world: World) -> Request:
    """A provider was let in."""
    request = delegating(world)
    sent = world.send("PUT /organizations/{organization_id}/delegations/{provider_id}", request.path, request.body)
    assert sent.status == 200, sent.body
    return Request(request.path)


def delegating(world: World) -> Request:
    """There is a provider to let in."""
    provider = new_id("org")
    Table().write(create(Tenancy(tenant_id=provider)))
    return Request(f"{world.organization}/delegations/{provider}", {"roles": ["viewer"]})


def fresh(body: dict[str, Any]) -> dict[str, Any]:
    """The same under a name that nothing has yet."""
    return {**body, "name": new_id("name")}


def named(path: str, body: dict[str, Any], id_: str, *, again: bool = False) -> Scene:
    """About something that a POST has made under a name of its own, and that perhaps gets another."""

    def scene(world: World) -> Request:
        made = world.create(path, fresh(body))[id_]
        return Request(f"{path}/{made}", fresh(body) if again else None, READ_ONCE if again else {})

    return scene


def naming(path: str, body: dict[str, Any]) -> Scene:
    """Something is made under a name of its own."""
    return lambda _world: Request(path, fresh(body))


def enrolled(world: World) -> Actor:
    """The administrator, as the organisation knows the people who own keys and form teams."""
    if Table().get(world.who, Person, user_id=world.who.user_id) is None:
        Table().write(create(Person(tenant_id=world.who.tenant_id, user_id=world.who.user_id, roles=world.who.roles)))
    return world.who


def about_key(tail: str = "", body: Any = None) -> Scene:
    """About a key of the administrator's."""

    def scene(world: World) -> Request:
        enrolled(world)
        return Request(f"/api-keys/{world.create('/api-keys', KEY)['key_id']}{tail}", body)

    return scene


def making_key(world: World) -> Request:
    """A key is made; another is there, and so a data key that this process knows."""
    about_key()(world)
    return Request("/api-keys", KEY)


def with_member(tail: str = "") -> Scene:
    """About the administrator's place in a team."""

    def scene(world: World) -> Request:
        path = about_team(world).path
        world.send("PUT /teams/{team_id}/members/{user_id}", f"{path}/{enrolled(world).user_id}")
        return Request(path + tail.format(user_id=world.who.user_id))

    return scene


def about_team(world: World) -> Request:
    """The people of a team without any."""
    return Request(f"/teams/{world.create('/teams', fresh(TEAM))['team_id']}/members")


def joining(world: World) -> Request:
    """The administrator comes into a team."""
    return Request(f"{about_team(world).path}/{enrolled(world).user_id}")


def trying(world: World) -> Request:
    """What a policy would say to the administrator is asked."""
    enrolled(world)
    world.create("/policies", fresh(POLICY))
    return Request("/policies/dry-run", {"action": "scans:create"})


SCENES: dict[str, Scene] = {
    "GET /api-keys": then("/api-keys", about_key()),
    "POST /api-keys": making_key,
    "GET /api-keys/{key_id}": about_key(),
    "PUT /api-keys/{key_id}": about_key("", KEY),
    "DELETE /api-keys/{key_id}": about_key(),
    "POST /api-keys/{key_id}/rotate": about_key("/rotate", {"overlap_minutes": 5}),
    "GET /audit/compliance-events": then("/audit/compliance-events", audited),
    "GET /audit/logs": then("/audit/logs", audited),
    "GET /audit/logs/{entry_id}": audited,
    "GET /audit/reports": then("/audit/reports", audit_report),
    "GET /audit/reports/{report_id}": audit_report,
    "GET /audit/security-events": then("/audit/security-events", audited),
    "POST /audit/log": plain("/audit/log", {"action": "vpn.login", "subject": "Ada"}),
    "POST /audit/reports": plain("/audit/reports", {"format": "csv"}),
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
    "POST /organizations": founding,
    "DELETE /organizations/{organization_id}": about_organization(query="name=Acme"),
    "POST /organizations/{organization_id}/close": about_organization("/close", {"name": "Acme"}),
    "POST /organizations/{organization_id}/restore": closing,
    "POST /organizations/{organization_id}/transfer": handing_over,
    "GET /organizations/{organization_id}/subscription": about_organization("/subscription"),
    "PUT /organizations/{organization_id}/subscription": about_organization("/subscription", {"plan": "starter"}),
    "GET /organizations/{organization_id}/usage": about_organization("/usage"),
    "GET /organizations/{organization_id}/customers": about_organization("/customers"),
    "GET /organizations/{organization_id}/delegations": about_organization("/delegations"),
    "GET /organizations/{organization_id}/delegations/{provider_id}": delegated,
    "PUT /organizations/{organization_id}/delegations/{provider_id}": delegating,
    "DELETE /organizations/{organization_id}/delegations/{provider_id}": delegated,
    "GET /plans": plain("/plans"),
    "GET /permissions": plain("/permissions"),
    "GET /policies": then("/policies", named("/policies", POLICY, "policy_id")),
    "POST /policies": naming("/policies", POLICY),
    "POST /policies/dry-run": trying,
    "GET /policies/schema": plain("/policies/schema"),
    "GET /policies/{policy_id}": named("/policies", POLICY, "policy_id"),
    "PUT /policies/{policy_id}": named("/policies", POLICY, "policy_id", again=True),
    "DELETE /policies/{policy_id}": named("/policies", POLICY, "policy_id"),
    "GET /ready": plain("/ready"),
    "POST /reports": ordering,
    "GET /reports": then("/reports", report),
    "GET /reports/{report_id}": report,
    "GET /roles": then("/roles", named("/roles", ROLE, "role_id")),
    "POST /roles": naming("/roles", ROLE),
    "GET /roles/{role_id}": named("/roles", ROLE, "role_id"),
    "PUT /roles/{role_id}": named("/roles", ROLE, "role_id", again=True),
    "DELETE /roles/{role_id}": named("/roles", ROLE, "role_id"),
    "GET /service-accounts": then("/service-accounts", named("/service-accounts", ACCOUNT, "account_id")),
    "POST /service-accounts": naming("/service-accounts", ACCOUNT),
    "GET /service-accounts/{account_id}": named("/service-accounts", ACCOUNT, "account_id"),
    "PUT /service-accounts/{account_id}": named("/service-accounts", ACCOUNT, "account_id", again=True),
    "DELETE /service-accounts/{account_id}": named("/service-accounts", ACCOUNT, "account_id"),
    "GET /teams": then("/teams", named("/teams", TEAM, "team_id")),
    "POST /teams": naming("/teams", TEAM),
    "GET /teams/{team_id}": named("/teams", TEAM, "team_id"),
    "PUT /teams/{team_id}": named("/teams", TEAM, "team_id", again=True),
    "DELETE /teams/{team_id}": named("/teams", TEAM, "team_id"),
    "GET /teams/{team_id}/members": with_member(),
    "GET /teams/{team_id}/members/{user_id}": with_member("/{user_id}"),
    "PUT /teams/{team_id}/members/{user_id}": joining,
    "DELETE /teams/{team_id}/members/{user_id}": with_member("/{user_id}"),
    "POST /scans": plain("/scans", SCAN),
    "GET /scans": then("/scans", about_scan()),
    "GET /scans/profiles": plain("/scans/profiles"),
    "PUT /scans/profiles/{name}": plain("/scans/profiles/nightly", {"summary": "Nights"}),
    "DELETE /scans/profiles/{name}": own_profile,
    "GET /scans/{scan_id}": about_scan(),
    "DELETE /scans/{scan_id}": about_scan(),
    "GET /scans/{scan_id}/entities": about_facts("/entities"),
    "GET /scans/{scan_id}/findings": about_facts("/findings"),
    "GET /scans/{scan_id}/graph": about_facts("/graph"),
    "GET /scans/{scan_id}/differences": compared,
    "GET /scans/{scan_id}/estimate": about_scan("/estimate"),
    "GET /scans/{scan_id}/log": about_facts("/log"),
    "GET /scans/{scan_id}/observations": about_facts("/observations"),
    "POST /scans/{scan_id}/pause": about_scan("/pause", "start"),
    "GET /scans/{scan_id}/progress": about_facts("/progress"),
    "POST /scans/{scan_id}/rescan": ended_scan,
    "POST /templates": plain("/templates", {"template": OWN_TEMPLATE}),
    "GET /templates": plain("/templates"),
    "GET /templates/{name}": own_module(),
    "POST /templates/{name}/rollback": own_module("/rollback", {"version": "1.0.0"}),
    "DELETE /templates/{name}": own_module(),
    "GET /modules/{name}/analytics": plain("/modules/crawler/analytics"),
    "POST /scans/{scan_id}/resume": about_scan("/resume", "start", "pause"),
    "POST /scans/{scan_id}/start": about_scan("/start"),
    "POST /scans/{scan_id}/stop": about_scan("/stop", "start"),
    "GET /scans/{scan_id}/timeline": about_facts("/timeline"),
    "POST /schedules": plain("/schedules", SCHEDULE),
    "GET /schedules": then("/schedules", made("/schedules", SCHEDULE, "schedule_id")),
    "GET /schedules/{schedule_id}": made("/schedules", SCHEDULE, "schedule_id"),
    "GET /schedules/{schedule_id}/occasions": made("/schedules", SCHEDULE, "schedule_id"),
    "DELETE /schedules/{schedule_id}": made("/schedules", SCHEDULE, "schedule_id"),
    "POST /targets": plain("/targets", TARGET),
    "GET /targets": then("/targets", made("/targets", TARGET, "target_id")),
    "GET /targets/{target_id}": made("/targets", TARGET, "target_id"),
    "DELETE /targets/{target_id}": made("/targets", TARGET, "target_id"),
    "POST /targets/{target_id}/verify": proving,
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

from tests.architecture.people import PEOPLE  # noqa: E402 - they are made of what is above

SCENES |= PEOPLE

from tests.architecture.federation import FEDERATION  # noqa: E402 - likewise

SCENES |= FEDERATION

from tests.architecture.scim import GROUPS  # noqa: E402 - likewise

SCENES |= GROUPS

from tests.architecture.privacy import PRIVACY  # noqa: E402 - likewise

SCENES |= PRIVACY

from tests.architecture.knowledge import KNOWLEDGE  # noqa: E402 - likewise

SCENES |= KNOWLEDGE
