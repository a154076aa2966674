"""Starting, watching and steering scans."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from palisade import attestation, output, tables, watching
from palisade.api import Api
from palisade.commands.shared import FailOn, Json, Limit, ScanId, Yes, confirm, connected, most, scan_id, segment
from palisade.errors import ApiProblem, ExitCode, WrongUsage
from palisade.picture import Picture
from palisade.tables import Severity

app = typer.Typer()

Targets = Annotated[
    list[str], typer.Argument(metavar="TARGET...", help="A URL, domain, address, network or host:port.")
]
Profile = Annotated[
    str, typer.Option(help="quick, comprehensive, stealth, web, intrusive, or one of your own (`palisade profiles`).")
]
Name = Annotated[str | None, typer.Option(help="What the scan is called; by default after its targets.")]
Modules = Annotated[
    list[str] | None, typer.Option("--module", help="Run this module (repeatable) instead of the profile's.")
]
Allow = Annotated[
    list[str] | None, typer.Option(help="A host, *.domain or network that belongs to the scope (repeatable).")
]
Deny = Annotated[
    list[str] | None, typer.Option(help="A host, *.domain or network that must not be touched (repeatable).")
]
Minutes = Annotated[float | None, typer.Option(help="End the scan after so many minutes.")]
Dollars = Annotated[float | None, typer.Option(help="End the scan when it has cost so much.")]
Rate = Annotated[float | None, typer.Option(help="Requests a second to one host, of all workers together.")]
InFlight = Annotated[
    int | None, typer.Option(help="Requests in flight to one host, of all the scan's workers together.")
]
Robots = Annotated[bool, typer.Option("--robots", help="Leave out what a site's robots.txt asks to leave out.")]
CalendarFile = Annotated[
    Path | None, typer.Option("--calendar", help="A JSON file with the windows and blackouts in which it may run.")
]
Attest = Annotated[
    str | None,
    typer.Option(
        metavar="STATEMENT", help="State, in your words, who allowed the scan. It is kept with your name and the time."
    ),
]
Watch = Annotated[bool, typer.Option("--watch/--no-watch", help="Stay and show the scan until it ends.")]


@app.command()
def scan(
    targets: Targets,
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
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what it will come to; send nothing.")] = False,
    watch: Watch = False,
    fail_on: FailOn = None,
    as_json: Json = False,
) -> None:
    """Scan targets. Without --watch, print the scan's id and return."""
    if fail_on and not watch:
        raise WrongUsage("--fail-on needs --watch: without it the findings are not known yet.")
    body = definition(targets, profile, name, module, allow, deny, minutes)
    body |= manners(body, dollars, rate, calendar, robots=robots, in_flight=in_flight)
    with connected() as api:
        if attest:
            attestation.attest(api, targets, attest)
        if dry_run:
            _foresee(api, body, as_json=as_json)
            return
        started = start(api, body)
        if watch:
            _follow(api, started["scan_id"], fail_on, as_json=as_json)
            return
    output.show(started["scan_id"], started, as_json=as_json)
    if not as_json:
        output.hint(f"The scan runs; `palisade watch {started['scan_id']}` shows it.")


@app.command("scan-status")
def scan_status(scan: ScanId, as_json: Json = False) -> None:
    """Show how a scan stands."""
    with connected() as api:
        path = f"/scans/{scan_id(api, scan)}"
        found, progress = api.get(path), api.get(f"{path}/progress")
    output.show(tables.scan(found, progress), found | {"progress": progress}, as_json=as_json)


@app.command()
def watch(scan: ScanId = "latest", fail_on: FailOn = None, as_json: Json = False) -> None:
    """Show a scan until it ends, then its findings. Ctrl-C leaves the scan running."""
    with connected() as api:
        _follow(api, scan_id(api, scan), fail_on, as_json=as_json)


@app.command()
def estimate(scan: ScanId, as_json: Json = False) -> None:
    """Show what a scan will come to, before it is started or again."""
    with connected() as api:
        found = api.get(f"/scans/{scan_id(api, scan)}/estimate")
    output.show(tables.estimate(found), found, as_json=as_json)


@app.command()
def rescan(
    scan: ScanId = "latest",
    name: Name = None,
    fresh: Annotated[int, typer.Option(metavar="MINUTES", help="Do not repeat what was done within so long.")] = 0,
    full: Annotated[bool, typer.Option("--full", help="Do everything anew.")] = False,
    watch: Watch = False,
    fail_on: FailOn = None,
    as_json: Json = False,
) -> None:
    """Repeat a scan that has ended: only what has changed is done, the rest is taken over."""
    with connected() as api:
        body = {"fresh_minutes": fresh, "full": full} | ({"name": name} if name else {})
        made = api.post(f"/scans/{scan_id(api, scan)}/rescan", body)
        started = api.post(f"/scans/{made['scan_id']}/start")
        if watch:
            _follow(api, started["scan_id"], fail_on, as_json=as_json)
            return
    output.show(started["scan_id"], started, as_json=as_json)


@app.command()
def diff(
    scan: ScanId = "latest",
    base: Annotated[
        str | None, typer.Argument(help="The earlier scan; by default the one that it repeats.", callback=segment)
    ] = None,
    limit: Limit = 200,
    as_json: Json = False,
) -> None:
    """Show what a scan found otherwise than an earlier one."""
    with connected() as api:
        found = api.listed(f"/scans/{scan_id(api, scan)}/differences", most(limit), base=base)
    output.show(tables.differences(found["items"]), found, as_json=as_json)


@app.command()
def pause(scan: ScanId, as_json: Json = False) -> None:
    """Let a scan rest until it is resumed; it costs nothing meanwhile."""
    _steer(scan, "pause", as_json=as_json)


@app.command()
def resume(
    scan: ScanId,
    despite_calendar: Annotated[
        bool, typer.Option("--despite-calendar", help="Go on at once, although its calendar is closed.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Let a paused scan go on where it was. Outside its calendar it rests until that opens."""
    _steer(scan, "resume?despite_calendar=true" if despite_calendar else "resume", as_json=as_json)


@app.command()
def stop(scan: ScanId, as_json: Json = False) -> None:
    """End a scan; what it found stays."""
    _steer(scan, "stop", as_json=as_json)


@app.command()
def delete(scan: ScanId, yes: Yes = False, as_json: Json = False) -> None:
    """Remove a scan and all it found."""
    with connected() as api:
        found = scan_id(api, scan)
        confirm(f"Remove {output.safe(found)} and all it found?", yes=yes)
        api.delete(f"/scans/{found}")
    output.show(f"{output.safe(found)} is removed.", {"scan_id": found, "deleted": True}, as_json=as_json)


def definition(
    targets: list[str],
    profile: str,
    name: str | None = None,
    modules: list[str] | None = None,
    allow: list[str] | None = None,
    deny: list[str] | None = None,
    minutes: float | None = None,
) -> dict[str, Any]:
    """A scan as `POST /scans` takes it; what is not given is left to the platform."""
    more = f" and {len(targets) - 1} more" if len(targets) > 1 else ""
    body: dict[str, Any] = {"name": name or f"{targets[0][:100]}{more}", "targets": targets, "profile": profile}
    scope = {key: value for key, value in (("allow", allow), ("deny", deny)) if value}
    optional = {"modules": modules, "scope": scope, "budget": {} if minutes is None else {"minutes": minutes}}
    return body | {key: value for key, value in optional.items() if value}


def manners(
    body: dict[str, Any],
    dollars: float | None,
    rate: float | None,
    calendar: Path | None,
    *,
    robots: bool,
    in_flight: int | None = None,
) -> dict[str, Any]:
    """How a scan behaves, as `POST /scans` takes it; what is not given is left to its profile."""
    wished = {"requests_per_second": rate, "in_flight": in_flight, "respect_robots": robots or None}
    politeness = {name: value for name, value in wished.items() if value is not None}
    budget = body.get("budget", {}) | ({"dollars": dollars} if dollars is not None else {})
    given = {"budget": budget, "politeness": politeness, "calendar": read_calendar(calendar) if calendar else None}
    return {key: value for key, value in given.items() if value}


def read_calendar(file: Path) -> dict[str, Any]:
    """A calendar from its file. Raises WrongUsage."""
    try:
        read = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise WrongUsage(f"{file} is no calendar: {error}") from None
    if not isinstance(read, dict):
        raise WrongUsage(f"{file} is no calendar: it has windows, blackouts and a timezone.")
    return read


def _foresee(api: Api, body: dict[str, Any], *, as_json: bool) -> None:
    """What a scan would come to. It is defined for that, and removed again; nothing is sent."""
    created = api.post("/scans", body)
    try:
        found = api.get(f"/scans/{created['scan_id']}/estimate")
    finally:
        api.delete(f"/scans/{created['scan_id']}")
    output.show(tables.estimate(found), found, as_json=as_json)
    if not as_json:
        output.hint("Nothing was sent.")


def start(api: Api, body: dict[str, Any]) -> dict[str, Any]:
    """Define a scan and start it; one that cannot be started is not left behind."""
    created = api.post("/scans", body)
    try:
        return api.post(f"/scans/{created['scan_id']}/start")
    except ApiProblem:
        api.delete(f"/scans/{created['scan_id']}")
        raise


def _follow(api: Api, scan: str, fail_on: Severity | None, *, as_json: bool) -> None:
    """Watch a scan to its end and show what it found; the exit code says how it went."""
    try:
        with watching.display(silent=as_json) as show:
            picture = watching.watch(api, scan, show)
    except KeyboardInterrupt:
        output.hint(f"The scan goes on: `palisade watch {scan}` shows it again, `palisade stop {scan}` ends it.")
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    found = api.listed(f"/scans/{scan}/findings", None)["items"]
    output.show(tables.findings(found, brief=True), picture.scan | {"findings": found}, as_json=as_json)
    _end(picture, fail_on, as_json=as_json)


def _end(picture: Picture, fail_on: Severity | None, *, as_json: bool) -> None:
    if picture.status != "finished":
        if not as_json:
            output.err().print(f"The scan {picture.status}: {output.safe(picture.scan.get('reason') or 'by request')}")
        raise typer.Exit(ExitCode.SCAN_NOT_FINISHED)
    judge(picture.findings, fail_on)


def judge(found: Counter[str], fail_on: Severity | None) -> None:
    """End with the exit code for findings when there is one of the severity, or graver."""
    if fail_on and any(found[name] for name in Severity if name.reaches(fail_on)):
        raise typer.Exit(ExitCode.FINDINGS)


def _steer(scan: str, verb: str, *, as_json: bool) -> None:
    with connected() as api:
        found = api.post(f"/scans/{scan_id(api, scan)}/{verb}")
    why = f" {output.safe(found['reason'])}" if found.get("reason") else ""
    output.show(f"{output.safe(found['scan_id'])} is {output.safe(found['status'])}.{why}", found, as_json=as_json)
