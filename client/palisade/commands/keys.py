"""API keys: what programs show instead of a session."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from palisade import output, tables
from palisade.commands.shared import Json, Yes, confirm, connected, segment

app = typer.Typer(help="API keys: what programs show instead of a session.")
KeyId = Annotated[str, typer.Argument(metavar="KEY", callback=segment)]
COLUMNS = {
    "Id": "key_id",
    "Name": "name",
    "Acts_as": "user_id",
    "May": "permissions",
    "From": "networks",
    "Status": "status",
    "Ends": "ends_at",
    "Last_used": "last_used_at",
}


@app.callback(invoke_without_command=True)
def list_keys(context: typer.Context, as_json: Json = False) -> None:
    """List the keys, the newest first."""
    if context.invoked_subcommand is not None:
        return
    with connected() as api:
        found = api.listed("/api-keys", None)
    output.show(tables.plain(found["items"], **COLUMNS), found, as_json=as_json)


@app.command()
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for.")],
    may: Annotated[list[str], typer.Option(help="A permission, such as scans:read (repeatable).")],
    network: Annotated[list[str] | None, typer.Option(help="A CIDR that it may be used from (repeatable).")] = None,
    ends: Annotated[str | None, typer.Option(metavar="TIME", help="When it ends: 2027-01-31T00:00:00Z.")] = None,
    rate: Annotated[float | None, typer.Option(help="Requests a second, below the plan's.")] = None,
    service_account: Annotated[str | None, typer.Option(help="The service account that it acts as.")] = None,
    as_json: Json = False,
) -> None:
    """Make a key. Its text is shown this once."""
    body = {
        "name": name,
        "permissions": may,
        "networks": network or [],
        "ends_at": ends,
        "requests_per_second": rate,
        "service_account_id": service_account,
    }
    with connected() as api:
        found = api.post("/api-keys", body)
    _tell_text(found, as_json=as_json)


@app.command()
def show(key: KeyId, as_json: Json = False) -> None:
    """Show a key; its text is not shown again."""
    with connected() as api:
        found = api.get(f"/api-keys/{key}")
    output.show(tables.fields(found, **COLUMNS), found, as_json=as_json)


@app.command()
def rotate(
    key: KeyId,
    overlap: Annotated[int, typer.Option(min=0, max=10_080, help="Minutes that the old text is still good.")] = 1440,
    as_json: Json = False,
) -> None:
    """Give a key a new text, shown this once."""
    with connected() as api:
        found = api.post(f"/api-keys/{key}/rotate", {"overlap_minutes": overlap})
    _tell_text(found, as_json=as_json)


@app.command()
def revoke(key: KeyId, yes: Yes = False, as_json: Json = False) -> None:
    """Revoke a key, for good."""
    with connected() as api:
        confirm(f"Revoke {output.safe(key)} for good?", yes=yes)
        api.delete(f"/api-keys/{key}")
    output.show(f"{output.safe(key)} is revoked.", {"key_id": key, "revoked": True}, as_json=as_json)


def _tell_text(found: dict[str, Any], *, as_json: bool) -> None:
    output.show(tables.fields(found, **COLUMNS, Key="token"), found, as_json=as_json)
    if not as_json:
        output.hint("Keep the key now: it is not shown again.")
