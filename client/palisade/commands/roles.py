"""Roles: what people and service accounts may do."""

from __future__ import annotations

from typing import Annotated

import typer

from palisade import output, tables
from palisade.commands.shared import Json, Yes, confirm, connected, segment

app = typer.Typer(help="Roles: what people and service accounts may do.")
RoleId = Annotated[str, typer.Argument(metavar="ROLE", callback=segment)]
May = Annotated[list[str], typer.Option(help="A permission, such as scans:read or scans:* (repeatable).")]
COLUMNS = {"Id": "role_id", "Name": "name", "Default": "is_default", "May": "permissions", "About": "description"}
PERMISSIONS = {"Permission": "permission", "Held": "held", "For": "description"}


@app.callback(invoke_without_command=True)
def list_roles(context: typer.Context, as_json: Json = False) -> None:
    """List the roles."""
    if context.invoked_subcommand is not None:
        return
    with connected() as api:
        found = api.listed("/roles", None)
    output.show(tables.plain(found["items"], **COLUMNS), found, as_json=as_json)


@app.command()
def permissions(as_json: Json = False) -> None:
    """List what roles can be made of."""
    with connected() as api:
        found = api.listed("/permissions", None)
    output.show(tables.plain(found["items"], **PERMISSIONS), found, as_json=as_json)


@app.command()
def add(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    may: May,
    description: Annotated[str, typer.Option(help="Whom it is for.")] = "",
    as_json: Json = False,
) -> None:
    """Make a role of permissions that you hold."""
    with connected() as api:
        found = api.post("/roles", {"name": name, "description": description, "permissions": may})
    output.show(tables.fields(found, **COLUMNS), found, as_json=as_json)


@app.command()
def change(
    role: RoleId,
    may: Annotated[list[str] | None, typer.Option(help="A permission (repeatable); they replace the role's.")] = None,
    name: Annotated[str | None, typer.Option(help="Another name.")] = None,
    as_json: Json = False,
) -> None:
    """Change a role that your organisation has made."""
    with connected() as api:
        known = api.get(f"/roles/{role}")
        body = {
            "name": name or known["name"],
            "description": known["description"],
            "permissions": may or known["permissions"],
        }
        found = api.put(f"/roles/{role}", body)
    output.show(tables.fields(found, **COLUMNS), found, as_json=as_json)


@app.command()
def remove(role: RoleId, yes: Yes = False, as_json: Json = False) -> None:
    """Remove a role that nobody has."""
    with connected() as api:
        confirm(f"Remove {output.safe(role)}?", yes=yes)
        api.delete(f"/roles/{role}")
    output.show(f"{output.safe(role)} is removed.", {"role_id": role, "deleted": True}, as_json=as_json)
