"""What happens to people's accounts: told to them alone, always by mail; who left is told nothing more."""

from __future__ import annotations

import pytest

from contracts.access import Role
from contracts.identity import (
    AccountLocked,
    FactorDisabled,
    MemberRemoved,
    MemberRolesChanged,
    NewDeviceSeen,
    PasswordChanged,
    RefreshTokenReused,
    UserCreated,
)
from functions.notifications import events, service
from functions.notifications.model import Channels
from functions.notifications.schemas import ChangePreferences
from functions.notifications.store import Store
from kernel import aws
from kernel.actor import Actor
from kernel.errors import NotFound
from kernel.events import Envelope, Event
from kernel.ids import new_id
from kernel.outbox import outbox_record
from tests import edges
from tests.kit import actor, sqs_event

pytestmark = pytest.mark.usefixtures("cloud")


@pytest.fixture(autouse=True)
def sender(cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_SENDER", edges.SENDER)
    aws.client("sesv2").create_email_identity(EmailIdentity=edges.SENDER)


def hear(who: Actor, *told: Event) -> None:
    envelopes = [Envelope.model_validate_json(outbox_record(who, event, 1).envelope) for event in told]
    assert events.handler(sqs_event(*envelopes, *envelopes), None) == {"batchItemFailures": []}


def person(tenant_id: str) -> Actor:
    who = actor(Role.ANALYST, tenant_id)
    hear(who, UserCreated(user_id=who.user_id, email=f"{who.user_id[-6:].lower()}@example.com", roles=["analyst"]))
    return who


def test_what_happens_to_an_account_is_told_to_its_person_alone_whatever_was_chosen() -> None:
    tenant_id = new_id("org")
    ann, other = person(tenant_id), person(tenant_id)
    quiet = Channels(in_app=False, email=False)
    service.change_preferences(Store(), ann, ChangePreferences(scan_ended=quiet, critical_finding=quiet), None)
    hear(
        ann,
        NewDeviceSeen(user_id=ann.user_id, email="a@b", device="Firefox on Linux", address="192.0.2.1"),
        AccountLocked(user_id=ann.user_id, email="a@b", seconds=900),
        RefreshTokenReused(user_id=ann.user_id, session_id="s"),
        FactorDisabled(user_id=ann.user_id, how="disabled"),
        PasswordChanged(user_id=ann.user_id, email="a@b", how="reset"),
        PasswordChanged(user_id="nobody", email="a@b", how="reset"),
    )
    notes = service.list_notifications(Store(), ann, 50, None).items
    assert len(notes) == len(edges.mails()) == 5
    assert any("Firefox on Linux from 192.0.2.1" in note.body for note in notes)
    assert {note.link for note in notes} == {"/auth/sessions"}
    assert service.list_notifications(Store(), other, 50, None).items == []


def test_who_left_is_told_nothing_more_and_new_roles_are_known() -> None:
    ann = person(new_id("org"))
    hear(ann, MemberRolesChanged(user_id=ann.user_id, email="a@b", roles=["viewer"], before=["analyst"]))
    assert Store().recipient(ann, ann.user_id).roles == ("viewer",)
    hear(ann, MemberRemoved(user_id=ann.user_id, email="a@b", roles=["viewer"]))
    with pytest.raises(NotFound):
        Store().recipient(ann, ann.user_id)
