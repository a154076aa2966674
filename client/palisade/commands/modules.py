"""The scan modules, and what the organisation has set for them."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from palisade import output, tables
from palisade.commands.shared import Json, connected, segment
from palisade.errors import WrongUsage

app = typer.Typer(help="The scan modules, and what the organisation has set for them.")
Named = Annotated[str, typer.Argument(metavar="MODULE", callback=segment)]


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
