"""An organisation's graph through the room's doors: scans end, it learns; they are deleted, it forgets."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from contracts.scans import ScanBrief, ScanDeleted, ScanEnded, ScanStatus, Tally
from functions.intelligence import api, events, steps
from functions.intelligence.model.graph import entity_key
from functions.intelligence.model.records import EVERYBODY, GraphHead
from functions.intelligence.service import exports
from functions.intelligence.service import graph as graph_service
from functions.intelligence.store import Store
from kernel import aws
from kernel.actor import Actor
from kernel.facts import Facts
from kernel.table import Table, delete, update
from tests.intelligence.stored import WEAK, Scan
from tests.kit import Answer, actor, call, committed_events, sqs_event

pytestmark = pytest.mark.usefixtures("cloud")
AT = "2026-11-{:02}T08:00:00.000Z"


def ended(who: Actor, day: int, *found: tuple[str, str], team: str | None = None, **attributes: Any) -> Scan:
    """A finished scan of a.example that found these beneath it, compacted."""
    scan = Scan(who)
    root = scan.fact("domain", "a.example", at=AT.format(day))
    facts = [
        scan.fact(type_, value, root, at=AT.format(day), module="probe", attributes=attributes)
        for type_, value in found
    ]
    scan.reduce(0, [root, *facts])
    brief = Table().require(who, ScanBrief, scan_id=scan.id)
    brief.status, brief.finished_at, brief.team_id = ScanStatus.FINISHED, AT.format(day), team
    brief.modules = {"m": "1.0.0", "probe": "1.0.0"}
    Table().write(update(brief))
    steps.compact(work(scan), None)
    return scan


def work(scan: Scan) -> dict[str, Any]:
    return {"tenant_id": scan.who.tenant_id, "scan_id": scan.id}


def ask(who: Actor, path: str, query: str = "", body: Any = None) -> Answer:
    return call(api.handler, "POST" if body is not None else "GET", f"/graph{path}", who, body, query=query)


def values(who: Actor, query: str = "") -> list[str]:
    return [each["value"] for each in ask(who, "/entities", query).body["items"]]


@pytest.fixture
def who() -> Actor:
    return actor()


def test_before_a_scan_ends_there_is_nothing(who: Actor) -> None:
    said = ask(who, "").body
    assert (said["entities"], said["relations"], said["updated_at"]) == (0, 0, None)
    assert values(who) == []
    assert ask(who, f"/entities/{entity_key('domain', 'a.example')}").status == 404
    for path in ("/communities", "/ranking", "/timeline"):
        assert ask(who, path).body["items"] == []


def test_it_learns_once_from_each_scan(who: Actor) -> None:
    first = ended(who, 1, ("url", "http://a.example/"), ("ip", "192.0.2.1"))
    assert steps.learn(work(first), None) == {"entities": 3, "relations": 2}
    assert steps.learn(work(first), None) == {"entities": 3, "relations": 2}
    second = ended(who, 2, ("url", "http://a.example/"), ("ip", "192.0.2.2"))
    assert steps.learn(work(second), None) == {"entities": 4, "relations": 3}
    said = ask(who, "").body
    assert (said["entities"], said["relations"], said["scans"]) == (4, 3, 2)
    assert said["by_type"] == {"ip": 2, "domain": 1, "url": 1}
    assert values(who, "type=ip&is_gone=true") == ["192.0.2.1"]
    assert values(who, "contains=EXAMPLE&type=url") == ["http://a.example/"]
    assert Table().require(who, GraphHead, audience=EVERYBODY).generation == 2


def test_a_things_history_is_told(who: Actor) -> None:
    for day, title in ((1, "Old"), (2, "New")):
        steps.learn(work(ended(who, day, ("url", "http://a.example/"), title=title)), None)
    last = ended(who, 3)
    steps.learn(work(last), None)
    said = ask(who, f"/entities/{entity_key('url', 'http://a.example/')}").body
    assert (said["first_seen"], said["last_seen"], said["scans"]) == (AT.format(1), AT.format(2), 2)
    assert [(each["attribute"], each["before"], each["after"]) for each in said["changes"]] == [("title", "Old", "New")]
    assert said["gone"]["scan_id"] == last.id
    assert "probe" in said["gone"]["explanation"]
    assert [each["last_seen"] for each in said["sightings"]] == [AT.format(1), AT.format(2)]
    assert said["attributes"] == {"title": "New"}
    assert said["derived"]["host"] == "a.example"
    assert "half as sure after 30 days" in said["explanation"]
    events_ = [(each["event"], each["value"]) for each in ask(who, "/timeline").body["items"]]
    assert events_ == [
        ("gone", "http://a.example/"),
        ("changed", "http://a.example/"),
        ("appeared", "http://a.example/"),
        ("appeared", "a.example"),
    ]
    later = ask(who, "/timeline", "since=2026-11-02T00:00:00Z&until=2026-11-02T23:00:00Z&type=url").body["items"]
    assert [each["event"] for each in later] == ["changed"]


def test_lists_have_pages(who: Actor) -> None:
    steps.learn(work(ended(who, 1, *(("ip", f"192.0.2.{number}") for number in range(1, 8)))), None)
    for path in ("/entities", "/timeline"):
        found: list[str] = []
        cursor = ""
        while True:
            page = ask(who, path, f"limit=3{cursor}").body
            assert len(page["items"]) <= 3
            found += [each["value"] for each in page["items"]]
            if page["next_cursor"] is None:
                break
            cursor = f"&cursor={page['next_cursor']}"
        assert len(found) == len(set(found)) == 8
    assert ask(who, "/entities", "cursor=abc").status == 400


def test_around_between_and_by_pattern(who: Actor) -> None:
    steps.learn(work(ended(who, 1, ("host", "www.a.example"), ("ip", "192.0.2.1"))), None)
    root, host, address = (
        entity_key(*each) for each in (("domain", "a.example"), ("host", "www.a.example"), ("ip", "192.0.2.1"))
    )
    near = ask(who, f"/entities/{root}/neighbourhood").body
    assert (near["nodes"][0]["value"], near["nodes"][0]["distance"]) == ("a.example", 0)
    assert {each["relation"] for each in near["edges"]} == {"has_host", "resolves_to"}
    assert ask(who, f"/entities/{root}/neighbourhood", "depth=5").status == 422
    assert ask(who, "/entities/none/neighbourhood").status == 404
    way = ask(who, "/paths", f"source={host}&target={address}").body
    assert way["length"] == 2
    assert [each["value"] for each in way["paths"][0]["nodes"]] == ["www.a.example", "a.example", "192.0.2.1"]
    assert [each["relation"] for each in way["paths"][0]["edges"]] == ["has_host", "resolves_to"]
    assert ask(who, "/paths", f"source={host}&target={address}&longest=1").body == {"length": None, "paths": []}
    asked = {"nodes": {"d": {"types": ["domain"]}, "i": {"types": ["ip"]}}, "edges": [{"source": "d", "target": "i"}]}
    said = ask(who, "/patterns", body=asked).body
    assert [match["i"]["value"] for match in said["items"]] == ["192.0.2.1"]
    assert said["is_complete"] is True
    refused = ask(who, "/patterns", body={"nodes": {"a": {}, "b": {}}})
    assert (refused.status, refused.problem) == (422, "malformed-pattern")


def test_communities_and_rankings(who: Actor) -> None:
    steps.learn(work(ended(who, 1, *(("ip", f"192.0.2.{number}") for number in range(1, 6)))), None)
    (community,) = ask(who, "/communities").body["items"]
    assert (community["size"], community["by_type"]) == (6, {"ip": 5, "domain": 1})
    assert community["centre"][0]["value"] == "a.example"
    for measure in ("degree", "betweenness"):
        assert ask(who, "/ranking", f"measure={measure}&limit=1").body["items"][0]["entity"]["value"] == "a.example"
    assert len(ask(who, "/ranking").body["items"]) == 6
    refused = ask(who, "/ranking", "measure=luck")
    assert (refused.status, refused.problem) == (422, "unknown-measure")


def test_a_deleted_scan_is_forgotten(who: Actor) -> None:
    first, second = ended(who, 1, ("ip", "192.0.2.1")), ended(who, 2, ("ip", "192.0.2.2"))
    for scan in (first, second):
        steps.learn(work(scan), None)
    assert steps.forget(work(first), None) == {"graphs": 1}
    assert values(who, "type=ip") == ["192.0.2.2"]
    assert ask(who, "").body["scans"] == 1
    assert steps.forget(work(first), None) == {"graphs": 0}
    Facts().delete(who, f"tenants/{who.tenant_id}/scans/{second.id}/")
    assert graph_service.rebuild(Store(), who, EVERYBODY, "again") == {"entities": 0, "relations": 0}


def test_a_scan_that_is_gone_teaches_nothing(who: Actor) -> None:
    event = {"tenant_id": who.tenant_id, "scan_id": "scan_none"}
    assert steps.learn(event, None) == {"entities": 0, "relations": 0}
    assert steps.compact(event, None) == {"observations": 0, "objects": 0}
    assert steps.sweep(event, None) == {"removed": 0}


def test_a_teams_facts_are_seen_by_the_team_and_by_those_who_see_every_team(who: Actor) -> None:
    steps.learn(work(ended(who, 1, ("ip", "192.0.2.1"))), None)
    steps.learn(work(ended(who, 2, ("ip", "192.0.2.2"), team="team_red")), None)
    outsider = actor(tenant_id=who.tenant_id).model_copy(update={"permissions": frozenset({"scans:read"})})
    member = outsider.model_copy(update={"teams": frozenset({"team_red"})})
    assert values(outsider, "type=ip") == ["192.0.2.1"]
    assert values(member, "type=ip") == ["192.0.2.1", "192.0.2.2"]
    assert values(who, "type=ip") == ["192.0.2.1", "192.0.2.2"]
    root = entity_key("domain", "a.example")
    assert ask(outsider, f"/entities/{root}").body["scans"] == 1
    assert ask(member, f"/entities/{root}").body["scans"] == 2
    hidden = entity_key("ip", "192.0.2.2")
    assert ask(outsider, f"/entities/{hidden}").status == 404
    assert ask(member, f"/entities/{hidden}").body["value"] == "192.0.2.2"


def test_another_organisation_sees_nothing(who: Actor) -> None:
    steps.learn(work(ended(who, 1, ("ip", "192.0.2.1"))), None)
    stranger = actor()
    assert values(stranger) == []
    assert ask(stranger, f"/entities/{entity_key('ip', '192.0.2.1')}").status == 404


def test_scans_that_end_at_once_are_both_learnt(who: Actor) -> None:
    scans = [ended(who, day, ("ip", f"192.0.2.{day}")) for day in range(1, 6)]
    threads = [threading.Thread(target=steps.learn, args=(work(scan), None)) for scan in scans]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert values(who, "type=ip") == [f"192.0.2.{day}" for day in range(1, 6)]
    head = Table().require(who, GraphHead, audience=EVERYBODY)
    assert head.generation == 5


def test_a_worker_that_was_overtaken_begins_again(who: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = ended(who, 1, ("ip", "192.0.2.1")), ended(who, 2, ("ip", "192.0.2.2"))
    advance = Store.advance

    def overtaken(store: Store, actor: Actor, head: GraphHead) -> None:
        monkeypatch.setattr(Store, "advance", advance)
        steps.learn(work(second), None)
        advance(store, actor, head)

    monkeypatch.setattr(Store, "advance", overtaken)
    steps.learn(work(first), None)
    assert values(who, "type=ip") == ["192.0.2.1", "192.0.2.2"]


def test_generations_that_nobody_reads_go(who: Actor) -> None:
    scans = [ended(who, day, ("ip", f"192.0.2.{day}")) for day in (1, 2, 3)]
    for scan in scans:
        steps.learn(work(scan), None)
    assert len(Store().generations(who, EVERYBODY)) == 3
    steps.sweep(work(scans[0]), None)
    assert Store().generations(who, EVERYBODY) == {f"000003-{scans[2].id}"}
    assert len(values(who, "type=ip")) == 3


def test_the_end_and_the_deletion_of_a_scan_start_their_machines(who: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    client = aws.client("stepfunctions")
    role = "arn:aws:iam::123456789012:role/machine"
    arns = {}
    for name in ("SETTLE", "FORGET"):
        made = client.create_state_machine(name=name, definition="{}", roleArn=role)
        arns[name] = made["stateMachineArn"]
        monkeypatch.setenv(f"{name}_MACHINE_ARN", made["stateMachineArn"])
    told = [
        ScanEnded(scan_id="scan_1", name="n", status=ScanStatus.FINISHED, tally=Tally()),
        ScanDeleted(scan_id="scan_2", name="n"),
    ]
    Table().transact(who, [], told)
    for _ in range(2):
        assert events.handler(sqs_event(*committed_events()), None) == {"batchItemFailures": []}
    for name, scan_id in (("SETTLE", "scan_1"), ("FORGET", "scan_2")):
        (execution,) = client.list_executions(stateMachineArn=arns[name])["executions"]
        begun = client.describe_execution(executionArn=execution["executionArn"])
        assert json.loads(begun["input"]) == {"tenant_id": who.tenant_id, "scan_id": scan_id}


def test_a_weakness_is_a_risk_of_its_place(who: Actor) -> None:
    scan = ended(who, 1, ("exposure", "exposed-git:http://a.example"), **WEAK)
    steps.learn(work(scan), None)
    assert sorted(values(who, "risk=high")) == ["a.example", "exposed-git:http://a.example"]
    assert ask(who, "").body["by_risk"] == {"high": 2}
    assert ask(who, "/entities", "risk=awful").status == 422


@pytest.mark.parametrize("form", ["json", "gexf", "graphml", "stix", "csv", "xlsx"])
def test_it_is_exported_for_other_tools(who: Actor, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    steps.learn(work(ended(who, 1, ("ip", "192.0.2.1"))), None)
    steps.learn(work(ended(who, 2, ("ip", "192.0.2.2"), team="team_red")), None)
    outsider = actor(tenant_id=who.tenant_id).model_copy(update={"permissions": frozenset({"scans:read"})})
    if form != "xlsx":
        said = json.dumps(ask(outsider, "/export", f"format={form}").body)
        assert "192.0.2.1" in said
        assert "192.0.2.2" not in said
        assert "192.0.2.2" in json.dumps(ask(who, "/export", f"format={form}").body)
    monkeypatch.setattr(exports, "MAX_INLINE", 10)
    answer = ask(who, "/export", f"format={form}")
    assert answer.status == 303
    assert f"/tenants/{who.tenant_id}/graph/exports/" in answer.headers["location"]
    assert ask(who, "/export", "format=doc").problem == "unknown-format"


def test_a_scan_that_is_deleted_while_it_is_kept_leaves_nothing(who: Actor) -> None:
    scan, other = ended(who, 1, ("ip", "192.0.2.1")), ended(who, 2, ("ip", "192.0.2.2"))
    for each in (scan, other):
        steps.learn(work(each), None)
    brief = Table().require(who, ScanBrief, scan_id=scan.id)
    Table().write(delete(brief))
    assert values(who, "type=ip") == ["192.0.2.1", "192.0.2.2"]
    assert steps.sweep(work(scan), None)["removed"] > 0
    assert list(Facts().keys(who, f"tenants/{who.tenant_id}/scans/{scan.id}/")) == []
    assert values(who, "type=ip") == ["192.0.2.2"]
