"""A process that dies at any of its AWS calls leaves a command done or not begun, and a repeat makes it whole once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from botocore.client import BaseClient

from functions.access import api as access
from functions.access.model import Person as KnownPerson
from functions.developers import api as developers
from kernel.actor import Actor
from kernel.table import Table, put
from tests.developers.world import record, settled
from tests.faults import counted, crashing
from tests.kit import Answer, Handler, call, committed_events

KEY = {"name": "CI", "permissions": ["scans:read"]}
ACCOUNT = {"name": "Build server", "roles": ["viewer"]}
POLICY = {"name": "No viewers", "source": 'forbid(principal in Role::"viewer", action, resource);'}
ROLE = {"name": "Night watch", "permissions": ["scans:read"]}
TEAM = {"name": "Red"}
COMMANDS: dict[str, tuple[Handler, dict[str, Any]]] = {
    "/api-keys": (developers.handler, KEY),
    "/service-accounts": (developers.handler, ACCOUNT),
    "/policies": (access.handler, POLICY),
    "/roles": (access.handler, ROLE),
    "/teams": (access.handler, TEAM),
}


@pytest.fixture
def who(cloud: None) -> Actor:
    """An administrator who has a key already, and so a data key."""
    admin = settled()
    Table().write(put(KnownPerson(tenant_id=admin.tenant_id, user_id=admin.user_id, roles=("organization_admin",))))
    call(developers.handler, "POST", "/api-keys", admin, {**KEY, "name": "first"}, headers={"idempotency-key": "first"})
    return admin


@pytest.mark.parametrize("path", COMMANDS)
@pytest.mark.parametrize("moment", ["before-call", "after-call"])
def test_whenever_the_process_dies_a_repeat_has_one_effect(who: Actor, path: str, moment: Any) -> None:
    handler, body = COMMANDS[path]
    before = len(committed_events())
    send = _sender(handler, path, who)
    with counted() as calls:
        send({**body, "name": "counted"}, "counted")
    for at in range(len(calls)):
        name = f"{body['name']} {at}"
        with crashing(moment, at):
            assert send({**body, "name": name}, name).status == 500
        answer = send({**body, "name": name}, name)
        assert (answer.status, answer.body["name"]) == (201, name), answer.body
        assert send({**body, "name": name}, name).body == answer.body
    assert len(committed_events()) - before == len(calls) + 1
    named = [item["name"] for item in call(handler, "GET", path, who).body["items"]]
    assert all(named.count(f"{body['name']} {at}") == 1 for at in range(len(calls)))


@pytest.mark.parametrize("path", COMMANDS)
def test_many_at_once_with_one_key_have_one_effect(who: Actor, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They meet between their calls; moto itself takes one call at a time."""
    one, make = threading.Lock(), BaseClient._make_api_call

    def alone(*arguments: Any) -> Any:
        with one:
            return make(*arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", alone)
    handler, body = COMMANDS[path]
    before, answers = len(committed_events()), list[Answer]()
    send = _sender(handler, path, who)
    workers = [threading.Thread(target=lambda: answers.append(send(body, "one"))) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    made = [answer for answer in answers if answer.status == 201]
    assert made
    assert all(answer.body == made[0].body for answer in made)
    assert {answer.status for answer in answers} <= {201, 409}
    assert len(committed_events()) - before == 1


def test_a_rotation_that_died_is_repeated_with_the_same_secret(who: Actor) -> None:
    send = _sender(developers.handler, "/api-keys", who)
    key_id = send(KEY, "key").body["key_id"]
    rotate = _sender(developers.handler, f"/api-keys/{key_id}/rotate", who)
    with counted() as calls:
        rotate({"overlap_minutes": 0}, "counted")
    for at in range(len(calls)):
        with crashing("after-call", at):
            assert rotate({"overlap_minutes": 0}, str(at)).status == 500
        token = rotate({"overlap_minutes": 0}, str(at)).body["token"]
        assert rotate({"overlap_minutes": 0}, str(at)).body["token"] == token
        assert record(key_id).is_shown_by(token.rpartition("_")[2], 0)


def _sender(handler: Handler, path: str, who: Actor) -> Callable[[dict[str, Any], str], Answer]:
    return lambda body, key: call(handler, "POST", path, who, body, headers={"idempotency-key": key.replace(" ", "-")})
