"""From an event to the frames that open connections get, through API Gateway as botocore calls it."""

from __future__ import annotations

import json

import pytest

from contracts.developers import ApiKeyRevoked
from contracts.identity import SessionsEnded
from contracts.scans import ScanEnded, ScanProgressed, ScanQueued, ScanStatus, Tally
from functions.realtime import events
from functions.realtime.gateways import ApiGateway
from functions.realtime.store import Store
from kernel.actor import Actor
from kernel.events import Envelope, Event
from kernel.ids import new_id
from kernel.outbox import outbox_record
from tests.faults import answering, refusal
from tests.kit import sqs_event
from tests.realtime.listeners import listener

pytestmark = pytest.mark.usefixtures("cloud")
SCAN = new_id("scan")
TOPIC = f"scan:{SCAN}"
PROGRESSED = ScanProgressed(scan_id=SCAN, name="Site", wave=1, tally=Tally(waves=2))


@pytest.fixture(autouse=True)
def endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCKET_ENDPOINT", "https://socket.execute-api.us-east-1.amazonaws.com/live")


def happened(who: Actor, event: Event = PROGRESSED) -> Envelope:
    return Envelope.model_validate_json(outbox_record(who, event, 1).envelope)


def listening(who: Actor) -> list[str]:
    return [each.connection_id for each in Store().listeners(who, TOPIC)]


def test_an_event_reaches_every_listener_of_its_tenant() -> None:
    who, stranger = listener(), listener()
    for person, connection in ((who, "c1"), (who, "c2"), (stranger, "c3")):
        Store().subscribe(person, connection, TOPIC)
    with answering("PostToConnection", {}, {}) as pushed:
        assert events.handler(sqs_event(happened(who)), None) == {"batchItemFailures": []}
    assert [request["url_path"] for request in pushed] == ["/@connections/c1", "/@connections/c2"]
    assert pushed[0]["url"].startswith("https://socket.execute-api.us-east-1.amazonaws.com/live/")
    frame = json.loads(pushed[0]["body"])
    assert (frame["topic"], frame["type"], frame["data"]["wave"]) == (TOPIC, "ScanProgressed", 1)
    assert frame["at"]


def test_a_connection_that_is_gone_is_forgotten_and_the_others_are_told() -> None:
    who = listener()
    for connection in ("c1", "c2"):
        Store().subscribe(who, connection, TOPIC)
    with answering("PostToConnection", refusal("GoneException"), {}):
        assert events.handler(sqs_event(happened(who)), None) == {"batchItemFailures": []}
    assert listening(who) == ["c2"]


def test_a_gateway_that_is_away_fails_the_event() -> None:
    who = listener()
    Store().subscribe(who, "c1", TOPIC)
    sent = happened(who)
    with answering("PostToConnection", *[refusal("InternalServerError")] * 9):
        assert events.handler(sqs_event(sent), None) == {"batchItemFailures": [{"itemIdentifier": sent.id}]}
    assert listening(who) == ["c1"]


def test_what_nobody_watches_is_not_pushed() -> None:
    who = listener()
    Store().subscribe(who, "c1", TOPIC)
    ended = ScanEnded(scan_id=new_id("scan"), name="Other", status=ScanStatus.FINISHED, tally=Tally())
    with answering("PostToConnection") as pushed:
        events.handler(sqs_event(happened(who, ended), happened(who, ScanQueued(scan_id=SCAN, name="n"))), None)
        assert pushed == []


def test_an_emulator_manages_connections_under_its_own_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    with answering("PostToConnection", {}) as pushed:
        assert ApiGateway().push("c1", b"{}") is True
    assert pushed[0]["url"].startswith("http://127.0.0.1:4566/_aws/execute-api/socket/live/")


def test_whose_session_ends_is_hung_up_on_and_one_who_is_gone_is_no_fault() -> None:
    who = listener()
    for connection in ("c1", "c2"):
        Store().open(who, connection)
    ended = SessionsEnded(user_id=who.user_id, session_ids=[str(who.session_id)], reason="logged out")
    with answering("DeleteConnection", {}, refusal("GoneException")) as closed:
        assert events.handler(sqs_event(happened(who, ended)), None) == {"batchItemFailures": []}
    assert [request["url_path"] for request in closed] == ["/@connections/c1", "/@connections/c2"]
    assert Store().connections(who, str(who.session_id)) == []


def test_a_key_that_is_revoked_is_hung_up_on() -> None:
    who = listener().model_copy(update={"key_id": new_id("key")})
    Store().open(who, "c1")
    revoked = ApiKeyRevoked(key_id=str(who.key_id), name="CI", user_id=who.user_id, reason="asked")
    with answering("DeleteConnection", {}) as closed:
        assert events.handler(sqs_event(happened(who, revoked)), None) == {"batchItemFailures": []}
    assert len(closed) == 1
