"""Reducing waves and asking about them, through the room's doors and moto's bucket."""

from __future__ import annotations

import io
import json
from typing import Any
from urllib.parse import urlsplit

import networkx
import pytest

from contracts.facts import decode_rows, encode_rows, scan_prefix
from contracts.findings import Detection
from contracts.reports import Evidence, IntelligencePart, ReportFinding, part_key
from functions.intelligence import steps
from functions.intelligence.service import exports
from kernel.facts import Facts
from tests.intelligence.stored import Scan
from tests.kit import actor

pytestmark = pytest.mark.usefixtures("cloud")


def test_a_reduced_wave_says_what_it_added(scan: Scan) -> None:
    again = scan.fact("domain", "b.example")
    assert scan.reduce(2, [again, again]) | {"conclusions": ""} == {"observations": 1, "entities": 1, "conclusions": ""}


def test_reducing_a_wave_again_writes_the_same_objects(scan: Scan) -> None:
    prefix = scan_prefix(scan.who.tenant_id, scan.id)

    def objects() -> dict[str, bytes]:
        return {key: Facts().get(scan.who, key) for key in Facts().keys(scan.who, prefix)}

    before = objects()
    steps.reduce({"tenant_id": scan.who.tenant_id, "scan_id": scan.id, "wave": 1}, None)
    assert objects() == before


def test_conclusions_hold_what_modules_reported_with_the_chain_to_it(scan: Scan) -> None:
    key = scan.reduce(2, [])["conclusions"]
    found = {each.check: each for each in decode_rows(Facts().get(scan.who, key), Detection)}
    weak = found["module:exposed_files/exposed-git"]
    assert (weak.title, weak.severity, weak.remedy) == ("A folder", "high", "Remove it.")
    assert weak.chain[0] == "target: domain a.example"
    assert weak.chain[-1].endswith("(found by exposed_files, 2026-11-20 08:00 UTC, 100 % sure)")


def test_a_scan_without_weaknesses_concludes_nothing() -> None:
    made = Scan(actor())
    assert made.reduce(0, [made.fact("domain", "a.example")])["conclusions"] is None


def test_pages_join_to_the_whole_list_in_order_of_time(scan: Scan) -> None:
    whole = scan.whole("observations")
    assert [each["observed_at"] for each in whole] == sorted(each["observed_at"] for each in whole)
    assert len({each["id"] for each in whole}) == len(whole) == 7
    moments = scan.whole("timeline")
    assert [moment["observation_id"] for moment in moments] == [each["id"] for each in whole]


def test_filters_ask_for_a_part(scan: Scan) -> None:
    assert {each["value"] for each in scan.whole("observations", "&type=ip")} == {f"192.0.2.{n}" for n in range(1, 5)}
    assert [each["type"] for each in scan.whole("observations", "&module=probe")] == ["url"]
    assert [each["value"] for each in scan.whole("observations", "&contains=2.3")] == ["192.0.2.3"]
    assert scan.get("observations", "type=nonsense").status == 422
    assert [each["type"] for each in scan.whole("entities", "&type=domain")] == ["domain"]


def test_a_cursor_belongs_to_its_question(scan: Scan) -> None:
    cursor = scan.get("observations", "limit=1&type=ip").body["next_cursor"]
    assert scan.get("observations", f"limit=1&cursor={cursor}").status == 400
    assert scan.get("entities", f"limit=1&cursor={cursor}").status == 400


def test_entities_unite_what_is_the_same_and_explain_their_confidence(scan: Scan) -> None:
    entities = {each["value"]: each for each in scan.whole("entities")}
    assert len(entities) == 7
    assert entities["http://a.example/"]["risk"] == "high"
    assert entities["a.example"]["explanation"]


@pytest.mark.parametrize(("form", "reader"), [("gexf", networkx.read_gexf), ("graphml", networkx.read_graphml)])
def test_the_graph_comes_in_each_format(scan: Scan, form: str, reader: Any) -> None:
    ours = scan.get("graph").body
    theirs = reader(io.BytesIO(scan.get("graph", f"format={form}").body.encode()))
    assert theirs.number_of_nodes() == len(ours["nodes"]) == 7
    assert theirs.number_of_edges() == len(ours["edges"]) == 6
    unknown = scan.get("graph", "format=dwg")
    assert (unknown.status, unknown.problem) == (422, "unknown-format")


def test_a_large_graph_is_handed_out_by_a_link(scan: Scan, monkeypatch: pytest.MonkeyPatch) -> None:
    inline = scan.get("graph").body
    monkeypatch.setattr(exports, "MAX_INLINE", 10)
    answer = scan.get("graph")
    assert answer.status == 303
    key = urlsplit(answer.headers["location"]).path.lstrip("/")
    assert json.loads(Facts().get(scan.who, key))["nodes"] == inline["nodes"]


@pytest.mark.parametrize("view", ["observations", "entities", "graph", "timeline"])
def test_a_scan_that_has_not_begun_is_empty_and_a_foreign_one_is_none(view: str) -> None:
    made = Scan(actor())
    answer = made.get(view)
    assert answer.status == 200
    assert answer.body.get("items", answer.body.get("nodes")) == []
    assert made.get(view, who=actor()).status == 404


def test_a_report_gets_the_picture_and_the_facts_behind_its_findings(scan: Scan) -> None:
    weakness = next(each for each in scan.whole("observations") if each["type"] == "exposure")
    named = Evidence(observation_id=weakness["id"], type="", value="", module="")
    row = ReportFinding(
        finding_id="f",
        check="c",
        title="t",
        severity="high",
        status="open",
        asset="a",
        description="",
        remedy="",
        evidence=(named,),
    )
    Facts().put(scan.who, part_key(scan.who.tenant_id, "report_1", "findings"), encode_rows([row]))
    steps.hand_in({"tenant_id": scan.who.tenant_id, "scan_id": scan.id, "report_id": "report_1"}, None)
    key = part_key(scan.who.tenant_id, "report_1", "intelligence")
    (part,) = decode_rows(Facts().get(scan.who, key), IntelligencePart)
    assert part.evidence[weakness["id"]].value == weakness["value"]
    assert part.observations_by_type == {"domain": 1, "exposure": 1, "ip": 4, "url": 1}
    assert len(part.graph.nodes) == 7
