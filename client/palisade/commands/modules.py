"""The scan modules, and what the organisation has set for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from palisade import output, tables
from palisade.commands.shared import Json, Yes, confirm, connected, segment
from palisade.errors import WrongUsage
from palisade.wordlists import with_wordlists

app = typer.Typer(help="The scan modules, and what the organisation has set for them.")
Named = Annotated[str, typer.Argument(metavar="MODULE", callback=segment)]


FIGURES = {
    "Version": "version",
    "Scans": "scans",
    "Tasks": "tasks",
    "Facts": "observations",
    "Found_first": "found_first",
    "A_task": "yield_per_task",
    "Errors": "errors",
    "p50_s": "p50_seconds",
    "p95_s": "p95_seconds",
}


@app.callback(invoke_without_command=True)
def list_modules(context: typer.Context, as_json: Json = False) -> None:
    """List the modules."""
    if context.invoked_subcommand is not None:
        return
    with connected() as api:
        found = api.get("/modules")
    flat = [item["face"] | {"enabled": item["enabled"]} for item in found["items"]]
    columns = {"Module": "name", "Enabled": "enabled", "Kind": "invasiveness", "Takes": "consumes", "Does": "summary"}
    output.show(tables.plain(flat, **columns), found, as_json=as_json)


@app.command()
def show(name: Named, as_json: Json = False) -> None:
    """Show a module, its configuration and what it can be."""
    with connected() as api:
        found = api.get(f"/modules/{name}")
    _tell(found, as_json=as_json)


@app.command()
def enable(name: Named, as_json: Json = False) -> None:
    """Let scans use a module."""
    with connected() as api:
        found = api.post(f"/modules/{name}/enable")
    _tell(found, as_json=as_json)


@app.command()
def disable(name: Named, as_json: Json = False) -> None:
    """Keep scans from using a module."""
    with connected() as api:
        found = api.post(f"/modules/{name}/disable")
    _tell(found, as_json=as_json)


@app.command()
def configure(
    name: Named,
    settings: Annotated[list[str], typer.Argument(metavar="NAME=VALUE...", help="A value is JSON, or else text.")],
    as_json: Json = False,
) -> None:
    """Change some settings of a module; the others stay."""
    changes = dict(map(_setting, settings))
    with connected() as api:
        config = api.get(f"/modules/{name}")["config"] | changes
        found = api.put(f"/modules/{name}/config", {"config": config})
    _tell(found, as_json=as_json)


@app.command()
def stats(
    name: Named,
    days: Annotated[int, typer.Option(min=1, max=365, help="Of the last so many days.")] = 30,
    as_json: Json = False,
) -> None:
    """Show how a module works here: what it found, how often it failed, how long it takes."""
    with connected() as api:
        found = api.get(f"/modules/{name}/analytics", days=days)
    lines = [{"version": "all", **found["total"]}]
    lines += [{"version": number, **figures} for number, figures in found["by_version"].items()]
    output.show(tables.plain(lines, **FIGURES), found, as_json=as_json)


@app.command()
def write(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A template as YAML.")], as_json: Json = False
) -> None:
    """Make a template a module of your own; with the id of one that is there, its next version. Lists of payloads that
    it names by files beside it are written out."""
    try:
        text = with_wordlists(file.read_text(), file.resolve().parent)
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUsage(f"{file} cannot be read: {error}") from None
    with connected() as api:
        found = api.post("/templates", {"template": text})
    output.show(f"{output.safe(found['name'])} {found['active']} runs in new scans.", found, as_json=as_json)


@app.command()
def rollback(
    name: Named,
    version: Annotated[str, typer.Argument(help="The version to go back to, such as 1.0.0.")],
    as_json: Json = False,
) -> None:
    """Make another version of a module of your own the one that new scans run."""
    with connected() as api:
        found = api.post(f"/templates/{name}/rollback", {"version": version})
    output.show(f"{output.safe(found['name'])} {found['active']} runs in new scans.", found, as_json=as_json)


@app.command()
def remove(name: Named, yes: Yes = False, as_json: Json = False) -> None:
    """Remove a module of your own with all its versions."""
    with connected() as api:
        confirm(f"Remove {output.safe(name)} and all its versions?", yes=yes)
        api.delete(f"/templates/{name}")
    output.show(f"{output.safe(name)} is removed.", {"name": name, "deleted": True}, as_json=as_json)


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise WrongUsage(f"{text} is not of the form NAME=VALUE.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _tell(found: dict[str, Any], *, as_json: bool) -> None:
    face, config = found["face"], found["config"]
    possible = face.get("config_schema", {}).get("properties", {})
    pairs = [
        ("Module", f"{found['name']} {face['version']}"),
        ("Does", face["summary"]),
        ("Enabled", "yes" if found["enabled"] else "no"),
        ("Kind", face["invasiveness"]),
        ("Takes", ", ".join(face["consumes"])),
        ("Gives", ", ".join(face["produces"])),
        ("Settings", [f"{name} = {json.dumps(value)}" for name, value in config.items()]),
        ("Can be set", [f"{name} ({schema.get('type', 'any')})" for name, schema in possible.items()]),
    ]
    output.show(tables.details(pairs), found, as_json=as_json)
