"""People with a session, as the authorizer lets them in."""

from __future__ import annotations

import uuid
from typing import Any

from contracts.access import Role
from contracts.identity import SessionRecord
from contracts.organizations import OrganizationStatus, Tenancy
from kernel import clock
from kernel.actor import Actor
from kernel.table import Table, create, update
from tests.kit import actor


def listener(role: Role = Role.ORGANIZATION_ADMIN) -> Actor:
    """Somebody who is logged in."""
    who = actor(role, session_id=str(uuid.uuid4()))
    now = clock.timestamp()
    session = SessionRecord(
        tenant_id=who.tenant_id,
        session_id=str(who.session_id),
        user_id=who.user_id,
        device="A browser",
        created_at=now,
        last_seen_at=now,
    )
    Table().write(create(session))
    Table().write(create(Tenancy(tenant_id=who.tenant_id)))
    return who


def end(who: Actor, **change: Any) -> None:
    """The session of somebody ends, or changes."""
    session = Table().get_platform(SessionRecord, user_id=who.user_id, session_id=who.session_id)
    assert session is not None
    Table().write(update(session.model_copy(update={"ended_at": clock.timestamp(), **change})))


def suspend(who: Actor) -> None:
    """The organisation of somebody may not work any more."""
    tenancy = Table().get_platform(Tenancy, tenant_id=who.tenant_id)
    assert tenancy is not None
    Table().write(update(tenancy.model_copy(update={"status": OrganizationStatus.SUSPENDED})))
