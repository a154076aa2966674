"""The page of a graph: complete, safe whatever was found, and laid out so that one sees what belongs together."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from palisade import graph_page
from tests.client.conftest import Palisade
from tests.client.platform import Platform

AT = "2026-11-20T10:00:00.000Z"
HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
BROWSER = shutil.which("chromium")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


def thing(value: str, type_: str = "host", risk: str = "none", **attributes: Any) -> dict[str, Any]:
    return {
        **{"id": value, "type": type_, "value": value, "confidence": 0.9, "risk": risk, "distance": 0},
        **{"first_seen": AT, "last_seen": AT, "observations": 1, "evidence": [], "sources": {"dns_resolve": 0.9}},
        **{"edges_left_out": 0, "attributes": attributes},
    }


def graph(nodes: list[dict[str, Any]], edges: Sequence[tuple[str, str]] = ()) -> bytes:
    told = [{"source": one, "target": other, "relation": "resolves_to"} for one, other in edges]
    return json.dumps({"exported_at": AT, "nodes": nodes, "edges": told}).encode()


def data_of(page: bytes) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.decode(), re.DOTALL)
    assert found
    return json.loads(found[1])


def test_a_page_holds_the_graph_and_asks_nobody_for_anything() -> None:
    page = graph_page.page(graph([thing("a"), thing("192.0.2.1", "ip", "high")], [("a", "192.0.2.1")]))
    data = data_of(page)
    assert [node["value"] for node in data["nodes"]] == ["a", "192.0.2.1"]
    assert data["edges"] == [[0, 1, "resolves_to"]]
    assert b"default-src 'none'" in page
    assert re.findall(rb"(?:src|href)\s*=|url\(|@import|https?://", page) == []


@pytest.mark.parametrize("where", ["value", "type", "attribute"])
def test_what_was_found_stays_text(where: str) -> None:
    node = {
        "value": thing(HOSTILE),
        "type": thing("a", HOSTILE),
        "attribute": thing("a", title=HOSTILE),
    }[where]
    page = graph_page.page(graph([node]))
    assert b"owned'</script>" not in page
    assert page.count(b"<script") == 2
    assert HOSTILE in json.dumps(data_of(page)).replace('\\"', '"')


def test_of_too_many_things_the_grave_and_the_well_connected_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_page, "MAX_NODES", 3)
    nodes = [thing("alone"), thing("hub"), thing("leaf"), thing("bad", "vulnerability", "critical"), thing("other")]
    data = data_of(graph_page.page(graph(nodes, [("hub", "leaf"), ("hub", "other"), ("leaf", "bad")])))
    assert [node["value"] for node in data["nodes"]] == ["bad", "hub", "leaf"]
    assert data["left_out"] == 2
    assert data["edges"] == [[1, 2, "resolves_to"], [2, 0, "resolves_to"]], "relations of what is left out go with it"


def test_long_attributes_are_cut() -> None:
    (node,) = data_of(graph_page.page(graph([thing("a", text="x" * 10_000, more=[1, 2])])))["nodes"]
    assert node["attributes"] == {"more": "[1, 2]", "text": "x" * graph_page.MAX_CHARACTERS + "…"}


@pytest.mark.parametrize(
    ("arguments", "operation"),
    [(("graph", "scan_1", "-o"), "GET /scans/scan_1/graph"), (("knowledge", "export"), "GET /graph/export")],
)
def test_a_graph_is_saved_as_a_page(
    logged_in: Platform, palisade: Palisade, tmp_path: Path, arguments: tuple[str, ...], operation: str
) -> None:
    logged_in.answer(operation, json.loads(graph([thing("www.example.com")])))
    file = tmp_path / "g.html"
    said = palisade(*arguments, file, "--json")
    assert (said.code, said.data["bytes"]) == (0, file.stat().st_size)
    assert logged_in.called(operation)[0].query == {"format": ["json"]}
    assert data_of(file.read_bytes())["nodes"][0]["value"] == "www.example.com"


def laid_out(count: int, edges: list[tuple[int, int]]) -> list[tuple[float, float]]:
    """Where `layout.js` puts things, as Node runs it."""
    script = (graph_page.PARTS / "layout.js").read_text()
    run = f"{script}; const layout = new Layout({count}, {json.dumps(edges)}); while (!layout.isDone) layout.advance();"
    run += "console.log(JSON.stringify([...layout.x].map((x, place) => [x, layout.y[place]])))"
    done = subprocess.run(["node", "-"], input=run, capture_output=True, text=True, check=True)
    return [(x, y) for x, y in json.loads(done.stdout)]


def apart(one: tuple[float, float], other: tuple[float, float]) -> float:
    return float(((one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2) ** 0.5)


def test_what_is_related_lies_together_and_nothing_lies_on_another() -> None:
    clusters = [[20 * c + n for n in range(20)] for c in range(5)]
    edges = [(cluster[0], other) for cluster in clusters for other in cluster[1:]]
    places = laid_out(100, edges)
    within = [apart(places[a], places[b]) for a, b in edges]
    between = [apart(places[a[0]], places[b[0]]) for a in clusters for b in clusters if a is not b]
    assert max(within) < min(between)
    assert min(apart(places[a], places[b]) for a in range(100) for b in range(a)) > 3
    assert places == laid_out(100, edges), "the same graph looks the same again"


@pytest.mark.parametrize(
    ("count", "edges"),
    [(1, []), (2, [(0, 0)]), (2, [(0, 1), (1, 0), (0, 1)]), (300, []), (3000, [(0, n) for n in range(1, 3000)])],
)
def test_any_graph_is_laid_out_on_a_plane_that_ends(count: int, edges: list[tuple[int, int]]) -> None:
    places = laid_out(count, edges)
    assert all(abs(x) < 1e5 and abs(y) < 1e5 for x, y in places)


def shown(page: bytes, folder: Path) -> str:
    """The document, when a browser has run it."""
    (folder / "g.html").write_bytes(page)
    flags = (*FLAGS, f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=20000", "--dump-dom")
    command = [str(BROWSER), *flags, f"file://{folder}/g.html"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


@pytest.mark.skipif(BROWSER is None, reason="chromium is not installed")
def test_a_browser_shows_it_and_runs_nothing_that_was_found(tmp_path: Path) -> None:
    nodes = [thing(HOSTILE), *(thing(f"h{n}.example.com", risk="critical") for n in range(5))]
    edges = [(HOSTILE, f"h{n}.example.com") for n in range(5)]
    document = shown(graph_page.page(graph(nodes, edges)), tmp_path)
    assert "6 things, 5 relations" in document
    assert "<title>Knowledge graph · Palisade</title>" in document
    assert re.search(r'<div id="arranging"[^>]*hidden', document), "it was arranged"


@pytest.mark.skipif(BROWSER is None, reason="chromium is not installed")
def test_an_empty_graph_says_so(tmp_path: Path) -> None:
    assert '<p id="empty">' in shown(graph_page.page(graph([])), tmp_path)
