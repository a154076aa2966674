"""Profiles of scans: the platform's, and the organisation's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from palisade import output, tables
from palisade.commands.shared import Json, Yes, confirm, connected, segment
from palisade.errors import WrongUsage

app = typer.Typer(help="Profiles of scans: the platform's, and the organisation's own.")
Named = Annotated[str, typer.Argument(metavar="PROFILE", callback=segment)]
COLUMNS = {"Profile": "name", "Built_in": "built_in", "Pace": "pace", "Kinds": "invasiveness", "Summary": "summary"}


@app.callback(invoke_without_command=True)
def list_profiles(context: typer.Context, as_json: Json = False) -> None:
    """List the profiles."""
    if context.invoked_subcommand is not None:
        return
    with connected() as api:
        found = api.get("/scans/profiles")
    output.show(tables.plain(found["items"], **COLUMNS), found, as_json=as_json)


@app.command()
def save(
    name: Named,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The profile as JSON: see the guide on scanning.")],
    as_json: Json = False,
) -> None:
    """Make a profile, or replace the one of that name."""
    try:
        choice = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise WrongUsage(f"{file} is no profile: {error}") from None
    with connected() as api:
        found = api.put(f"/scans/profiles/{name}", choice)
    output.show(f"{output.safe(found['name'])} is kept.", found, as_json=as_json)


@app.command()
def remove(name: Named, yes: Yes = False, as_json: Json = False) -> None:
    """Forget one of the organisation's profiles; scans that used it stay."""
    with connected() as api:
        confirm(f"Remove the profile {output.safe(name)}?", yes=yes)
        api.delete(f"/scans/profiles/{name}")
    output.show(f"{output.safe(name)} is removed.", {"name": name, "deleted": True}, as_json=as_json)
