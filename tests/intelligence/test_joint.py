"""Graphs of several audiences as one: joined ahead for who sees them, and never at the cost of who asks."""

from __future__ import annotations

import json

import pytest

from contracts.access import TeamMemberAdded, TeamMemberRemoved, TeamMembership
from contracts.facts import joined_prefix
from contracts.scans import ScanBrief
from functions.intelligence import events, steps
from functions.intelligence.model.learning import joined
from functions.intelligence.model.outline import Outline
from functions.intelligence.service import graph, joint
from functions.intelligence.service.scans import reader
from functions.intelligence.store import Store
from kernel import aws
from kernel.actor import Actor
from kernel.facts import Facts
from kernel.table import Table, create, delete
from tests.intelligence.test_graph import ask, ended, values, work
from tests.kit import actor, committed_events, sqs_event

pytestmark = pytest.mark.usefixtures("cloud")


@pytest.fixture
def who() -> Actor:
    """An administrator, who sees every team's."""
    return actor()


def one_of(who: Actor, *teams: str, user_id: str = "user_1") -> Actor:
    """Somebody who is in these teams, and may read."""
    for team in teams:
        known = {"tenant_id": who.tenant_id, "team_id": team, "user_id": user_id}
        Table().write(create(TeamMembership(**known, added_by=who.user_id, added_at="2026-11-01T00:00:00.000Z")))
    plain = actor(tenant_id=who.tenant_id, user_id=user_id)
    return plain.model_copy(update={"permissions": frozenset({"scans:read"}), "teams": frozenset(teams)})


def learnt(who: Actor) -> None:
    """One graph that everybody sees, and one of each of three teams."""
    for day, team in enumerate((None, "team_red", "team_blue", "team_green"), 1):
        steps.learn(work(ended(who, day, ("host", f"{team}.a.example"), team=team)), None)


def hosts(*teams: str | None) -> list[str]:
    return sorted(f"{team}.a.example" for team in teams)


def lying(who: Actor) -> list[str]:
    return list(Facts().keys(who, joined_prefix(who.tenant_id)))


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every graph is too large to be joined while somebody waits."""
    monkeypatch.setattr(joint, "IN_ANSWER_ROWS", 0)


@pytest.mark.usefixtures("large")
def test_what_people_see_together_is_joined_before_they_ask(who: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    red, both = one_of(who, "team_red"), one_of(who, "team_red", "team_blue", user_id="user_2")
    other = one_of(who, "team_red", user_id="user_3")
    learnt(who)
    monkeypatch.setattr(joint, "joined", pytest.fail)
    assert values(red, "type=host") == values(other, "type=host") == hosts(None, "team_red")
    assert values(both, "type=host") == hosts(None, "team_red", "team_blue")
    assert values(who, "type=host") == hosts(None, "team_red", "team_blue", "team_green")
    assert steps.join({"tenant_id": who.tenant_id}, None) == {"graphs": 0}


def test_it_is_what_joining_them_gives(who: Actor) -> None:
    learnt(who)
    store = Store()
    heads = store.heads(who)
    fresh = joined([store.snapshot(who, head) for head in sorted(heads, key=lambda h: h.audience)], reader(store, who))
    assert graph.view(Store(), who).columns == fresh.columns
    assert len(heads) == 4


@pytest.mark.usefixtures("large")
def test_who_comes_when_a_generation_is_new_gets_the_one_before(who: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    red = one_of(who, "team_red")
    learnt(who)
    with monkeypatch.context() as patch:
        patch.setattr(joint, "renew", lambda *_: 0)
        steps.learn(work(ended(who, 9, ("host", "new.a.example"))), None)
    assert values(red, "type=host") == hosts(None, "team_red")
    assert steps.join({"tenant_id": who.tenant_id}, None)["graphs"] == 2
    assert values(red, "type=host") == sorted([*hosts(None, "team_red"), "new.a.example"])


@pytest.mark.usefixtures("large")
def test_what_is_too_large_and_not_joined_is_told_with_when_to_come_again(who: Actor) -> None:
    learnt(who)
    late = one_of(who, "team_green", "team_blue")
    said = ask(late, "")
    assert (said.status, said.problem, said.headers["retry-after"]) == (503, "graph-not-joined", "60")
    assert values(who, "type=ip") == []
    steps.join({"tenant_id": who.tenant_id}, None)
    assert values(late, "type=host") == hosts(None, "team_green", "team_blue")


def test_what_is_small_is_joined_in_the_answer_and_kept(who: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    learnt(who)
    late = one_of(who, "team_green", "team_blue")
    before = lying(who)
    assert values(late, "type=host") == hosts(None, "team_green", "team_blue")
    assert len(lying(who)) == len(before) + 1
    monkeypatch.setattr(joint, "joined", pytest.fail)
    assert len(graph.view(Store(), late)) == 4


@pytest.mark.usefixtures("large")
def test_what_is_forgotten_leaves_what_was_joined(who: Actor) -> None:
    red = one_of(who, "team_red")
    steps.learn(work(ended(who, 1, ("host", "kept.a.example"), team="team_red")), None)
    gone = ended(who, 2, ("host", "gone.a.example"))
    steps.learn(work(gone), None)
    assert values(red, "type=host") == ["gone.a.example", "kept.a.example"]
    Table().write(delete(Table().require(who, ScanBrief, scan_id=gone.id)))
    steps.forget(work(gone), None)
    assert values(red, "type=host") == ["kept.a.example"]
    steps.sweep(work(gone), None)
    (left,) = lying(who)
    assert "gone.a.example" not in Outline.load(Facts().get(who, left)).values


@pytest.mark.usefixtures("large")
def test_the_old_goes_and_what_nobody_sees_any_more(who: Actor) -> None:
    one_of(who, "team_red")
    learnt(who)
    steps.learn(work(ended(who, 9, ("host", "new.a.example"))), None)
    membership = Table().require(who, TeamMembership, user_id="user_1", team_id="team_red")
    assert len(lying(who)) > 2
    assert joint.sweep(Store(), Actor.system(who.tenant_id)) > 0
    assert len(lying(who)) == 2
    Table().write(delete(membership))
    assert joint.sweep(Store(), Actor.system(who.tenant_id)) == 1
    assert len(lying(who)) == 1
    assert "new.a.example" in values(who, "type=host")


def test_an_organisation_with_one_graph_joins_nothing(who: Actor) -> None:
    one_of(who, "team_red")
    steps.learn(work(ended(who, 1, ("host", "a.a.example"))), None)
    assert lying(who) == []


def test_no_more_sets_are_joined_ahead_than_a_task_has_time_for(who: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joint, "MAX_SETS", 2)
    for number, teams in enumerate((("team_red",), ("team_blue",), ("team_blue",), ("team_green",))):
        one_of(who, *teams, user_id=f"user_{number}")
    learnt(who)
    joint.sweep(Store(), Actor.system(who.tenant_id))
    seen = [sorted(Outline.load(Facts().get(who, key)).values) for key in lying(who)]
    assert sorted(seen, key=len) == [
        sorted([*hosts(None, "team_blue"), "a.example"]),
        sorted([*hosts(None, "team_red", "team_blue", "team_green"), "a.example"]),
    ]


@pytest.mark.parametrize("happened", [TeamMemberAdded, TeamMemberRemoved])
def test_who_comes_into_a_team_or_leaves_it_has_what_he_sees_joined(
    who: Actor, monkeypatch: pytest.MonkeyPatch, happened: type[TeamMemberAdded | TeamMemberRemoved]
) -> None:
    client = aws.client("stepfunctions")
    role = "arn:aws:iam::123456789012:role/machine"
    machine = client.create_state_machine(name="JOIN", definition="{}", roleArn=role)["stateMachineArn"]
    monkeypatch.setenv("JOIN_MACHINE_ARN", machine)
    Table().transact(who, [], [happened(team_id="team_red", name="Red", user_id="user_1")])
    for _ in range(2):
        assert events.handler(sqs_event(*committed_events()), None) == {"batchItemFailures": []}
    (execution,) = client.list_executions(stateMachineArn=machine)["executions"]
    begun = client.describe_execution(executionArn=execution["executionArn"])
    assert json.loads(begun["input"]) == {"tenant_id": who.tenant_id}
