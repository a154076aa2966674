"""An organisation's rules: written, switched, tried on scans, pinned by them."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.access import Role
from contracts.facts import LogEntry, decode_rows, encode_rows, log_key, rules_key
from contracts.findings import Detection
from functions.intelligence import api
from functions.intelligence.model.correlation.own import MAX_OWN_RULES, OwnRule, PinnedRules
from functions.intelligence.service import rules as service
from functions.intelligence.store import Store
from kernel.actor import Actor
from kernel.facts import Facts
from kernel.table import Table, create
from tests.intelligence.stored import Scan
from tests.kit import Answer, actor, call, committed_events

pytestmark = pytest.mark.usefixtures("cloud")

OWN = """id: our_addresses
version: 1
meta:
  name: An address of ours
  description: Something that we look at.
  risk: LOW
collections:
  - collect:
      - {method: exact, field: type, value: ip}
      - {method: regex, field: data, value: '[.][12]$'}
aggregation:
  field: data
headline: "{data} is ours"
"""
SHIPPED = "secret_on_public_page"


@pytest.fixture
def who() -> Actor:
    return actor()


def ask(who: Actor, method: str, path: str = "", body: Any = None, query: str = "", **headers: str) -> Answer:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return call(api.handler, method, f"/rules{path}", who, body, query=query, headers=sent)


def add(who: Actor, text: str = OWN) -> Answer:
    return ask(who, "POST", body={"rule": text})


def told() -> list[tuple[str, str]]:
    return [
        (event.data["name"], event.data["change"])
        for event in committed_events()
        if event.type.startswith("RuleChanged")
    ]


def concluded(scan: Scan, wave: int, *batches: Any) -> list[Detection]:
    key = scan.reduce(wave, *batches)["conclusions"]
    found = decode_rows(Facts().get(scan.who, key), Detection) if key else []
    return [each for each in found if each.check == "rule:our_addresses"]


def test_a_rule_that_matches_everything_is_explained_in_the_scans_log(
    who: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("functions.intelligence.model.correlation.compiled.MAX_DETECTIONS", 2)
    add(who, OWN.replace("[.][12]$", "."))
    scan = Scan(who)
    assert len(concluded(scan, 0, [scan.fact("ip", f"192.0.2.{number}") for number in range(5)])) == 2
    (line,) = decode_rows(Facts().get(who, log_key(who.tenant_id, scan.id, 0, 0)), LogEntry)
    assert (line.level, line.module, line.value) == ("warning", "correlation", "our_addresses")
    assert "3 of them are left out" in line.message


def test_all_rules_are_listed_page_after_page(who: Actor) -> None:
    add(who)
    names: list[str] = []
    cursor = ""
    while True:
        answer = ask(who, "GET", query=f"limit=30{cursor}").body
        names += [item["name"] for item in answer["items"]]
        assert all(item["text"] is None for item in answer["items"])
        if answer["next_cursor"] is None:
            break
        cursor = f"&cursor={answer['next_cursor']}"
    assert names == sorted({*names})
    assert {"our_addresses", SHIPPED} <= {*names}
    assert len(names) > 60


def test_a_rule_is_added_changed_and_removed(who: Actor) -> None:
    made = add(who)
    assert (made.status, made.headers["location"]) == (201, "/api/v1/rules/our_addresses")
    assert (made.body["version"], made.body["shipped"], made.body["enabled"]) == (1, False, True)
    assert add(who).status == 409
    changed = OWN.replace("LOW", "HIGH")
    assert ask(who, "PUT", "/our_addresses", {"rule": changed}, if_match='"7"').status == 412
    answer = ask(who, "PUT", "/our_addresses", {"rule": changed}, if_match='"1"')
    assert (answer.body["version"], answer.body["risk"], answer.body["changed_by"]) == (2, "high", who.user_id)
    assert ask(who, "GET", "/our_addresses").body["text"] == changed
    assert ask(actor(), "GET", "/our_addresses").status == 404
    other_id = ask(who, "PUT", "/our_addresses", {"rule": OWN.replace("our_addresses", "other")})
    assert (other_id.status, "line 1" in other_id.body["errors"][0]["detail"]) == (422, True)
    assert ask(who, "DELETE", "/our_addresses", if_match='"1"').status == 412
    assert ask(who, "DELETE", "/our_addresses", if_match='"2"').status == 204
    assert ask(who, "DELETE", "/our_addresses").status == 404
    assert told() == [("our_addresses", change) for change in ("added", "changed", "removed")]


def versions(who: Actor, name: str = "our_addresses") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(who, "GET", f"/{name}/versions").body["items"]
    return found


def test_the_texts_of_a_rule_are_kept_and_one_of_them_can_be_had_again(who: Actor) -> None:
    assert add(who).body["number"] == 1
    second = OWN.replace("LOW", "HIGH")
    assert ask(who, "PUT", "/our_addresses", {"rule": second}).body["number"] == 2
    assert ask(who, "PUT", "/our_addresses", {"rule": second}).body["number"] == 2
    newest, oldest = versions(who)
    assert (newest["number"], newest["active"], newest["change"]) == (2, True, "changed")
    assert newest["difference"] == ["-  risk: LOW", "+  risk: HIGH"]
    assert (oldest["number"], oldest["active"], oldest["change"], oldest["difference"]) == (1, False, "added", [])
    assert oldest["created_by"] == who.user_id
    assert ask(who, "GET", "/our_addresses", query="version=1").body["text"] == OWN
    path = "/our_addresses/rollback"
    assert ask(who, "POST", path, {"version": 1}, if_match='"9"').status == 412
    back = ask(who, "POST", path, {"version": 1}).body
    assert (back["number"], back["risk"], back["text"]) == (1, "low", OWN)
    assert [each["active"] for each in versions(who)] == [False, True]
    assert service.current(Store(), who).texts == {"our_addresses": OWN}
    third = ask(who, "PUT", "/our_addresses", {"rule": OWN.replace("LOW", "INFO")}).body
    assert third["number"] == 3
    unknown = ask(who, "POST", path, {"version": 7})
    assert (unknown.status, unknown.problem) == (409, "unknown-rule-version")
    assert told()[-2:] == [("our_addresses", "rolled-back"), ("our_addresses", "changed")]


def test_the_text_of_a_rule_that_was_written_before_texts_were_kept_is_kept_when_it_changes(who: Actor) -> None:
    old = OwnRule(tenant_id=who.tenant_id, name="our_addresses", text=OWN, created_by="u", created_at="t")
    Table().write(create(old))
    assert ask(who, "PUT", "/our_addresses", {"rule": OWN}).body["number"] == 0
    assert ask(who, "PUT", "/our_addresses", {"rule": OWN.replace("LOW", "HIGH")}).body["number"] == 2
    assert [(each["number"], each["change"]) for each in versions(who)] == [(2, "changed"), (1, "added")]
    assert ask(who, "POST", "/our_addresses/rollback", {"version": 1}).body["text"] == OWN


def test_versions_are_of_own_rules_and_of_those_who_may_see_them(who: Actor) -> None:
    add(who)
    assert ask(who, "GET", f"/{SHIPPED}/versions").status == 409
    assert ask(actor(), "GET", "/our_addresses/versions").status == 404
    assert ask(who, "GET", "/our_addresses", query="version=2").status == 404
    assert ask(actor(), "POST", "/our_addresses/rollback", {"version": 1}).status == 404


def test_a_rule_that_is_added_anew_goes_on_counting_and_old_texts_are_forgotten(
    who: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_RULE_VERSIONS", 3)
    add(who)
    for risk in ("HIGH", "MEDIUM", "INFO", "CRITICAL"):
        ask(who, "PUT", "/our_addresses", {"rule": OWN.replace("LOW", risk)})
    assert [each["number"] for each in versions(who)] == [5, 4, 3]
    assert ask(who, "DELETE", "/our_addresses").status == 204
    assert add(who).body["number"] == 6
    assert [each["number"] for each in versions(who)] == [6, 5]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (OWN.replace("exact", "equals"), 9, "/collections/0/collect/0/method"),
        (OWN.replace("'[.][12]$'", "'(?=a)'"), 10, "look-around"),
        (OWN + "colour: red\n", 14, "/colour"),
        (OWN.replace("version: 1", "version: [1"), 3, "flow sequence"),
        (OWN.replace("risk: LOW", "risk: SOME"), 6, "/meta/risk"),
        (OWN + "#" * 20_000, None, "16"),
    ],
)
def test_a_malformed_rule_says_on_which_line_and_why(who: Actor, text: str, line: int | None, words: str) -> None:
    for answer in (add(who, text), ask(who, "POST", "/dry-run", {"rule": text, "scan_id": "scan_1"})):
        assert answer.status == 422
        detail = str(answer.body["errors"][0])
        assert words in detail
        assert line is None or f"line {line}: " in detail


def test_rules_of_the_product_are_switched_and_not_changed(who: Actor) -> None:
    assert ask(who, "GET", f"/{SHIPPED}").body["enabled"] is True
    assert ask(who, "POST", f"/{SHIPPED}/disable").body["enabled"] is False
    assert ask(who, "POST", f"/{SHIPPED}/disable").status == 200
    assert ask(who, "GET", f"/{SHIPPED}").body["enabled"] is False
    assert service.current(Store(), who).disabled == (SHIPPED,)
    assert ask(who, "POST", f"/{SHIPPED}/enable").body["enabled"] is True
    assert service.current(Store(), who).is_plain
    text = OWN.replace("our_addresses", SHIPPED)
    assert add(who, text).status == 409
    assert ask(who, "PUT", f"/{SHIPPED}", {"rule": text}).status == 409
    assert ask(who, "DELETE", f"/{SHIPPED}").status == 409
    assert ask(who, "POST", "/none/disable").status == 404


def test_there_is_an_end_to_the_number_of_rules(who: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_OWN_RULES >= 50
    monkeypatch.setattr(service, "MAX_OWN_RULES", 1)
    assert add(who).status == 201
    assert add(who, OWN.replace("our_addresses", "more")).status == 409


def test_who_may_only_look_changes_nothing(who: Actor) -> None:
    viewer = actor(Role.VIEWER, tenant_id=who.tenant_id)
    assert ask(viewer, "GET").status == 200
    assert add(viewer).status == 403
    assert ask(viewer, "POST", f"/{SHIPPED}/disable").status == 403


def test_a_scan_has_the_rules_of_its_first_wave(who: Actor) -> None:
    add(who)
    ask(who, "POST", f"/{SHIPPED}/disable")
    scan = Scan(who)
    root = scan.fact("domain", "a.example")
    first = [root, scan.fact("ip", "192.0.2.1", root), scan.fact("ip", "192.0.2.3", root)]
    assert [each.asset for each in concluded(scan, 0, first)] == ["192.0.2.1"]
    pinned = decode_rows(Facts().get(who, rules_key(who.tenant_id, scan.id)), PinnedRules)[0]
    assert pinned == PinnedRules({"our_addresses": OWN}, (SHIPPED,))
    ask(who, "DELETE", "/our_addresses")
    later = concluded(scan, 1, [scan.fact("ip", "192.0.2.2", root)])
    assert sorted(each.asset for each in later) == ["192.0.2.1", "192.0.2.2"]
    assert [each.asset for each in concluded(scan, 0)] == ["192.0.2.1"], "reduced again, with the same rules"
    assert concluded(Scan(who), 0, first) == []


def test_a_rule_that_can_no_longer_be_read_is_left_out_and_shown(who: Actor) -> None:
    stale = OwnRule(tenant_id=who.tenant_id, name="stale", text="id: stale", created_by="u", created_at="t")
    Table().write(create(stale))
    shown = ask(who, "GET", "/stale").body
    assert (shown["enabled"], shown["text"]) == (False, "id: stale")
    scan = Scan(who)
    assert scan.reduce(0, [scan.fact("domain", "a.example")])["observations"] == 1


def test_a_dry_run_says_what_a_rule_would_find_and_why(scan: Scan) -> None:
    before = set(Facts().keys(scan.who, f"tenants/{scan.who.tenant_id}/"))
    answer = ask(scan.who, "POST", "/dry-run", {"rule": OWN, "scan_id": scan.id})
    assert answer.status == 200
    found = answer.body
    assert (found["rule"], found["facts_read"], found["complete"]) == ("our_addresses", 7, True)
    assert (found["matched"], found["left_out"], found["unknown_types"]) == (2, 0, [])
    first = found["hits"][0]
    assert (first["asset"], first["headline"], first["facts"]) == ("192.0.2.1", "192.0.2.1 is ours", 1)
    assert first["chain"][0] == "target: domain a.example"
    assert first["chain"][-1].endswith("ip 192.0.2.1 (found by m, 2026-11-20 08:00 UTC, 100 % sure)")
    assert len(first["evidence"]) == 1
    assert set(Facts().keys(scan.who, f"tenants/{scan.who.tenant_id}/")) == before
    assert ask(scan.who, "GET", "/our_addresses").status == 404
    assert ask(actor(), "POST", "/dry-run", {"rule": OWN, "scan_id": scan.id}).status == 404


def test_a_dry_run_reads_attributes_that_the_scan_did_not_keep(scan: Scan) -> None:
    text = OWN.replace("value: ip", "value: exposure").replace(
        "field: data, value: '[.][12]$'", "field: attributes.title, value: folder"
    )
    found = ask(scan.who, "POST", "/dry-run", {"rule": text, "scan_id": scan.id}).body
    assert [hit["asset"] for hit in found["hits"]] == ["http://a.example"]


def test_a_dry_run_is_bounded(scan: Scan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MAX_TRIED", 3)
    monkeypatch.setattr(service, "MAX_HITS", 1)
    found = ask(scan.who, "POST", "/dry-run", {"rule": OWN, "scan_id": scan.id}).body
    assert (found["facts_read"], found["complete"]) == (3, False)
    assert (len(found["hits"]), found["matched"], found["left_out"]) == (1, 2, 1)


def test_segments_hold_what_they_held(scan: Scan) -> None:
    """The pinned rules are one object more of the scan, and go with it."""
    key = rules_key(scan.who.tenant_id, scan.id)
    assert key.startswith(f"tenants/{scan.who.tenant_id}/scans/{scan.id}/")
    assert Facts().get(scan.who, key) == encode_rows([PinnedRules()])
