"""The WebSocket door: who may listen, what reaches whom, and what is forgotten."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any

import pytest

from contracts.access import Role
from contracts.scans import ScanProgressed, ScanStarted, Tally
from functions.realtime import service, socket
from functions.realtime.model import MAX_TOPICS
from functions.realtime.store import Store
from kernel.actor import Actor
from kernel.events import Envelope, Event
from kernel.ids import new_id
from kernel.outbox import outbox_record
from tests.realtime.listeners import end, listener, suspend

pytestmark = pytest.mark.usefixtures("cloud")

SCAN = new_id("scan")
TOPIC = f"scan:{SCAN}"


@dataclass
class OpenSockets:
    """Connections that keep what they are sent; those in `gone` have closed."""

    frames: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    closed: list[str] = field(default_factory=list)

    def push(self, connection_id: str, frame: bytes) -> bool:
        if connection_id in self.gone:
            return False
        self.frames.append((connection_id, json.loads(frame)))
        return True

    def close(self, connection_id: str) -> None:
        self.closed.append(connection_id)


@pytest.fixture
def store() -> Store:
    return Store()


def frame(who: Actor, connection: str, body: str | dict[str, Any], kind: str = "MESSAGE") -> dict[str, Any]:
    """What the gateway hands to the door."""
    text = body if isinstance(body, str) else json.dumps(body)
    gateway = {"connectionId": connection, "eventType": kind, "authorizer": {"actor": who.model_dump_json()}}
    answer = socket.handler({"requestContext": gateway, "body": text}, None)
    assert answer["statusCode"] == 200
    said: dict[str, Any] = json.loads(answer.get("body", "{}"))
    return said


def subscribe(who: Actor, connection: str, topic: str = TOPIC) -> dict[str, Any]:
    return frame(who, connection, {"action": "subscribe", "topic": topic})


def happened(who: Actor, event: Event | None = None) -> Envelope:
    event = event or ScanProgressed(scan_id=SCAN, name="Site", wave=1, tally=Tally(waves=2, observations=7))
    return Envelope.model_validate_json(outbox_record(who, event, 3).envelope)


def test_a_listener_gets_what_happens_and_nobody_else_does(store: Store) -> None:
    who, stranger = listener(Role.VIEWER), listener()
    sockets = OpenSockets()
    assert frame(who, "c1", "", kind="CONNECT") == {}
    assert subscribe(who, "c1") == {"type": "subscribed", "topic": TOPIC}
    subscribe(who, "c2", f"scan:{new_id('scan')}")
    subscribe(stranger, "c3")
    assert service.publish(store, sockets, happened(who)) == 1
    ((connection, message),) = sockets.frames
    assert connection == "c1"
    assert (message["topic"], message["type"]) == (TOPIC, "ScanProgressed")
    assert message["data"]["tally"]["observations"] == 7


def test_subscribing_twice_is_subscribing_once(store: Store) -> None:
    who, sockets = listener(), OpenSockets()
    subscribe(who, "c1")
    subscribe(who, "c1")
    assert service.publish(store, sockets, happened(who, ScanStarted(scan_id=SCAN, name="Site"))) == 1
    assert frame(who, "c1", {"action": "unsubscribe", "topic": TOPIC})["type"] == "unsubscribed"
    assert service.publish(store, sockets, happened(who)) == 0


def test_a_connection_that_is_gone_is_forgotten(store: Store) -> None:
    who = listener()
    subscribe(who, "c1")
    subscribe(who, "c2")
    assert service.publish(store, OpenSockets(gone={"c1"}), happened(who)) == 1
    assert [each.connection_id for each in store.listeners(who, TOPIC)] == ["c2"]
    assert store.topics(who, "c1") == ()


def test_a_closed_connection_is_forgotten_with_all_its_topics(store: Store) -> None:
    who, other = listener(), f"scan:{new_id('scan')}"
    subscribe(who, "c1")
    subscribe(who, "c1", other)
    frame(who, "c1", "", kind="DISCONNECT")
    assert store.listeners(who, TOPIC) == store.listeners(who, other) == []
    assert store.topics(who, "c1") == ()


def test_a_ping_is_answered() -> None:
    assert frame(listener(), "c1", {"action": "ping"}) == {"type": "pong"}


@pytest.mark.parametrize(
    "body",
    [
        *("", "no json", "[]", "null", '"x"', "{}", '{"action": 1}', '{"action": "drop"}', "[" * 5000),
        *(
            '{"action": "subscribe"}',
            '{"action": "subscribe", "topic": 7}',
            '{"action": "subscribe", "topic": "scan:"}',
        ),
        '{"action": "subscribe", "topic": "scan:scan_01M7W4B3EH1M6KS9N53NQX4HZ4#x"}',
        '{"action": "ping", "padding": "' + "x" * 5000 + '"}',
    ],
)
def test_a_frame_that_means_nothing_says_what_would(body: str) -> None:
    answer = frame(listener(), "c1", body)
    assert answer["type"] == "error"
    assert "subscribe" in answer["title"]


def test_one_who_may_not_read_scans_may_not_listen(store: Store) -> None:
    who = listener().model_copy(update={"permissions": frozenset({"findings:read"})})
    assert subscribe(who, "c1")["type"] == "error"
    assert store.listeners(who, TOPIC) == []


def test_a_connection_listens_to_a_bounded_number_of_topics(store: Store) -> None:
    who = listener()
    topics = [f"scan:{new_id('scan')}" for _ in range(MAX_TOPICS + 1)]
    assert [subscribe(who, "c1", topic)["type"] for topic in topics] == ["subscribed"] * MAX_TOPICS + ["error"]
    assert subscribe(who, "c1", topics[0])["type"] == "subscribed"
    frame(who, "c1", {"action": "unsubscribe", "topic": topics[0]})
    assert subscribe(who, "c1", topics[-1])["type"] == "subscribed"


def test_nothing_is_sent_to_one_whose_session_is_over(store: Store) -> None:
    who, sockets = listener(), OpenSockets()
    subscribe(who, "c1")
    end(who)
    assert service.publish(Store(), sockets, happened(who)) == 0
    assert (sockets.frames, sockets.closed) == ([], ["c1"])
    assert store.listeners(who, TOPIC) == []
    assert subscribe(who, "c2")["type"] == "subscribed"  # this process remembers for some seconds
    assert service.publish(Store(), sockets, happened(who)) == 0


def test_what_a_person_may_changed_and_the_connection_is_closed(store: Store) -> None:
    who, sockets = listener(), OpenSockets()
    subscribe(who, "c1")
    end(who, ended_at=None, not_before=int(time.time()) + 1)
    assert service.publish(Store(), sockets, happened(who)) == 0
    assert sockets.closed == ["c1"]


def test_a_session_that_ends_is_hung_up_on(store: Store) -> None:
    who, other, sockets = listener(), listener(), OpenSockets()
    for connection in ("c1", "c2"):
        frame(who, connection, "", kind="CONNECT")
    subscribe(who, "c1")
    frame(other, "c3", "", kind="CONNECT")
    service.hang_up(store, sockets, who, [str(who.session_id), str(other.session_id)])
    assert sockets.closed == ["c1", "c2"]
    assert store.listeners(who, TOPIC) == []
    assert store.connections(other, str(other.session_id)) == ["c3"]


def test_nothing_is_sent_into_a_suspended_organisation() -> None:
    who, sockets = listener(), OpenSockets()
    subscribe(who, "c1")
    suspend(who)
    assert service.publish(Store(), sockets, happened(who)) == 0
    assert (sockets.frames, sockets.closed) == ([], ["c1"])
