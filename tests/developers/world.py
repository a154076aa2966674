"""An organisation as the developers room sees it: its people, written as identity writes them."""

from __future__ import annotations

from typing import Any

from contracts.access import CustomRole, Role, TeamMembership
from contracts.developers import ApiKeyRecord
from functions.developers import api
from functions.developers.model import Person
from kernel import clock
from kernel.actor import Actor
from kernel.table import Table, create, put
from tests.kit import Answer, actor, call, committed_events

SCOPES = ["findings:read", "scans:read"]
BODY = {"name": "CI", "permissions": SCOPES}


def send(method: str, path: str, who: Actor | None, body: Any = None, **options: Any) -> Answer:
    return call(api.handler, method, path, who, body, **options)


def settled(role: Role = Role.ORGANIZATION_ADMIN, tenant_id: str | None = None, **fields: Any) -> Actor:
    """An actor who is known as a person of the organisation."""
    who = actor(role, tenant_id, **fields)
    person(who, who.user_id, role.value)
    return who


def person(who: Actor, user_id: str, *roles: str) -> None:
    """Somebody of the actor's organisation has these roles, from now on."""
    Table().write(put(Person(tenant_id=who.tenant_id, user_id=user_id, email="p@example.com", roles=roles)))


def role(who: Actor, role_id: str, *permissions: str) -> None:
    Table().write(put(CustomRole(tenant_id=who.tenant_id, role_id=role_id, permissions=permissions)))


def membership(who: Actor, user_id: str, team_id: str) -> None:
    at = clock.timestamp()
    Table().write(
        create(TeamMembership(tenant_id=who.tenant_id, user_id=user_id, team_id=team_id, added_by="u", added_at=at))
    )


def made(who: Actor, **fields: Any) -> dict[str, Any]:
    answer = send("POST", "/api-keys", who, {**BODY, **fields})
    assert answer.status == 201, answer.body
    return dict(answer.body)


def record(key_id: str) -> ApiKeyRecord:
    """What the authorizer reads."""
    found = Table().get_platform(ApiKeyRecord, key_id=key_id)
    assert found is not None
    return found


def told() -> list[str]:
    return [event.type for event in committed_events()]
