"""The scans that are kept: their list, and whether their facts are what was written."""

from __future__ import annotations

from typing import Any

import typer

from palisade import output, tables
from palisade.api import PAGE
from palisade.commands.shared import Json, Limit, ScanId, connected, most, scan_id
from palisade.errors import ExitCode

app = typer.Typer(invoke_without_command=True)


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


def _verdict(report: dict[str, Any]) -> Any:
    if not report["damages"]:
        return f"{report['checked']:,} objects with {report['bytes']:,} bytes are what was written."
    table = tables.grid("Object", "Problem", "Bytes", "Should be")
    for each in report["damages"]:
        shown = (each["object"], each["problem"], each["found_bytes"], each["expected_bytes"])
        tables.row(table, *("" if value is None else value for value in shown))
    return table
