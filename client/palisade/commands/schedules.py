"""Scans that recur."""

from __future__ import annotations

from typing import Annotated

import typer

from palisade import attestation, output, tables
from palisade.commands.scans import (
    Allow,
    Attest,
    CalendarFile,
    Deny,
    Dollars,
    InFlight,
    Minutes,
    Modules,
    Name,
    Profile,
    Rate,
    Robots,
    Targets,
    definition,
    manners,
)
from palisade.commands.shared import Json, Yes, confirm, connected, segment

app = typer.Typer(help="Scans that recur.")
ScheduleId = Annotated[str, typer.Argument(metavar="SCHEDULE", callback=segment)]
COLUMNS = {
    "Id": "schedule_id",
    "Name": "name",
    "Cron": "cron",
    "Zone": "timezone",
    "Targets": "targets",
    "Profile": "profile",
    "Last_scan": "last_scan_id",
}


@app.callback(invoke_without_command=True)
def list_schedules(context: typer.Context, as_json: Json = False) -> None:
    """List the recurring scans."""
    if context.invoked_subcommand is not None:
        return
    with connected() as api:
        found = api.listed("/schedules", None)
    output.show(tables.plain(found["items"], **COLUMNS), found, as_json=as_json)


@app.command()
def add(
    targets: Targets,
    cron: Annotated[str, typer.Option(help="When: five fields, such as '30 2 * * 1'.")],
    timezone: Annotated[str, typer.Option(help="The zone of these times, such as Europe/Zurich.")] = "UTC",
    profile: Profile = "quick",
    name: Name = None,
    module: Modules = None,
    allow: Allow = None,
    deny: Deny = None,
    minutes: Minutes = None,
    dollars: Dollars = None,
    rate: Rate = None,
    in_flight: InFlight = None,
    robots: Robots = False,
    calendar: CalendarFile = None,
    attest: Attest = None,
    as_json: Json = False,
) -> None:
    """Set up a recurring scan."""
    body = definition(targets, profile, name, module, allow, deny, minutes) | {"cron": cron, "timezone": timezone}
    body |= manners(body, dollars, rate, calendar, robots=robots, in_flight=in_flight)
    with connected() as api:
        if attest:
            attestation.attest(api, targets, attest)
        found = api.post("/schedules", body)
    output.show(tables.fields(found, **COLUMNS), found, as_json=as_json)


@app.command()
def occasions(schedule: ScheduleId, as_json: Json = False) -> None:
    """Show when a recurring scan runs next."""
    with connected() as api:
        found = api.get(f"/schedules/{schedule}/occasions")
    output.show(tables.plain(found["items"], Local="local", Here="at", Note="note"), found, as_json=as_json)


@app.command()
def remove(schedule: ScheduleId, yes: Yes = False, as_json: Json = False) -> None:
    """Remove a recurring scan; scans that it started stay."""
    with connected() as api:
        confirm(f"Remove {output.safe(schedule)}?", yes=yes)
        api.delete(f"/schedules/{schedule}")
    output.show(f"{output.safe(schedule)} is removed.", {"schedule_id": schedule, "deleted": True}, as_json=as_json)
