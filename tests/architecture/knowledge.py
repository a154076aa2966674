"""The operations on what scans came to know: whether it is whole, where it goes, and what all scans know together."""

from __future__ import annotations

from itertools import count

from functions.intelligence import steps
from functions.intelligence.model.graph import entity_key
from functions.scans.steps import gate
from tests.architecture.scenes import Request, Scene, about_facts, made, plain, then
from tests.architecture.world import SITE, World

FILE = {"name": "Old facts", "format": "csv"}
PATTERN = {
    "nodes": {"url": {"types": ["url"]}, "page": {"types": ["http_response"]}},
    "edges": [{"source": "url", "target": "page"}],
}
RULE = """
id: addresses
version: 1
meta: {name: An address, description: Something to look at., risk: LOW}
collections:
  - collect:
      - {method: exact, field: type, value: url}
aggregation: {field: data}
headline: "{data}"
"""
NUMBERS = count(1)
URL, PAGE = entity_key("url", f"{SITE}/"), entity_key("http_response", f"{SITE}/")


def learnt(world: World) -> dict[str, str]:
    """A scan that has ended is in the organisation's graph."""
    event = {"tenant_id": world.who.tenant_id, "scan_id": world.scanned.rpartition("/")[2]}
    steps.compact(event, None)
    steps.learn(event, None)
    return event


def about_graph(tail: str, query: str = "") -> Scene:
    """About what all scans know."""

    def scene(world: World) -> Request:
        learnt(world)
        return Request(f"/graph{tail}", query=query)

    return scene


def pattern(world: World) -> Request:
    """A pattern is looked for."""
    learnt(world)
    return Request("/graph/patterns", PATTERN)


def uploaded(world: World) -> Request:
    """A file awaits being taken in."""
    return Request(f"/imports/{world.create('/imports', FILE)['import_id']}/start")


def archived(world: World) -> Request:
    """A scan has ended."""
    path = world.scanned
    event = {"tenant_id": world.who.tenant_id, "scan_id": path.rpartition("/")[2]}
    gate({**event, "report": {"wave": -1, "exhausted": True}}, None)
    return Request(f"{path}/archive")


def tried(world: World) -> Request:
    """A rule is tried on a scan."""
    return Request("/rules/dry-run", {"rule": RULE, "scan_id": world.scanned.rpartition("/")[2]})


def written(world: World, risk: str = "LOW") -> tuple[str, str]:
    """The name of a rule that the organisation wrote, and the same text with another risk."""
    name = f"addresses_{next(NUMBERS)}"
    text = RULE.replace("id: addresses", f"id: {name}")
    world.create("/rules", {"rule": text})
    return name, text.replace("LOW", risk)


def own_rule(tail: str = "") -> Scene:
    """About a rule that the organisation wrote."""
    return lambda world: Request(f"/rules/{written(world)[0]}{tail}")


def changed_rule(world: World) -> Request:
    """A rule that the organisation wrote is changed."""
    name, text = written(world, "HIGH")
    return Request(f"/rules/{name}", {"rule": text})


def rolled_back_rule(world: World) -> Request:
    """A rule that the organisation wrote goes back to its first text."""
    return Request(f"/rules/{written(world)[0]}/rollback", {"version": 1})


def new_rule(_world: World) -> Request:
    """The organisation writes a rule."""
    return Request("/rules", {"rule": RULE.replace("id: addresses", f"id: addresses_{next(NUMBERS)}")})


KNOWLEDGE: dict[str, Scene] = {
    "GET /facts/retention": plain("/facts/retention"),
    "PUT /facts/retention": plain("/facts/retention", {"days": 30}),
    "GET /facts/retention/dry-run": plain("/facts/retention/dry-run", query="days=30"),
    "GET /graph": about_graph(""),
    "GET /graph/communities": about_graph("/communities"),
    "GET /graph/entities": about_graph("/entities"),
    "GET /graph/entities/{entity_id}": about_graph(f"/entities/{URL}"),
    "GET /graph/entities/{entity_id}/neighbourhood": about_graph(f"/entities/{URL}/neighbourhood"),
    "GET /graph/export": about_graph("/export", "format=csv"),
    "GET /graph/paths": about_graph("/paths", f"source={URL}&target={PAGE}"),
    "GET /graph/ranking": about_graph("/ranking"),
    "GET /graph/timeline": about_graph("/timeline"),
    "POST /graph/patterns": pattern,
    "GET /imports": then("/imports", made("/imports", FILE, "import_id")),
    "POST /imports": plain("/imports", FILE),
    "GET /imports/{import_id}": made("/imports", FILE, "import_id"),
    "POST /imports/{import_id}/start": uploaded,
    "GET /scans/{scan_id}/archive": archived,
    "GET /scans/{scan_id}/integrity": about_facts("/integrity"),
    "GET /rules": plain("/rules"),
    "POST /rules": new_rule,
    "POST /rules/dry-run": tried,
    "GET /rules/{name}": own_rule(),
    "PUT /rules/{name}": changed_rule,
    "DELETE /rules/{name}": own_rule(),
    "POST /rules/{name}/enable": own_rule("/enable"),
    "POST /rules/{name}/disable": own_rule("/disable"),
    "GET /rules/{name}/versions": own_rule("/versions"),
    "POST /rules/{name}/rollback": rolled_back_rule,
}
