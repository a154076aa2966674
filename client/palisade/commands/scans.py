"""Starting, watching and steering scans."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

import typer

from palisade import attestation, output, tables, watching
from palisade.api import Api
from palisade.commands.shared import FailOn, Json, ScanId, Yes, confirm, connected, scan_id
from palisade.errors import ApiProblem, ExitCode, WrongUsage
from palisade.picture import Picture
from palisade.tables import Severity

app = typer.Typer()

Targets = Annotated[
    list[str], typer.Argument(metavar="TARGET...", help="A URL, domain, address, network or host:port.")
]
Profile = Annotated[str, typer.Option(help="quick, comprehensive, stealth or web.")]
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
    attest: Attest = None,
    watch: Watch = False,
    fail_on: FailOn = None,
    as_json: Json = False,
) -> None:
    """Scan targets. Without --watch, print the scan's id and return."""
    if fail_on and not watch:
        raise WrongUsage("--fail-on needs --watch: without it the findings are not known yet.")
    body = definition(targets, profile, name, module, allow, deny, minutes)
    with connected() as api:
        if attest:
            attestation.attest(api, targets, attest)
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
def pause(scan: ScanId, as_json: Json = False) -> None:
    """Let a scan rest; it costs nothing until it is resumed."""
    _steer(scan, "pause", as_json=as_json)


@app.command()
def resume(scan: ScanId, as_json: Json = False) -> None:
    """Let a paused scan go on where it was."""
    _steer(scan, "resume", as_json=as_json)


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
    output.show(f"{output.safe(found['scan_id'])} is {output.safe(found['status'])}.", found, as_json=as_json)
