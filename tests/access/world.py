"""An organisation as the access room sees it: its people, written as identity writes them."""

from __future__ import annotations

from typing import Any

from contracts.access import Role
from functions.access import api
from functions.access.model import Person
from kernel.actor import Actor
from kernel.table import Table, create
from tests.kit import Answer, actor, call

OFFICE = "203.0.113.7"


def send(method: str, path: str, who: Actor | None, body: Any = None, **options: Any) -> Answer:
    return call(api.handler, method, path, who, body, **options)


def settled(role: Role = Role.ORGANIZATION_ADMIN, tenant_id: str | None = None, **fields: Any) -> Actor:
    """An actor who is known as a person of the organisation."""
    who = actor(role, tenant_id, **fields)
    person(who.tenant_id, who.user_id, role.value)
    return who


def person(tenant_id: str, user_id: str, *roles: str) -> None:
    Table().write(create(Person(tenant_id=tenant_id, user_id=user_id, roles=roles)))
