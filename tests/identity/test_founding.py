"""Who founds a further organisation administers it; who registers comes in with the registration."""

from __future__ import annotations

import pytest

from contracts.organizations import OrganizationCreated
from functions.identity import events
from functions.identity.model import ADMINISTRATOR, User
from functions.identity.service.members import join
from functions.identity.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.events import Envelope, Event
from kernel.ids import new_id
from kernel.outbox import outbox_record
from tests.kit import actor, committed_events, sqs_event

pytestmark = pytest.mark.usefixtures("cloud")


def member() -> Actor:
    who = actor()
    user = User(
        tenant_id=who.tenant_id,
        user_id=who.user_id,
        email=str(who.email),
        name="Ann",
        roles=(ADMINISTRATOR,),
        created_at=clock.timestamp(),
    )
    join(Store(), who, user, None)
    return who


def deliver(new: Actor, event: Event) -> None:
    envelope = Envelope.model_validate_json(outbox_record(new, event, 1).envelope)
    for _ in range(3):
        assert events.handler(sqs_event(envelope), None) == {"batchItemFailures": []}


def test_the_founder_administers_the_new_organisation() -> None:
    who = member()
    new = Actor.system(new_id("org"))
    deliver(
        new,
        OrganizationCreated(
            organization_id=new.tenant_id, name="Beta", owner_id=who.user_id, owner_email=str(who.email)
        ),
    )
    user = Store().user(new, who.user_id)
    assert (user.name, user.roles) == ("Ann", (ADMINISTRATOR,))
    person = Store().person(who.user_id)
    assert person is not None
    assert person.organizations == (who.tenant_id, new.tenant_id)
    assert person.last == who.tenant_id
    joined = [event for event in committed_events() if event.tenant_id == new.tenant_id]
    assert [event.type for event in joined].count("UserCreated.v1") == 1


def test_an_organisation_that_nobody_founded_gets_nobody() -> None:
    new = Actor.system(new_id("org"))
    deliver(new, OrganizationCreated(organization_id=new.tenant_id, name="Beta"))
    deliver(new, OrganizationCreated(organization_id=new.tenant_id, name="Beta", owner_id="u"))
    assert list(Store().everybody(new)) == []
