"""Keys follow their owners: they shrink with them, and end with them."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.access import RoleChanged, TeamMemberAdded, TeamMemberRemoved, TeamMembership
from contracts.developers import ApiKeyRecord
from contracts.identity import MemberRemoved, MemberRolesChanged
from functions.developers import events
from functions.developers.model import ApiKey, Person
from functions.developers.schemas import CreateKey
from functions.developers.service import followers, keys
from functions.developers.store import Store
from kernel.actor import Actor
from kernel.errors import Forbidden
from kernel.events import Envelope, Event
from kernel.outbox import outbox_record
from kernel.table import Table, delete, update
from tests.developers.world import made, membership, person, record, role, send, settled, told
from tests.kit import committed_events, sqs_event

ALL = ["scans:*", "findings:read"]


@pytest.fixture(autouse=True)
def world(cloud: None) -> None:
    """Each test has an empty cloud."""


def deliver(who: Actor, event: Event, times: int = 1) -> None:
    envelope = Envelope.model_validate_json(outbox_record(who, event, 1).envelope)
    for _ in range(times):
        assert events.handler(sqs_event(envelope), None) == {"batchItemFailures": []}


def leave(who: Actor) -> None:
    found = Table().get(who, Person, user_id=who.user_id)
    assert found is not None
    Table().write(delete(found))


def follow(who: Actor, times: int = 1) -> None:
    event = MemberRolesChanged(user_id=who.user_id, email="p@example.com", roles=[], before=[])
    deliver(who, event, times)


def test_a_key_shrinks_with_its_owner_and_does_not_grow_again() -> None:
    who = settled()
    key_id = made(who, permissions=ALL)["key_id"]
    person(who, who.user_id, "viewer")
    follow(who, 2)
    assert record(key_id).permissions == ("findings:read", "scans:read")
    assert record(key_id).roles == ("viewer",)
    person(who, who.user_id, "organization_admin")
    follow(who)
    assert record(key_id).permissions == ("findings:read", "scans:read")
    shown = send("GET", f"/api-keys/{key_id}", who).body
    assert shown["permissions"] == ["findings:read", "scans:read"]
    assert told() == ["ApiKeyCreated.v1", "ApiKeyChanged.v1"]
    assert committed_events()[1].data["reason"] == "its owner has other roles"
    assert committed_events()[1].data["before"] == sorted(ALL)


def test_a_key_with_nothing_left_is_revoked() -> None:
    who = settled()
    key_id = made(who, permissions=["scans:create"])["key_id"]
    person(who, who.user_id, "viewer")
    follow(who)
    assert record(key_id).revoked_at
    assert told()[-1] == "ApiKeyRevoked.v1"


def test_who_leaves_takes_his_keys_with_him() -> None:
    who, other = settled(), settled()
    mine, theirs = made(who)["key_id"], made(other)["key_id"]
    leave(who)
    deliver(who, MemberRemoved(user_id=who.user_id, email="p@example.com", roles=[]), times=3)
    assert record(mine).revoked_at
    assert record(theirs).revoked_at is None
    assert told().count("ApiKeyRevoked.v1") == 1


def test_a_key_that_is_made_while_its_owner_leaves_is_refused() -> None:
    """He goes between the reading of his rights and the commit: the count of his changes has moved."""
    who = settled()

    class Meanwhile(Store):
        calls = 0

        def keys(self, actor: Actor) -> list[ApiKey]:
            if not Meanwhile.calls:
                Meanwhile.calls = 1
                leave(who)
                follow(who)
            return super().keys(actor)

    with pytest.raises(Forbidden):
        keys.create_key(Meanwhile(), who, CreateKey(name="late", permissions=["scans:read"]))
    assert send("GET", "/api-keys", who).body["items"] == []


def test_a_changed_role_reaches_the_keys_of_all_who_have_it() -> None:
    who = settled()
    role(who, "role_1", "scans:read", "scans:create")
    key_ids = []
    for name in ("user_bob", "user_eve"):
        person(who, name, "role_1")
        key_ids.append(made(who.model_copy(update={"user_id": name}), permissions=["scans:create"])["key_id"])
    mine = made(who)["key_id"]
    role(who, "role_1", "scans:read")
    event = RoleChanged(role_id="role_1", name="r", permissions=["scans:read"], before=["scans:create", "scans:read"])
    deliver(who, event, times=3)
    assert all(record(key_id).revoked_at for key_id in key_ids)
    assert record(mine).revoked_at is None
    assert told().count("ApiKeyRevoked.v1") == 2


def test_teams_reach_the_keys() -> None:
    who = settled()
    key_id = made(who)["key_id"]
    membership(who, who.user_id, "team_1")
    deliver(who, TeamMemberAdded(team_id="team_1", name="Red", user_id=who.user_id), times=2)
    assert record(key_id).teams == ("team_1",)
    found = Table().get(who, TeamMembership, user_id=who.user_id, team_id="team_1")
    assert found is not None
    Table().write(delete(found))
    deliver(who, TeamMemberRemoved(team_id="team_1", name="Red", user_id=who.user_id))
    assert record(key_id).teams == ()
    assert told() == ["ApiKeyCreated.v1"]


def test_a_use_at_the_same_moment_disturbs_nothing() -> None:
    """The authorizer writes when a key was used; what is changed at that moment is changed nevertheless."""
    who = settled()
    key_id = made(who, permissions=ALL)["key_id"]
    person(who, who.user_id, "viewer")

    class Used(Store):
        calls = 0

        def records(self, actor: Actor, keys: Any) -> dict[str, ApiKeyRecord]:
            found = super().records(actor, keys)
            if not Used.calls:
                Used.calls = 1
                used = record(key_id)
                used.last_used_at = "2026-01-01T00:00:00.000Z"
                Table().write(update(used))
            return found

    followers.owner_changed(Used(), who, who.user_id, "roles")
    assert record(key_id).permissions == ("findings:read", "scans:read")
    assert record(key_id).last_used_at
