"""What scans found: findings, observations, graph, log and reports."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from palisade import graph_page, output, reports, tables
from palisade.api import STDOUT, Api
from palisade.commands.scans import judge
from palisade.commands.shared import FailOn, Json, Limit, ScanId, connected, most, scan_id, segment
from palisade.errors import WrongUsage
from palisade.reports import Format
from palisade.tables import Severity

app = typer.Typer()
FOLLOW_SECONDS = 2.0
GRAPH_FORMATS = {
    ".stix.json": "stix",
    **{f".{kind}": kind for kind in ("json", "gexf", "graphml", "csv", "xlsx")},
}
SUFFIXES = ", ".join((".html", *GRAPH_FORMATS))

Output = Annotated[Path | None, typer.Option("--output", "-o", help="The file to write; - for stdout.")]
OfScan = Annotated[
    str | None, typer.Option("--scan", metavar="SCAN", help="Of this scan alone; `latest` will do.", callback=segment)
]


class FindingStatus(StrEnum):
    """Where a finding can be moved."""

    TRIAGED = "triaged"
    IN_PROGRESS = "in_progress"
    FIXED = "fixed"
    ACCEPTED = "accepted"
    FALSE_POSITIVE = "false_positive"
    CLOSED = "closed"
    REOPENED = "reopened"


@app.command("findings")
def list_findings(
    scan: OfScan = None,
    severity: Annotated[list[Severity] | None, typer.Option(help="Of this severity (repeatable).")] = None,
    limit: Limit = 0,
    fail_on: FailOn = None,
    as_json: Json = False,
) -> None:
    """List findings, the gravest first."""
    with connected() as api:
        path = f"/scans/{scan_id(api, scan)}/findings" if scan else "/findings"
        found = _findings(api, path, severity, most(limit))
    output.show(tables.findings(found["items"]), found, as_json=as_json)
    judge(tables.by_severity(found["items"]), fail_on)


@app.command()
def finding(
    finding_id: Annotated[str, typer.Argument(metavar="FINDING", callback=segment)],
    status: Annotated[FindingStatus | None, typer.Option(help="Move the finding there.")] = None,
    reason: Annotated[str, typer.Option(help="Why; accepting a risk or calling it false needs one.")] = "",
    as_json: Json = False,
) -> None:
    """Show a finding, or move it on."""
    path = f"/findings/{finding_id}"
    with connected() as api:
        found = api.put(f"{path}/status", {"status": status, "reason": reason}) if status else api.get(path)
    output.show(tables.finding(found), found, as_json=as_json)


@app.command()
def observations(
    scan: ScanId,
    types: Annotated[list[str] | None, typer.Option("--type", help="Of this type, such as `url` (repeatable).")] = None,
    module: Annotated[list[str] | None, typer.Option(help="From this module (repeatable).")] = None,
    value: Annotated[str | None, typer.Option(help="With exactly this value.")] = None,
    prefix: Annotated[str | None, typer.Option(help="With a value that begins like this.")] = None,
    contains: Annotated[str | None, typer.Option(help="With this text in the value.")] = None,
    source: Annotated[str | None, typer.Option(help="That this observation led to.")] = None,
    since: Annotated[str | None, typer.Option(help="Observed then or later, such as 2026-01-31T12:00:00Z.")] = None,
    until: Annotated[str | None, typer.Option(help="Observed then or earlier.")] = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List the facts that a scan gathered, the oldest first."""
    with connected() as api:
        path = f"/scans/{scan_id(api, scan)}/observations"
        asked = {"value": value, "prefix": prefix, "contains": contains, "source": source}
        found = api.listed(path, most(limit), type=types, module=module, since=since, until=until, **asked)
    output.show(tables.observations(found["items"]), found, as_json=as_json)
    if found["next_cursor"] and not as_json:
        output.hint("There are more: --limit 0 lists all.")


@app.command()
def log(
    scan: ScanId,
    limit: Limit = 200,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Stay, and show what comes until the scan ends.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show what a scan's modules have to say."""
    with connected() as api:
        path = f"/scans/{scan_id(api, scan)}"
        if follow:
            _follow_log(api, path, as_json=as_json)
            return
        found = api.listed(f"{path}/log", most(limit))
    output.show(tables.log(found["items"]), found, as_json=as_json)


def _follow_log(api: Api, path: str, *, as_json: bool) -> None:
    """Print each entry once, as it comes; an entry whose count has grown is printed anew. With --json, one a line."""
    seen: set[tuple[Any, ...]] = set()
    while True:
        is_over = api.get(path).get("finished_at") is not None
        for entry in api.listed(f"{path}/log", None)["items"]:
            key = tuple(entry.values())
            if key not in seen:
                seen.add(key)
                output.line(json.dumps(entry) if as_json else _words(entry))
        if is_over:
            return
        time.sleep(FOLLOW_SECONDS)


def _words(entry: dict[str, Any]) -> str:
    times = f" ({entry['count']} times)" if entry["count"] > 1 else ""
    about = f": {entry['value']}" if entry["value"] else ""
    return f"{entry['level']:8}{entry['module']}: {entry['message']}{about}{times}"


@app.command()
def graph(
    scan: ScanId,
    target: Annotated[Path, typer.Option("--output", "-o", help=f"A file that ends in {SUFFIXES}.")],
    as_json: Json = False,
) -> None:
    """Save a scan's knowledge graph; the file's suffix says in which format. An .html is a page to look at it."""
    save = saver_of_graph(target)
    with connected() as api:
        size = save(api, f"/scans/{scan_id(api, scan)}/graph")
    tell_saved(target, size, as_json=as_json)


@app.command()
def report(
    scan: ScanId,
    kind: Annotated[Format, typer.Option("--format", help="The report's format.")] = Format.PDF,
    target: Output = None,
    as_json: Json = False,
) -> None:
    """Have a report of a scan made, wait for it and save it."""
    with connected() as api:
        found = scan_id(api, scan)
        target = target or Path(f"{found}.{kind.value}")
        with reports.waiting(silent=as_json):
            made = reports.make(api, found, kind)
        size = api.save(made["download_url"], target)
    tell_saved(target, size, as_json=as_json, report_id=made["report_id"])


def saver_of_graph(target: Path) -> Callable[[Api, str], int]:
    """What saves a graph in the format that the file's name tells, and tells its bytes. Raises WrongUsage."""
    name = target.name.lower()
    if name.endswith(".html"):
        return lambda api, path: api.save(path, target, graph_page.page, format="json")
    for suffix, kind in GRAPH_FORMATS.items():
        if name.endswith(suffix):
            return lambda api, path: api.save(path, target, format=kind)
    raise WrongUsage(f"{target} does not end in {SUFFIXES}.")


def _findings(api: Api, path: str, severities: list[Severity] | None, limit: int | None) -> dict[str, Any]:
    """Findings of some severities, the gravest first; of all when none is named."""
    if not severities:
        return api.listed(path, limit)
    items: list[dict[str, Any]] = []
    for severity in (name for name in Severity if name in severities):
        left = None if limit is None else limit - len(items)
        page = api.listed(path, left, severity=severity.value) if left != 0 else {"items": []}
        items += page["items"]
    return {"items": items, "next_cursor": None}


def tell_saved(target: Path, size: int, *, as_json: bool, **more: str) -> None:
    """Say where a file is, unless it went to stdout itself."""
    if target == STDOUT:
        return
    output.show(f"{target} ({size:,} bytes)", {"file": str(target), "bytes": size, **more}, as_json=as_json)
