"""WebSocket door of realtime: connect, message, disconnect."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from functions.realtime import service
from functions.realtime.store import Store
from kernel.actor import Actor
from kernel.errors import Problem
from kernel.observe import working_for

store = cache(Store)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """The authorizer of `$connect` has verified the caller; the gateway repeats its word with every frame."""
    gateway = event["requestContext"]
    actor = Actor.model_validate_json(gateway["authorizer"]["actor"])
    connection_id = gateway["connectionId"]
    with working_for(actor):
        match gateway["eventType"]:
            case "CONNECT":
                service.connect(store(), actor, connection_id)
            case "DISCONNECT":
                service.disconnect(store(), actor, connection_id)
            case "MESSAGE":
                return _answer(actor, connection_id, event.get("body") or "")
    return {"statusCode": 200}


def _answer(actor: Actor, connection_id: str, frame: str) -> dict[str, Any]:
    try:
        answer = service.receive(store(), actor, connection_id, frame)
    except Problem as problem:
        answer = {"type": "error", "title": problem.title, "detail": problem.detail}
    return {"statusCode": 200, "body": json.dumps(answer)}
