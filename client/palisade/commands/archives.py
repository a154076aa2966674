"""The scans that are kept: their list, whether their facts are what was written, and how they come and go as files."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from palisade import archive, output, tables
from palisade.api import PAGE, Api
from palisade.commands.shared import Json, Limit, ScanId, connected, most, scan_id
from palisade.errors import ExitCode, PalisadeError, WrongUsage

app = typer.Typer(invoke_without_command=True)
EVERY_SECONDS = 1.0
SUFFIXES = {".tar": "palisade", ".csv": "csv"}


class FileFormat(StrEnum):
    """What a file of facts is."""

    PALISADE = "palisade"
    STIX = "stix"
    CSV = "csv"
    SPIDERFOOT_CSV = "spiderfoot-csv"
    SPIDERFOOT_JSON = "spiderfoot-json"


class NotTakenIn(PalisadeError):
    """A file has faults."""


@app.callback()
def list_scans(context: typer.Context, limit: Limit = 20, as_json: Json = False) -> None:
    """List the scans, the newest first; keep, move and check what they found."""
    if context.invoked_subcommand:
        return
    with connected() as api:
        found = api.listed("/scans", most(limit))
    output.show(tables.scans(found["items"]), found, as_json=as_json)


@app.command()
def verify(scan: ScanId, as_json: Json = False) -> None:
    """Check that a scan's facts are all there, and are what was written. Ends with exit code 7 when they are not."""
    with connected() as api:
        found = scan_id(api, scan)
        path = f"/scans/{found}/integrity"
        page = api.get(path, limit=PAGE)
        report: dict[str, Any] = {"scan_id": found, **page}
        while page["next_cursor"]:
            page = api.get(path, limit=PAGE, cursor=page["next_cursor"])
            for name in ("checked", "bytes", "damages"):
                report[name] += page[name]
    report["next_cursor"] = None
    output.show(_verdict(report), report, as_json=as_json)
    if report["damages"]:
        raise typer.Exit(ExitCode.DAMAGED)


@app.command("export")
def export_scan(
    scan: ScanId,
    target: Annotated[Path, typer.Argument(metavar="FILE", help="The archive to write, such as `scan.tar`.")],
    as_json: Json = False,
) -> None:
    """Save a whole scan as one file, which `palisade scans import` takes in again, here or elsewhere."""
    with connected() as api:
        found = scan_id(api, scan)
        size = archive.save(api, found, target)
    output.show(f"{target} ({size:,} bytes)", {"scan_id": found, "file": str(target), "bytes": size}, as_json=as_json)


@app.command("import")
def import_scan(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="An archive, or a file of facts of another tool.")],
    kind: Annotated[FileFormat | None, typer.Option("--format", help="What the file is; .tar and .csv tell.")] = None,
    name: Annotated[str | None, typer.Option(help="What the scan is called; by default after the file.")] = None,
    team: Annotated[str | None, typer.Option(help="The team that alone sees it.")] = None,
    as_json: Json = False,
) -> None:
    """Take in a file as a scan that has ended. A file with faults is refused whole, and each fault is told."""
    form = kind.value if kind else SUFFIXES.get(source.suffix.lower())
    if form is None:
        raise WrongUsage(f"{source} does not tell its format: say --format.")
    if not source.is_file():
        raise WrongUsage(f"There is no file {source}.")
    body = {"name": name or source.stem[:120], "format": form, **({"team_id": team} if team else {})}
    with connected() as api:
        made = _taken_in(api, body, source)
    if made["status"] == "failed":
        raise NotTakenIn("\n".join(_fault(each) for each in made["faults"]) or "The file was not taken in.")
    output.show(f"{made['scan_id']} has {made['observations']:,} facts.", made, as_json=as_json)
    if made.get("skipped") and not as_json:
        left_out = ", ".join(f"{number} of {output.safe(kind)}" for kind, number in made["skipped"].items())
        output.hint(f"There is no type here for: {left_out}.")


def _taken_in(api: Api, body: dict[str, Any], source: Path) -> dict[str, Any]:
    """Upload the file and wait until it is taken in, or not."""
    path = f"/imports/{api.post('/imports', body)['import_id']}"
    archive.upload(api.get(path)["upload_url"], source)
    made = api.post(f"{path}/start")
    while made["status"] == "running":
        time.sleep(EVERY_SECONDS)
        made = api.get(path)
    return made


def _fault(fault: dict[str, Any]) -> str:
    return f"line {fault['line']}: {fault['detail']}" if fault["line"] else str(fault["detail"])


def _verdict(report: dict[str, Any]) -> Any:
    if not report["damages"]:
        return f"{report['checked']:,} objects with {report['bytes']:,} bytes are what was written."
    table = tables.grid("Object", "Problem", "Bytes", "Should be")
    for each in report["damages"]:
        shown = (each["object"], each["problem"], each["found_bytes"], each["expected_bytes"])
        tables.row(table, *("" if value is None else value for value in shown))
    return table
