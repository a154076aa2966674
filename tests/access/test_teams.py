"""Teams: made, named once, filled and emptied; a person's teams come with one query."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.access import Role, TeamMembership
from contracts.identity import MemberRemoved
from functions.access import events
from functions.access.model import Person
from functions.access.service import teams
from functions.access.store import Store
from kernel.actor import Actor
from kernel.events import Envelope
from kernel.outbox import outbox_record
from kernel.table import Table, delete
from tests.access.world import person, send, settled
from tests.kit import committed_events, sqs_event


@pytest.fixture(autouse=True)
def world(cloud: None) -> None:
    """Each test has an empty cloud."""


def told() -> list[str]:
    return [event.type for event in committed_events()]


def team(who: Actor, name: str = "Red") -> str:
    made = send("POST", "/teams", who, {"name": name})
    assert made.status == 201, made.body
    return str(made.body["team_id"])


def members(who: Actor, team_id: str) -> int:
    return int(send("GET", f"/teams/{team_id}", who).body["members"])


def test_a_team_is_made_shown_changed_and_removed() -> None:
    who = settled()
    made = send("POST", "/teams", who, {"name": "Red", "description": "they attack"})
    path = f"/teams/{made.body['team_id']}"
    assert made.headers["location"].endswith(path)
    assert send("GET", path, who).body == made.body
    assert send("GET", "/teams", who).body["items"] == [made.body]
    assert send("PUT", path, who, {"name": "Blue"}, headers={"if-match": '"3"'}).status == 412
    changed = send("PUT", path, who, {"name": "Blue"}, headers={"if-match": '"1"'})
    assert (changed.body["name"], changed.headers["etag"]) == ("Blue", '"2"')
    assert send("DELETE", path, who, headers={"if-match": '"1"'}).status == 412
    assert send("DELETE", path, who).status == 204
    assert send("GET", path, who).status == 404
    assert told() == ["TeamCreated.v1", "TeamRenamed.v1", "TeamDeleted.v1"]


def test_people_come_into_a_team_and_leave_it() -> None:
    who = settled()
    person(who.tenant_id, "user_bob", "viewer")
    team_id = team(who)
    path = f"/teams/{team_id}/members/user_bob"
    assert send("GET", path, who).status == 404
    added = send("PUT", path, who)
    assert (added.status, added.body["user_id"], added.body["added_by"]) == (200, "user_bob", who.user_id)
    assert send("PUT", path, who).body == added.body
    assert send("GET", path, who).body == added.body
    assert send("GET", f"/teams/{team_id}/members", who).body["items"] == [added.body]
    assert members(who, team_id) == 1
    refused = send("DELETE", f"/teams/{team_id}", who)
    assert (refused.status, refused.problem) == (409, "team-not-empty")
    assert send("PUT", path, who, headers={"if-match": '"5"'}).status == 412
    assert send("DELETE", path, who, headers={"if-match": '"5"'}).status == 412
    assert send("DELETE", path, who).status == 204
    assert send("DELETE", path, who).status == 404
    assert members(who, team_id) == 0
    assert send("DELETE", f"/teams/{team_id}", who).status == 204
    kinds = ["TeamCreated.v1", "TeamMemberAdded.v1", "TeamMemberRemoved.v1", "TeamDeleted.v1"]
    assert told() == kinds
    assert {event.category for event in committed_events()[1:3]} == {"security"}


def test_the_teams_of_a_person_come_with_one_query() -> None:
    who = settled()
    person(who.tenant_id, "user_bob", "viewer")
    ids = [team(who, name) for name in ("Red", "Blue", "Green")]
    for team_id in ids[:2]:
        send("PUT", f"/teams/{team_id}/members/user_bob", who)
    send("PUT", f"/teams/{ids[2]}/members/{who.user_id}", who)
    found = Table().query(who, TeamMembership, user_id="user_bob").items
    assert {membership.team_id for membership in found} == set(ids[:2])
    assert Table().query(who, TeamMembership, user_id="user_bo").items == []


def test_only_people_and_service_accounts_of_the_organisation_come_in() -> None:
    who, stranger = settled(), settled()
    team_id = team(who)
    refused = send("PUT", f"/teams/{team_id}/members/{stranger.user_id}", who)
    assert (refused.status, refused.problem) == (422, "not-a-member")
    assert members(who, team_id) == 0


def test_the_bounds_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    who = settled()
    for name in ("bob", "eve"):
        person(who.tenant_id, f"user_{name}", "viewer")
    first, second = team(who, "Red"), team(who, "Blue")
    monkeypatch.setattr(teams, "MAX_TEAMS", 2)
    assert send("POST", "/teams", who, {"name": "Green"}).problem == "too-many"
    monkeypatch.setattr(teams, "MAX_TEAM_MEMBERS", 1)
    assert send("PUT", f"/teams/{first}/members/user_bob", who).status == 200
    assert send("PUT", f"/teams/{first}/members/user_eve", who).problem == "too-many"
    monkeypatch.setattr(teams, "MAX_TEAMS_OF_ONE", 1)
    assert send("PUT", f"/teams/{second}/members/user_bob", who).problem == "too-many"


def test_commands_that_meet_in_a_team_all_have_their_effect() -> None:
    """Somebody else comes in between the reading and the commit: the count stays right."""
    who = settled()
    for name in ("bob", "eve"):
        person(who.tenant_id, f"user_{name}", "viewer")
    team_id = team(who)

    class Meanwhile(Store):
        calls = 0

        def member(self, actor: Actor, team_id: str, user_id: str) -> Any:
            if not Meanwhile.calls:
                Meanwhile.calls = 1
                send("PUT", f"/teams/{team_id}/members/user_eve", who)
            return super().member(actor, team_id, user_id)

    teams.add_member(Meanwhile(), who, team_id, "user_bob", None)
    assert members(who, team_id) == 2
    assert len(send("GET", f"/teams/{team_id}/members", who).body["items"]) == 2


def test_who_leaves_the_organisation_leaves_its_teams() -> None:
    who = settled()
    person(who.tenant_id, "user_bob", "viewer")
    ids = [team(who, name) for name in ("Red", "Blue")]
    for team_id in ids:
        send("PUT", f"/teams/{team_id}/members/user_bob", who)
    removed = MemberRemoved(user_id="user_bob", email="bob@example.com", roles=["viewer"])
    envelope = Envelope.model_validate_json(outbox_record(who, removed, 1).envelope)
    assert events.handler(sqs_event(envelope), None) == {"batchItemFailures": []}
    assert [members(who, team_id) for team_id in ids] == [1, 1], "he is back, or not gone yet"
    bob = Table().get(who, Person, user_id="user_bob")
    assert bob is not None
    Table().write(delete(bob))
    for _ in range(2):
        assert events.handler(sqs_event(envelope), None) == {"batchItemFailures": []}
    assert [members(who, team_id) for team_id in ids] == [0, 0]


def test_a_name_is_taken_once() -> None:
    who = settled()
    first, second = team(who, "Red"), team(who, "Blue")
    assert send("POST", "/teams", who, {"name": "rED"}).problem == "name-taken"
    assert send("PUT", f"/teams/{second}", who, {"name": "Red"}).problem == "name-taken"
    assert send("PUT", f"/teams/{first}", who, {"name": "RED", "description": "d"}).status == 200
    send("DELETE", f"/teams/{first}", who)
    assert team(who, "Red")


def test_lists_have_pages() -> None:
    who = settled()
    ids = [team(who, str(number)) for number in range(3)]
    first = send("GET", "/teams", who, query="limit=2").body
    second = send("GET", "/teams", who, query=f"limit=2&cursor={first['next_cursor']}").body
    assert [each["team_id"] for each in first["items"] + second["items"]] == ids


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "x", "members": 5}, {"name": "x\n"}, {"name": 5}])
def test_bad_input_has_its_problem(body: dict[str, object]) -> None:
    refused = send("POST", "/teams", settled(), body)
    assert (refused.status, refused.problem) == (422, "invalid")
    assert told() == []


def test_another_organisations_team_is_not_there() -> None:
    team_id, stranger = team(settled()), settled()
    for method, path, body in (
        ("GET", "", None),
        ("PUT", "", {"name": "x"}),
        ("DELETE", "", None),
        ("GET", "/members", None),
        ("PUT", f"/members/{stranger.user_id}", None),
        ("DELETE", f"/members/{stranger.user_id}", None),
    ):
        assert send(method, f"/teams/{team_id}{path}", stranger, body).status == 404, (method, path)


def test_members_read_teams_and_administrators_make_them() -> None:
    who = settled(Role.VIEWER)
    assert send("GET", "/teams", who).status == 200
    assert send("POST", "/teams", who, {"name": "x"}).status == 403
