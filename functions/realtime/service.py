"""What realtime does: connections listen to topics, events reach them."""

from __future__ import annotations

import json
from typing import Any

from functions.realtime.errors import UnknownAction
from functions.realtime.gateways import Connections
from functions.realtime.model import TOPIC, message_of
from functions.realtime.store import Store
from kernel.actor import Actor
from kernel.events import Envelope

MAX_FRAME = 4096


def receive(store: Store, actor: Actor, connection_id: str, frame: str) -> dict[str, Any]:
    """Handle a frame from a client; the answer. Raises UnknownAction, or Forbidden without `scans:read`."""
    action, topic = _read(frame)
    if action == "ping":
        return {"type": "pong"}
    actor.require("scans:read")
    if action == "subscribe":
        store.subscribe(actor, connection_id, topic)
        return {"type": "subscribed", "topic": topic}
    store.unsubscribe(actor, connection_id, topic)
    return {"type": "unsubscribed", "topic": topic}


def disconnect(store: Store, actor: Actor, connection_id: str) -> None:
    """Forget what a closed connection listened to."""
    for topic in store.topics(actor, connection_id):
        store.unsubscribe(actor, connection_id, topic)


def publish(store: Store, connections: Connections, envelope: Envelope) -> int:
    """Send an event to those who listen to its topic; how many got it. Those who are gone are forgotten."""
    actor = envelope.actor()
    topic, message = message_of(envelope)
    frame = json.dumps(message).encode()
    reached = 0
    for connection_id in store.listeners(actor, topic):
        if connections.push(connection_id, frame):
            reached += 1
        else:
            store.unsubscribe(actor, connection_id, topic)
    return reached


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
