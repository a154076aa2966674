"""What all scans of the organisation know together."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from palisade import output, tables
from palisade.commands.results import SUFFIXES, saver_of_graph, tell_saved
from palisade.commands.shared import Json, Limit, Yes, confirm, connected, most, segment

app = typer.Typer(help="What all scans know together: a graph with its history.", no_args_is_help=True)
Key = Annotated[str, typer.Argument(metavar="KEY", help="A thing's key, as `search` shows it.", callback=segment)]
Types = Annotated[list[str] | None, typer.Option("--type", help="Of this type, such as `host` (repeatable).")]
Most = Annotated[int, typer.Option("--limit", "-n", min=1, max=100, help="How many at most.")]


class Measure(StrEnum):
    """What makes a thing important."""

    DEGREE = "degree"
    PAGERANK = "pagerank"
    BETWEENNESS = "betweenness"


@app.command()
def summary(as_json: Json = False) -> None:
    """Show how much is known."""
    with connected() as api:
        found = api.get("/graph")
    shown = [
        *(("Things", found["entities"]), ("Relations", found["relations"]), ("Scans", found["scans"])),
        ("By type", [f"{type_}: {number:,}" for type_, number in found["by_type"].items()]),
        ("By risk", [f"{risk}: {number:,}" for risk, number in found["by_risk"].items()]),
        ("Updated", tables.moment(found["updated_at"])),
    ]
    output.show(tables.details(shown), found, as_json=as_json)


@app.command()
def search(
    contains: Annotated[str | None, typer.Argument(metavar="TEXT", help="A part of the value.")] = None,
    types: Types = None,
    gone: Annotated[bool | None, typer.Option("--gone/--there", help="No longer seen, or seen still.")] = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """Find things by their value."""
    with connected() as api:
        found = api.listed("/graph/entities", most(limit), contains=contains, type=types, is_gone=gone)
    output.show(_things(found["items"]), found, as_json=as_json)


@app.command()
def show(key: Key, as_json: Json = False) -> None:
    """Show all that is known of a thing, and how it changed."""
    with connected() as api:
        found = api.get(f"/graph/entities/{key}")
    gone = found["gone"]
    shown = [
        *(("Type", found["type"]), ("Value", found["value"]), ("Risk", found["risk"])),
        *(("Confidence", f"{found['confidence']:.0%}"), ("How it is known", found["explanation"])),
        *(("First seen", tables.moment(found["first_seen"])), ("Last seen", tables.moment(found["last_seen"]))),
        ("Gone", f"{tables.moment(gone['since'])}: {gone['explanation']}" if gone else None),
        ("Attributes", [f"{name}: {value}" for name, value in {**found["derived"], **found["attributes"]}.items()]),
        ("The same as", [f"{each['type']} {each['value']}: {each['explanation']}" for each in found["same_as"]]),
        ("Changes", [_change(each) for each in found["changes"]]),
        ("Seen by", [f"{each['name']} ({each['scan_id']})" for each in found["sightings"]]),
    ]
    output.show(tables.details(shown), found, as_json=as_json)


@app.command()
def around(
    key: Key,
    depth: Annotated[int, typer.Option(min=1, max=4, help="Hops.")] = 1,
    types: Types = None,
    as_json: Json = False,
) -> None:
    """Show what lies around a thing."""
    with connected() as api:
        found = api.get(f"/graph/entities/{key}/neighbourhood", depth=depth, type=types)
    output.show(_things(found["nodes"], Hops="distance"), found, as_json=as_json)


@app.command()
def path(source: Key, target: Key, as_json: Json = False) -> None:
    """Show the shortest ways between two things."""
    with connected() as api:
        found = api.get("/graph/paths", source=source, target=target)
    table = tables.grid("Way")
    for way in found["paths"]:
        tables.row(table, " - ".join(f"{node['type']} {node['value']}" for node in way["nodes"]))
    output.show(table, found, as_json=as_json)


@app.command()
def communities(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100)] = 20, as_json: Json = False
) -> None:
    """Show groups of things that belong together."""
    with connected() as api:
        found = api.get("/graph/communities", limit=limit)
    table = tables.grid("Community", "Things", "Types", "Centre")
    for each in found["items"]:
        kinds = ", ".join(f"{type_} {number}" for type_, number in list(each["by_type"].items())[:4])
        tables.row(table, each["community"], each["size"], kinds, each["centre"][0]["value"] if each["centre"] else "")
    output.show(table, found, as_json=as_json)


@app.command()
def ranking(
    measure: Annotated[Measure, typer.Option(help="By what.")] = Measure.PAGERANK,
    limit: Most = 20,
    as_json: Json = False,
) -> None:
    """Show the things that hold the rest together."""
    with connected() as api:
        found = api.get("/graph/ranking", measure=measure.value, limit=limit)
    table = tables.grid("Score", "Type", "Value")
    for each in found["items"]:
        tables.row(table, f"{each['score']:.6f}", each["entity"]["type"], each["entity"]["value"])
    output.show(table, found, as_json=as_json)


@app.command()
def timeline(types: Types = None, since: str | None = None, limit: Limit = 50, as_json: Json = False) -> None:
    """Show what appeared, changed or went, the latest first."""
    with connected() as api:
        found = api.listed("/graph/timeline", most(limit), type=types, since=since)
    table = tables.grid("When", "What", "Type", "Value", "Detail")
    for each in found["items"]:
        told = (each[field] for field in ("event", "type", "value", "detail"))
        tables.row(table, tables.moment(each["at"]), *told)
    output.show(table, found, as_json=as_json)


@app.command()
def export(
    target: Annotated[Path, typer.Argument(metavar="FILE", help=f"A file that ends in {SUFFIXES}.")],
    as_json: Json = False,
) -> None:
    """Save the whole graph; the file's suffix says in which format. An .html is a page to look at it."""
    save = saver_of_graph(target)
    with connected() as api:
        size = save(api, "/graph/export")
    tell_saved(target, size, as_json=as_json)


@app.command()
def retention(
    days: Annotated[int | None, typer.Option(min=1, max=3650, help="Keep facts for so many days.")] = None,
    as_the_plan: Annotated[bool, typer.Option("--as-the-plan", help="Keep facts as long as the plan says.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go, and change nothing.")] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Show or change how long facts are kept, counted from the end of the scan that found them."""
    with connected() as api:
        if dry_run:
            found = api.get("/facts/retention/dry-run", days=days)
            output.show(_going(found), found, as_json=as_json)
            return
        if days is not None or as_the_plan:
            confirm("Within a day, facts that are older go for good. Change it?", yes=yes)
            found = api.put("/facts/retention", {"days": days})
        else:
            found = api.get("/facts/retention")
    kept = found["applied_days"]
    output.show(f"Facts are kept for {kept} days." if kept else "Facts are kept until their scan is deleted.", found,
                as_json=as_json)  # fmt: skip


def _going(plan: dict[str, Any]) -> Table:
    table = tables.grid("Scan", "Name", "Ended", "Facts")
    for each in plan["scans"]:
        tables.row(table, each["scan_id"], each["name"], tables.moment(each["ended_at"]), each["observations"])
    return table


def _things(items: list[dict[str, Any]], **more: str) -> Table:
    table = tables.grid("Type", "Value", "Confidence", "Risk", "Last seen", *more, "Key")
    for item in items:
        seen = f"{tables.moment(item['last_seen'])}{' (gone)' if item['is_gone'] else ''}"
        told = (item["type"], item["value"], f"{item['confidence']:.0%}", item["risk"], seen)
        tables.row(table, *told, *(item[field] for field in more.values()), item["key"])
    return table


def _change(change: dict[str, Any]) -> str:
    return f"{tables.moment(change['at'])} {change['attribute']}: {change['before']} → {change['after']}"
