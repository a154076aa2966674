"""Policies: what the organisation forbids beyond its roles, written in Cedar."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from palisade import output, tables
from palisade.commands.shared import Json, Yes, confirm, connected, segment
from palisade.errors import WrongUsage

app = typer.Typer(help="Policies: what the organisation forbids beyond its roles, written in Cedar.")
PolicyId = Annotated[str, typer.Argument(metavar="POLICY", callback=segment)]
File = Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="The policy in Cedar.")]
COLUMNS = {
    "Id": "policy_id",
    "Name": "name",
    "Enabled": "enabled",
    "About": "description",
    "Changed": "updated_at",
    "By": "updated_by",
}


@app.callback(invoke_without_command=True)
def list_policies(context: typer.Context, as_json: Json = False) -> None:
    """List the policies."""
    if context.invoked_subcommand is not None:
        return
    with connected() as api:
        found = api.listed("/policies", None)
    output.show(tables.plain(found["items"], **COLUMNS), found, as_json=as_json)


@app.command()
def schema(as_json: Json = False) -> None:
    """Print what policies can speak of, as a Cedar schema."""
    with connected() as api:
        found = api.get("/policies/schema")
    output.show(output.safe(found["cedar"]), found, as_json=as_json)


@app.command()
def show(policy: PolicyId, as_json: Json = False) -> None:
    """Show a policy and its text."""
    with connected() as api:
        found = api.get(f"/policies/{policy}")
    _tell(found, as_json=as_json)


@app.command()
def add(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    file: File,
    description: Annotated[str, typer.Option(help="Why it is there.")] = "",
    disabled: Annotated[bool, typer.Option("--disabled", help="Keep it, and do not apply it yet.")] = False,
    as_json: Json = False,
) -> None:
    """Write a policy. A text that is wrong is refused with line and column."""
    body = {"name": name, "description": description, "source": _read(file), "enabled": not disabled}
    with connected() as api:
        found = api.post("/policies", body)
    _tell(found, as_json=as_json)


@app.command()
def change(policy: PolicyId, file: File, as_json: Json = False) -> None:
    """Replace the text of a policy."""
    _put(policy, as_json=as_json, source=_read(file))


@app.command()
def enable(policy: PolicyId, as_json: Json = False) -> None:
    """Apply a policy."""
    _put(policy, as_json=as_json, enabled=True)


@app.command()
def disable(policy: PolicyId, as_json: Json = False) -> None:
    """Keep a policy, and do not apply it."""
    _put(policy, as_json=as_json, enabled=False)


@app.command("try")
def dry_run(
    action: Annotated[str, typer.Argument(metavar="PERMISSION", help="Such as scans:create.")],
    user: Annotated[str | None, typer.Option(help="Who acts; you, when nobody is named.")] = None,
    resource: Annotated[str | None, typer.Option(help="The id of what is acted on.")] = None,
    address: Annotated[str | None, typer.Option(help="From which address.")] = None,
    time: Annotated[str | None, typer.Option(help="When: 2027-01-31T03:00:00Z.")] = None,
    mfa: Annotated[bool, typer.Option(help="Whether a second factor was shown.")] = True,
    draft: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="A policy to try.")] = None,
    as_json: Json = False,
) -> None:
    """Ask what would become of a request, and why. Nothing is done."""
    body: dict[str, Any] = {
        "action": action,
        "user": {"user_id": user},
        "resource_id": resource,
        "context": {"address": address, "time": time, "mfa": mfa},
        "draft": {"source": _read(draft)} if draft else None,
    }
    with connected() as api:
        found = api.post("/policies/dry-run", body)
    names = [each["name"] or each["policy_id"] for each in found["determining"]]
    shown = found | {"determining": names}
    columns = {"Allowed": "allowed", "Roles_allow": "rbac", "Forbidden_by": "determining", "Why": "explanation"}
    output.show(tables.fields(shown, **columns), found, as_json=as_json)


@app.command()
def remove(policy: PolicyId, yes: Yes = False, as_json: Json = False) -> None:
    """Remove a policy: what it forbade is as the roles say."""
    with connected() as api:
        confirm(f"Remove {output.safe(policy)}?", yes=yes)
        api.delete(f"/policies/{policy}")
    output.show(f"{output.safe(policy)} is removed.", {"policy_id": policy, "deleted": True}, as_json=as_json)


def _put(policy: str, *, as_json: bool, **changes: Any) -> None:
    with connected() as api:
        known = api.get(f"/policies/{policy}")
        kept = {name: known[name] for name in ("name", "description", "source", "enabled")}
        found = api.put(f"/policies/{policy}", kept | changes)
    _tell(found, as_json=as_json)


def _tell(found: dict[str, Any], *, as_json: bool) -> None:
    output.show(tables.fields(found, **COLUMNS, Text="source"), found, as_json=as_json)


def _read(file: Path) -> str:
    """A policy's text. Raises WrongUsage for a file that is none."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUsage(f"{output.safe(file)} cannot be read: {error}.") from None
