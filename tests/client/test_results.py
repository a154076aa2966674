"""What scans found: findings, observations, graph, log and reports."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web

from tests.client.conftest import Palisade
from tests.client.platform import SCAN, Platform, finding, problem, scan

OBSERVATION = {
    "id": "obs_1",
    "type": "url",
    "value": "https://www.example.com/",
    "module": "crawler",
    "confidence": 0.75,
    "observed_at": "2026-01-02T03:04:05.678Z",
}


def report(**changes: object) -> dict[str, object]:
    return {"report_id": "rep_1", "scan_id": SCAN, "format": "pdf", "status": "queued", **changes}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "out.pdf"


def test_findings_of_all_scans_and_of_one(logged_in: Platform, palisade: Palisade) -> None:
    logged_in.page("GET /findings", [finding("high"), finding("low")])
    said = palisade("findings")
    assert said.code == 0
    assert "1 high" in said.out
    assert "fnd_low" in said.out
    logged_in.page(f"GET /scans/{SCAN}/findings", [finding("info")])
    assert len(palisade("findings", "--scan", SCAN, "--json").data["items"]) == 1


def test_severities_are_asked_for_gravest_first(logged_in: Platform, palisade: Palisade) -> None:
    logged_in.answer("GET /findings", *({"items": [finding(name)], "next_cursor": None} for name in ("high", "low")))
    said = palisade("findings", "--severity", "low", "--severity", "high", "--json")
    assert [item["severity"] for item in said.data["items"]] == ["high", "low"]
    assert [call.query["severity"] for call in logged_in.calls] == [["high"], ["low"]]


def test_a_limit_holds_over_severities(logged_in: Platform, palisade: Palisade) -> None:
    logged_in.page("GET /findings", [finding("high")])
    said = palisade("findings", "--severity", "low", "--severity", "high", "--limit", "1", "--json")
    assert len(said.data["items"]) == len(logged_in.calls) == 1


def test_findings_can_fail_a_script(logged_in: Platform, palisade: Palisade) -> None:
    logged_in.page("GET /findings", [finding("medium")])
    assert palisade("findings", "--fail-on", "high").code == 0
    assert palisade("findings", "--fail-on", "medium").code == 4


def test_a_finding_is_shown_and_moved(logged_in: Platform, palisade: Palisade) -> None:
    logged_in.answer("GET /findings/fnd_1", finding("high", references=["https://cwe.mitre.org/79"]))
    said = palisade("finding", "fnd_1")
    assert all(word in said.out for word in ("Mend it.", "And why.", "90%", "https://cwe.mitre.org/79"))
    moved = finding("high", status="accepted", history=[{"at": "2026-01-02", "before": "open", "after": "accepted"}])
    logged_in.answer("PUT /findings/fnd_1/status", moved)
    assert "open → accepted" in palisade("finding", "fnd_1", "--status", "accepted", "--reason", "Known.").out
    assert logged_in.calls[-1].body == {"status": "accepted", "reason": "Known."}


def test_observations_are_filtered_by_the_platform(logged_in: Platform, palisade: Palisade) -> None:
    logged_in.page(f"GET /scans/{SCAN}/observations", [OBSERVATION], "more")
    said = palisade("observations", SCAN, "--type", "url", "--type", "host", "--contains", "www", "-n", "1")
    assert "https://www.example.com/" in said.out
    assert "--limit 0" in said.err
    assert logged_in.calls[0].query == {"limit": ["1"], "type": ["url", "host"], "contains": ["www"]}


def test_the_log_is_shown(logged_in: Platform, palisade: Palisade) -> None:
    line = {"level": "warning", "message": "no answer", "value": "www.example.com", "count": 3}
    logged_in.page(f"GET /scans/{SCAN}/log", [line])
    assert "no answer" in palisade("log", SCAN).out
    assert palisade("log", SCAN, "--json").data["items"] == [line]


@pytest.mark.parametrize(("suffix", "kind"), [(".gexf", "gexf"), (".json", "json"), (".GraphML", "graphml")])
def test_the_suffix_names_the_graphs_format(
    logged_in: Platform, palisade: Palisade, tmp_path: Path, suffix: str, kind: str
) -> None:
    logged_in.answer(f"GET /scans/{SCAN}/graph", web.Response(body=b"<graph/>"))
    file = tmp_path / f"x{suffix}"
    assert palisade("graph", SCAN, "-o", file, "--json").data == {"file": str(file), "bytes": 8}
    assert file.read_bytes() == b"<graph/>"
    assert logged_in.calls[0].query == {"format": [kind]}


def test_a_large_graph_is_fetched_from_its_link_without_the_token(
    logged_in: Platform, palisade: Palisade, tmp_path: Path
) -> None:
    link = f"{logged_in.url}/files/graph"
    logged_in.answer(f"GET /scans/{SCAN}/graph", web.Response(status=303, headers={"Location": link}))
    logged_in.files["graph"] = b"<large/>" * 100_000
    assert palisade("graph", SCAN, "-o", tmp_path / "x.gexf").code == 0
    assert (tmp_path / "x.gexf").read_bytes() == logged_in.files["graph"]


def test_an_unknown_graph_format_is_a_usage_error(logged_in: Platform, palisade: Palisade) -> None:
    assert palisade("graph", SCAN, "-o", "x.png").code == 2
    assert palisade("graph", SCAN).code == 2
    assert logged_in.calls == []


def test_a_report_is_asked_for_awaited_and_saved(logged_in: Platform, palisade: Palisade, target: Path) -> None:
    logged_in.page("GET /scans", [scan()])
    ready = report(status="ready", download_url=f"{logged_in.url}/files/report")
    logged_in.answer("POST /reports", report())
    logged_in.answer("GET /reports/rep_1", report(status="rendering"), ready)
    logged_in.files["report"] = b"%PDF-1.7"
    said = palisade("report", "latest", "-o", target)
    assert (said.code, said.out) == (0, f"{target} (8 bytes)\n")
    assert target.read_bytes() == b"%PDF-1.7"
    assert logged_in.called("POST /reports")[0].body == {"scan_id": SCAN, "format": "pdf"}
    assert list(target.parent.glob("*.part")) == []


def test_a_report_goes_to_stdout_alone(logged_in: Platform, palisade: Palisade) -> None:
    logged_in.answer("POST /reports", report(status="ready", download_url=f"{logged_in.url}/files/report"))
    logged_in.files["report"] = b"a,b\n"
    said = palisade("report", SCAN, "--format", "csv", "-o", "-")
    assert (said.code, said.out) == (0, "a,b\n")


def test_a_report_is_named_after_its_scan(
    logged_in: Platform, palisade: Palisade, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    logged_in.answer("POST /reports", report(status="ready", download_url=f"{logged_in.url}/files/report"))
    logged_in.files["report"] = b"x"
    assert palisade("report", SCAN, "--format", "xlsx", "--json").data["file"] == f"{SCAN}.xlsx"
    assert (tmp_path / f"{SCAN}.xlsx").exists()


def test_a_report_that_failed_says_why(logged_in: Platform, palisade: Palisade, target: Path) -> None:
    logged_in.answer("POST /reports", report(status="failed", reason="the scan has no findings yet"))
    said = palisade("report", SCAN, "-o", target)
    assert (said.code, said.err) == (1, "Error: The report could not be made: the scan has no findings yet.\n")
    assert not target.exists()


def test_a_dead_link_leaves_the_old_file(logged_in: Platform, palisade: Palisade, target: Path) -> None:
    target.write_bytes(b"old")
    logged_in.answer("POST /reports", report(status="ready", download_url=f"{logged_in.url}/files/gone"))
    said = palisade("report", SCAN, "-o", target)
    assert (said.code, said.err) == (1, "Error: The link to the file is no longer good.\n")
    assert target.read_bytes() == b"old"


def test_a_file_that_cannot_be_written_is_one_sentence(logged_in: Platform, palisade: Palisade, tmp_path: Path) -> None:
    logged_in.answer(f"GET /scans/{SCAN}/graph", web.Response(body=b"{}"))
    said = palisade("graph", SCAN, "-o", tmp_path / "no" / "such" / "x.json")
    assert said.code == 1
    assert said.err.startswith(f"Error: {tmp_path}/no/such/x.json cannot be written: ")


def test_an_unknown_format_is_refused_here(logged_in: Platform, palisade: Palisade) -> None:
    assert palisade("report", SCAN, "--format", "docx").code == 2
    logged_in.answer("POST /reports", problem(404, "not-found", "There is no such resource"))
    assert palisade("report", SCAN).code == 1
