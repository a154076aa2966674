"""What realtime does: connections listen to topics, events reach them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any

from functions.realtime.errors import SessionOver, UnknownAction
from functions.realtime.gateways import Connections
from functions.realtime.model import TOPIC, bearer_of, message_of
from functions.realtime.store import Store
from kernel.actor import Actor
from kernel.events import Envelope

MAX_FRAME = 4096


def connect(store: Store, actor: Actor, connection_id: str) -> None:
    """Somebody has connected, and the authorizer knows who."""
    store.open(actor, connection_id)


def receive(store: Store, actor: Actor, connection_id: str, frame: str) -> dict[str, Any]:
    """Handle a frame from a client; the answer. Raises UnknownAction, TooManyTopics, SessionOver, or Forbidden without
    `scans:read`."""
    action, topic = _read(frame)
    if action == "ping":
        return {"type": "pong"}
    actor.require("scans:read")
    if action == "unsubscribe":
        store.unsubscribe(actor, connection_id, topic)
        return {"type": "unsubscribed", "topic": topic}
    if not store.still_holds(actor.tenant_id, actor.user_id, bearer_of(actor), int(time.time())):
        raise SessionOver()
    if not store.is_hidden(actor, topic):  # who may not see it is answered as if it were not there: with silence
        store.subscribe(actor, connection_id, topic)
    return {"type": "subscribed", "topic": topic}


def disconnect(store: Store, actor: Actor, connection_id: str) -> None:
    """Forget what a closed connection listened to."""
    store.close(actor, bearer_of(actor), connection_id)


def publish(store: Store, connections: Connections, envelope: Envelope) -> int:
    """Send an event to those who listen to its topic; how many got it. Those who are gone are forgotten, and a
    connection whose session is over is closed."""
    actor = envelope.actor()
    topic, message = message_of(envelope)
    frame = json.dumps(message).encode()
    reached = 0
    for listener in store.listeners(actor, topic):
        if not store.still_holds(actor.tenant_id, listener.user_id, listener.bearer, listener.since):
            connections.close(listener.connection_id)
        elif connections.push(listener.connection_id, frame):
            reached += 1
            continue
        store.close(actor, listener.bearer, listener.connection_id)
    return reached


def hang_up(store: Store, connections: Connections, actor: Actor, bearers: Iterable[str]) -> None:
    """Close every connection that sessions or keys have open."""
    for bearer in bearers:
        for connection_id in store.connections(actor, bearer):
            connections.close(connection_id)
            store.close(actor, bearer, connection_id)


def _read(frame: str) -> tuple[str, str]:
    try:
        if len(frame) > MAX_FRAME:
            raise ValueError
        message = json.loads(frame)
        action, topic = message.get("action"), message.get("topic", "")
    except (ValueError, AttributeError, RecursionError):
        raise UnknownAction() from None
    is_known = action == "ping" or (action in ("subscribe", "unsubscribe") and isinstance(topic, str))
    if not is_known or (action != "ping" and not TOPIC.fullmatch(topic)):
        raise UnknownAction()
    return action, topic
