"""A graph as one web page that needs nothing else: to be opened, searched, filtered and sent to somebody.

What was found comes from strangers' servers. It is data in the page, is shown as text alone, and the page's own policy
lets no other script run and nothing be fetched.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from string import Template
from typing import Any, Final

PARTS: Final = Path(__file__).parent
SCRIPTS: Final = ("layout.js", "page.js")
MAX_NODES: Final = 10_000
"""More than this a browser cannot arrange while one looks on; those with the most relations are kept."""
MAX_ATTRIBUTES, MAX_CHARACTERS = 12, 300
"""Of one thing, and of the value of each."""
GRAVE: Final = ("critical", "high")

Thing = dict[str, Any]


def page(graph: bytes) -> bytes:
    """The page of a graph, as the API exports it as JSON: `{"exported_at", "nodes", "edges"}`."""
    told = json.loads(graph)
    script = "\n".join((PARTS / name).read_text(encoding="utf-8") for name in SCRIPTS)
    text = Template((PARTS / "page.html").read_text(encoding="utf-8")).substitute(
        style=(PARTS / "page.css").read_text(encoding="utf-8"),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        data=_embedded(_drawn(told["exported_at"], told["nodes"], told["edges"])),
    )
    return text.encode()


def _drawn(exported_at: str, nodes: list[Thing], edges: list[Thing]) -> Thing:
    """What the page draws; relations name things by their place in the list."""
    kept = _foremost(nodes, edges)
    places = {node["id"]: place for place, node in enumerate(kept)}
    ends = ((places.get(edge["source"]), places.get(edge["target"]), edge) for edge in edges)
    return {
        "exported_at": exported_at,
        "left_out": len(nodes) - len(kept),
        "nodes": [_thing(node) for node in kept],
        "edges": [[a, b, edge["relation"]] for a, b, edge in ends if a is not None and b is not None],
    }


def _foremost(nodes: list[Thing], edges: list[Thing]) -> list[Thing]:
    """The things that are drawn: all, or those that are grave or have the most relations."""
    if len(nodes) <= MAX_NODES:
        return nodes
    relations = Counter(end for edge in edges for end in (edge["source"], edge["target"]))
    return sorted(nodes, key=lambda node: (node["risk"] not in GRAVE, -relations[node["id"]]))[:MAX_NODES]


def _thing(node: Thing) -> Thing:
    names = ("type", "value", "risk", "confidence", "first_seen", "last_seen", "observations", "distance")
    return {
        **{name: node[name] for name in names},
        "sources": sorted(node["sources"]),
        "attributes": dict(_attributes(node["attributes"].items())),
    }


def _attributes(told: Iterable[tuple[str, Any]]) -> Iterable[tuple[str, str]]:
    for name, value in sorted(told)[:MAX_ATTRIBUTES]:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        yield name, text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}…"


def _embedded(data: Thing) -> str:
    """JSON that no text in it can end or change the element that holds it."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c").replace("&", "\\u0026")
