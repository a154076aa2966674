"""Who is told what, where, and how often."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from contracts.access import Role, TeamMembership
from contracts.findings import FindingsDetected, FindingSummary, Severity
from contracts.identity import UserCreated
from contracts.scans import ScanEnded, ScanStatus, Tally
from functions.notifications import api, events, service
from functions.notifications.model import Channels, about_findings, about_scan
from functions.notifications.schemas import ChangePreferences
from functions.notifications.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.events import Envelope, Event
from kernel.ids import new_id
from kernel.outbox import outbox_record
from kernel.table import Once, Table, create
from tests.kit import actor, call, sqs_event

pytestmark = pytest.mark.usefixtures("cloud")


@dataclass
class Postman:
    """A mailer that keeps what it sends, and refuses some addresses."""

    sent: list[tuple[str, str, str]] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)

    def send(self, to: str, subject: str, body: str) -> None:
        if to in self.refused:
            raise ConnectionError(to)
        self.sent.append((to, subject, body))


@pytest.fixture
def store() -> Store:
    return Store()


def member(store: Store, tenant_id: str, role: Role) -> Actor:
    """A person whom notifications know."""
    who = actor(role, tenant_id)
    event = UserCreated(user_id=who.user_id, email=f"{role.value}@example.com", roles=[role.value])
    service.welcome(store, who, event, Once("notifications", new_id("evt")))
    return who


def envelope(tenant_id: str, event: Event) -> Envelope:
    return Envelope.model_validate_json(outbox_record(Actor.system(tenant_id), event, 1).envelope)


def ended(creator: str) -> ScanEnded:
    tally = Tally(waves=3, observations=1234, findings=5)
    return ScanEnded(scan_id="scan_1", name="Site", status=ScanStatus.FINISHED, tally=tally, created_by=creator)


def detected(*severities: Severity) -> FindingsDetected:
    return FindingsDetected(
        scan_id="scan_1",
        findings=[
            FindingSummary(finding_id=f"fnd_{n}", title=f"Weakness {n}", severity=severity, asset="a.example")
            for n, severity in enumerate(severities)
        ],
    )


def tell(store: Store, postman: Postman, tenant_id: str, event: ScanEnded, sent: Envelope | None = None) -> Envelope:
    sent = sent or envelope(tenant_id, event)
    service.tell_everybody(store, postman, about_scan(event), sent, event.created_by)
    return sent


def test_everybody_is_told_in_the_application_and_the_creator_by_mail(store: Store) -> None:
    tenant_id, postman = new_id("org"), Postman()
    people = [member(store, tenant_id, role) for role in (Role.ANALYST, Role.VIEWER)]
    tell(store, postman, tenant_id, ended(people[0].user_id))
    for person in people:
        (note,) = service.list_notifications(store, person, 50, None).items
        assert note.title == "Scan “Site” finished"
        assert "1,234 observations and 5 findings" in note.body
        assert (note.read, note.link) == (False, "/scans/scan_1")
    assert [(to, subject) for to, subject, _ in postman.sent] == [("analyst@example.com", "Scan “Site” finished")]


def test_of_a_teams_scan_its_people_and_administrators_are_told_alone(store: Store) -> None:
    tenant_id = new_id("org")
    insider, outsider, admin = (
        member(store, tenant_id, role) for role in (Role.ANALYST, Role.VIEWER, Role.ORGANIZATION_ADMIN)
    )
    place = TeamMembership(
        tenant_id=tenant_id, team_id="team_1", user_id=insider.user_id, added_by="u", added_at=clock.timestamp()
    )
    Table().write(create(place))
    event = ended("").model_copy(update={"team_id": "team_1"})
    service.tell_everybody(store, Postman(), about_scan(event), envelope(tenant_id, event), team_id=event.team_id)
    told = [len(service.list_notifications(store, who, 50, None).items) for who in (insider, outsider, admin)]
    assert told == [1, 0, 1]


def test_a_repeated_event_tells_nobody_twice(store: Store) -> None:
    tenant_id, postman = new_id("org"), Postman()
    who = member(store, tenant_id, Role.ANALYST)
    sent = tell(store, postman, tenant_id, ended(who.user_id))
    tell(store, postman, tenant_id, ended(who.user_id), sent)
    assert len(postman.sent) == len(service.list_notifications(store, who, 50, None).items) == 1


def test_a_mail_that_cannot_be_sent_is_tried_again_and_keeps_nobody_else_from_theirs(store: Store) -> None:
    tenant_id = new_id("org")
    who, other = member(store, tenant_id, Role.ANALYST), member(store, tenant_id, Role.VIEWER)
    failing = Postman(refused={"analyst@example.com"})
    event = ended(who.user_id)
    sent = envelope(tenant_id, event)
    with pytest.raises(ConnectionError):
        tell(store, failing, tenant_id, event, sent)
    assert service.list_notifications(store, who, 50, None).items == []
    assert len(service.list_notifications(store, other, 50, None).items) == 1
    working = Postman()
    tell(store, working, tenant_id, event, sent)
    assert len(working.sent) == 1
    assert len(service.list_notifications(store, other, 50, None).items) == 1


def test_critical_findings_come_as_one_message_to_those_who_respond(store: Store) -> None:
    tenant_id, postman = new_id("org"), Postman()
    for role in (Role.ORGANIZATION_ADMIN, Role.ANALYST, Role.VIEWER):
        member(store, tenant_id, role)
    event = detected(Severity.CRITICAL, Severity.LOW, *[Severity.CRITICAL] * 12)
    message = about_findings(event)
    assert message is not None
    service.tell_everybody(store, postman, message, envelope(tenant_id, event))
    assert sorted(to for to, _, _ in postman.sent) == ["analyst@example.com", "organization_admin@example.com"]
    assert message.title == "13 critical findings"
    assert message.body.endswith("… and 3 more")
    assert about_findings(detected(Severity.HIGH)) is None


def test_one_critical_finding_is_named() -> None:
    message = about_findings(detected(Severity.CRITICAL))
    assert message is not None
    assert message.title == "Critical: Weakness 0"


def test_preferences_are_kept_and_obeyed(store: Store) -> None:
    tenant_id, postman = new_id("org"), Postman()
    who = member(store, tenant_id, Role.ANALYST)
    quiet = ChangePreferences(scan_ended=Channels(in_app=False, email=False))
    service.change_preferences(store, who, quiet, None)
    tell(store, postman, tenant_id, ended(who.user_id))
    (note,) = service.list_notifications(store, who, 50, None).items
    assert note.read is True
    assert postman.sent == []
    kept = service.get_preferences(store, who)
    assert kept.scan_ended == Channels(in_app=False, email=False)
    assert kept.critical_finding == Channels()


def test_the_api_shows_a_person_what_that_person_was_told(store: Store) -> None:
    tenant_id = new_id("org")
    who, other = member(store, tenant_id, Role.ANALYST), member(store, tenant_id, Role.VIEWER)
    tell(store, Postman(), tenant_id, ended(who.user_id))
    (note,) = call(api.handler, "GET", "/notifications", who).body["items"]
    path = f"/notifications/{note['notification_id']}"
    assert call(api.handler, "PUT", f"{path}/read", who).body["read"] is True
    assert call(api.handler, "PUT", f"{path}/read", who).body["version"] == 2
    assert call(api.handler, "GET", path, other).body["read"] is False
    assert call(api.handler, "DELETE", path, who).status == 204
    assert call(api.handler, "GET", path, who).status == 404
    assert call(api.handler, "GET", path, actor()).status == 404


def test_preferences_change_as_they_were_read(store: Store) -> None:
    who = member(store, new_id("org"), Role.ANALYST)
    etag = call(api.handler, "GET", "/notifications/preferences", who).headers["etag"]
    body: dict[str, Any] = {"scan_ended": {"in_app": True, "email": False}}
    changed = call(api.handler, "PUT", "/notifications/preferences", who, body, headers={"if-match": etag})
    assert changed.body["scan_ended"] == {"in_app": True, "email": False}
    assert call(api.handler, "PUT", "/notifications/preferences", who, body, headers={"if-match": etag}).status == 412
    assert call(api.handler, "GET", "/notifications/preferences", actor()).status == 404


def test_a_welcome_that_comes_again_keeps_the_preferences(store: Store) -> None:
    tenant_id, user_id = new_id("org"), new_id("user")
    who = actor(Role.ANALYST, tenant_id, user_id=user_id)
    created = envelope(tenant_id, UserCreated(user_id=user_id, email="a@example.com", roles=["analyst"]))
    events.handler(sqs_event(created), None)
    service.change_preferences(store, who, ChangePreferences(scan_ended=Channels(email=False)), None)
    events.handler(sqs_event(created), None)
    assert service.get_preferences(store, who).scan_ended.email is False
