"""The organisation: its plan and what is used of it, who is let in from outside, and its end."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from palisade import output, tables
from palisade.api import Api
from palisade.commands.shared import Json, Yes, confirm, connected, segment
from palisade.errors import WrongUsage

app = typer.Typer(help="The organisation: its plan, what is used of it, providers that may come, its end.")
Provider = Annotated[str, typer.Argument(metavar="PROVIDER", help="The provider's organisation.", callback=segment)]
Resource = dict[str, Any]
FIELDS = {
    "Id": "organization_id",
    "Name": "name",
    "Status": "status",
    "Plan": "plan",
    "Owner": "owner_id",
    "Region": "region",
    "Erased_after": "erased_after",
}
BAR = 24
NEARLY, FULL = 0.8, 1.0
UNITS = ("B", "KB", "MB", "GB", "TB")


@app.callback(invoke_without_command=True)
def show(context: typer.Context, as_json: Json = False) -> None:
    """Show the organisation that you act in."""
    if context.invoked_subcommand is None:
        with connected() as api:
            found = _mine(api)
        output.show(tables.fields(found, **FIELDS), found, as_json=as_json)


@app.command()
def found(name: Annotated[str, typer.Argument(metavar="NAME")], as_json: Json = False) -> None:
    """Found a further organisation, which you own. Enter it with `palisade switch`."""
    with connected() as api:
        made = api.post("/organizations", {"name": name})
    output.show(tables.fields(made, Id="organization_id", Name="name"), made, as_json=as_json)


@app.command()
def rename(name: Annotated[str, typer.Argument(metavar="NAME")], as_json: Json = False) -> None:
    """Give it another name."""
    with connected() as api:
        changed = api.put(_path(api), {"name": name})
    output.show(tables.fields(changed, **FIELDS), changed, as_json=as_json)


@app.command()
def usage(as_json: Json = False) -> None:
    """Show what is used of the plan, and what is left."""
    with connected() as api:
        report = api.get(f"{_path(api)}/usage")
    output.show(_usage(report), report, as_json=as_json)


@app.command()
def plan(
    name: Annotated[str | None, typer.Argument(metavar="PLAN", help="The plan to change to.")] = None,
    as_json: Json = False,
) -> None:
    """Show the plans, or change to one."""
    with connected() as api:
        path = f"{_path(api)}/subscription"
        known = api.put(path, {"plan": name}) if name else api.get(path)
    output.show(_plans(known), known, as_json=as_json)


@app.command()
def close(yes: Yes = False, as_json: Json = False) -> None:
    """Close it. It can be restored for 30 days; then everything that belongs to it is erased."""
    with connected() as api:
        mine = _mine(api)
        name = mine["name"] if yes else _typed(mine["name"])
        closed = api.post(f"/organizations/{mine['organization_id']}/close", {"name": name})
    output.show(tables.fields(closed, **FIELDS), closed, as_json=as_json)


@app.command()
def restore(as_json: Json = False) -> None:
    """Take the closing back."""
    with connected() as api:
        restored = api.post(f"{_path(api)}/restore")
    output.show(tables.fields(restored, **FIELDS), restored, as_json=as_json)


@app.command()
def transfer(
    user: Annotated[str, typer.Argument(metavar="USER", help="The id of another administrator.")],
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Hand it over: somebody else owns it."""
    with connected() as api:
        mine = _mine(api)
        name = mine["name"] if yes else _typed(mine["name"])
        path = f"/organizations/{mine['organization_id']}/transfer"
        changed = api.post(path, {"user_id": user, "name": name})
    output.show(tables.fields(changed, **FIELDS), changed, as_json=as_json)


@app.command()
def providers(as_json: Json = False) -> None:
    """List the providers whose people may work here."""
    with connected() as api:
        page = api.listed(f"{_path(api)}/delegations", None)
    columns = {"Provider": "provider_id", "Roles": "roles", "Ends": "ends_at", "People": "user_ids", "Note": "note"}
    output.show(tables.plain(page["items"], **columns), page, as_json=as_json)


@app.command()
def delegate(
    provider: Provider,
    role: Annotated[list[str], typer.Option(help="What its people are here, such as analyst (repeatable).")],
    person: Annotated[list[str] | None, typer.Option(help="One of its people, by id; any without it.")] = None,
    ends: Annotated[str | None, typer.Option(metavar="TIME", help="When it ends: 2027-01-31T00:00:00Z.")] = None,
    note: Annotated[str, typer.Option(help="What it is for.")] = "",
    as_json: Json = False,
) -> None:
    """Let a provider's people work here, or change what they may."""
    body = {"roles": role, "user_ids": person or [], "ends_at": ends, "note": note}
    with connected() as api:
        granted = api.put(f"{_path(api)}/delegations/{provider}", body)
    columns = {"Provider": "provider_id", "Roles": "roles", "Ends": "ends_at", "People": "user_ids"}
    output.show(tables.fields(granted, **columns), granted, as_json=as_json)


@app.command()
def undelegate(provider: Provider, yes: Yes = False, as_json: Json = False) -> None:
    """Let a provider's people in no longer; their sessions here end."""
    with connected() as api:
        confirm(f"End what {output.safe(provider)} may do here?", yes=yes)
        api.delete(f"{_path(api)}/delegations/{provider}")
    said = {"provider_id": provider, "ended": True}
    output.show(f"{output.safe(provider)} may not come any more.", said, as_json=as_json)


@app.command()
def customers(as_json: Json = False) -> None:
    """List the organisations that let your people in."""
    with connected() as api:
        page = api.listed(f"{_path(api)}/customers", None)
    columns = {"Id": "customer_id", "Name": "customer_name", "Roles": "roles", "Ends": "ends_at"}
    output.show(tables.plain(page["items"], **columns), page, as_json=as_json)


def _mine(api: Api) -> Resource:
    mine: Resource = api.listed("/organizations", 1)["items"][0]
    return mine


def _path(api: Api) -> str:
    return f"/organizations/{_mine(api)['organization_id']}"


def _typed(name: str) -> str:
    """What somebody types to confirm. Raises WrongUsage where nobody can be asked."""
    if not sys.stdin.isatty():
        raise WrongUsage("Nobody can be asked here: say --yes.")
    return str(typer.prompt(f"Type its name to confirm ({output.safe(name)})", err=True))


def _usage(report: Resource) -> RenderableType:
    table = tables.grid("What", "Used", "Of", "", "Period")
    for line in report["lines"]:
        metered = line["metered"]
        limit = _number(metered, line["limit"]) if line["limit"] else "no limit"
        words = metered.replace("_", " ").capitalize()
        tables.row(table, words, _number(metered, line["used"]), limit, _bar(line), line["period"])
    return Group(Text(f"Plan: {output.safe(report['plan'])}\n"), table)


def _bar(line: Resource) -> Text:
    """How full a limit is, as a bar that says so without its colour too."""
    if not line["limit"]:
        return Text("")
    part = min(FULL, line["used"] / line["limit"])
    style = "red" if part >= FULL else "yellow" if part >= NEARLY else "green"
    filled = round(part * BAR)
    return Text("█" * filled, style=style) + Text("░" * (BAR - filled), style="dim") + Text(f" {part:4.0%}")


def _number(metered: str, number: int) -> str:
    if metered != "storage":
        return f"{number:,}"
    size, unit = float(number), 0
    while size >= 1024 and unit < len(UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f"{size:.1f} {UNITS[unit]}" if unit else f"{number} B"


def _plans(known: Resource) -> RenderableType:
    table = tables.grid("Plan", "People", "Scans", "Observations", "Storage", "Requests", "Per_second", "")
    for each in known["available"]:
        limits = [_number(name, each[name]) if each[name] else "no limit" for name in _LIMITS]
        here = "◀ yours" if each["name"] == known["plan"]["name"] else ""
        tables.row(table, each["name"], *limits, f"{each['requests_per_second']:g}", here)
    return table


_LIMITS = ("users", "scans", "observations", "storage", "api_calls")
