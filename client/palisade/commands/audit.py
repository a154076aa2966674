"""The audit trail: look at it, take it along, and check that nobody has changed it."""

from __future__ import annotations

import time
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from palisade import output, tables
from palisade.api import STDOUT, Api
from palisade.audit import verify as checking
from palisade.audit.verdict import Fault, Verdict
from palisade.commands.shared import Json, Limit, connected, most
from palisade.errors import ExitCode, ReportFailed, WrongUsage

app = typer.Typer(help="The audit trail: look at it, take it along, and check that nobody has changed it.")
LOOK_EVERY = 0.5
MOST_FAULTS = 50


class Format(StrEnum):
    """What a report of the trail can be."""

    CSV = "csv"
    JSON = "json"
    PDF = "pdf"


class Category(StrEnum):
    """Who looks for an entry."""

    ACTIVITY = "activity"
    SECURITY = "security"
    COMPLIANCE = "compliance"


Since = Annotated[str | None, typer.Option(metavar="TIME", help="From then on, as 2026-01-31T12:00:00Z.")]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="Up to then; by default now.")]
By = Annotated[str | None, typer.Option(metavar="USER", help="By this user's id.")]
Of = Annotated[str | None, typer.Option(help="Of this kind, such as ScanQueued.")]
About = Annotated[str | None, typer.Option(metavar="ID", help="About this resource.")]
OfCategory = Annotated[Category | None, typer.Option(help="Of interest to whom.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="The file to write; - for stdout.")]


@app.command("logs")
def logs(
    since: Since = None,
    until: Until = None,
    actor: By = None,
    action: Of = None,
    resource: About = None,
    category: OfCategory = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List entries, the newest first."""
    wanted = {"since": since, "until": until, "actor": actor, "action": action, "resource": resource}
    with connected() as api:
        found = api.listed("/audit/logs", most(limit), **wanted, category=category)
    flat = [entry | {"who": entry["email"] or entry["user_id"]} for entry in found["items"]]
    columns = {"Time": "at", "Who": "who", "From": "address", "Action": "action", "Resource": "resource"}
    output.show(tables.plain(flat, **columns), found, as_json=as_json)


@app.command("report")
def report(
    kind: Annotated[Format, typer.Option("--format", help="The report's format.")] = Format.PDF,
    since: Since = None,
    until: Until = None,
    actor: By = None,
    action: Of = None,
    resource: About = None,
    category: OfCategory = None,
    target: Output = None,
    as_json: Json = False,
) -> None:
    """Have a report of the trail made, wait for it and save it."""
    filters = {"actor": actor, "action": action, "resource": resource, "category": category}
    body = {"format": kind.value, "filters": {name: value for name, value in filters.items() if value}}
    _save(body, since, until, target or Path(f"audit.{kind.value}"), as_json=as_json)


@app.command("export")
def export(since: Since = None, until: Until = None, target: Output = None, as_json: Json = False) -> None:
    """Save every sealed entry of a period (by default of the last thirty days), with all that proves it."""
    _save({"format": "export"}, since, until, target or Path("audit.jsonl.gz"), as_json=as_json)


@app.command("verify")
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An export.", dir_okay=False)],
    against: Annotated[
        Path | None, typer.Option(metavar="FILE", help="An earlier export, which this one must continue.")
    ] = None,
    fingerprint: Annotated[
        list[str] | None,
        typer.Option(metavar="SHA256", help="The key that signs for the platform (repeatable); others are refused."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check an export, offline: that no entry was changed, taken away, put in or moved since it was sealed."""
    trusted = [text.replace(":", "").lower() for text in fingerprint or ()]
    try:
        lines = checking.read(file)
        if against:
            older = checking.verify(checking.read(against), trusted)
            verdict = checking.verify_with(lines, older, trusted)
            verdict.faults = [*_in_older(older), *verdict.faults]
        else:
            verdict = checking.verify(lines, trusted)
    except checking.Unreadable as problem:
        raise WrongUsage(str(problem)) from problem
    output.show(_told(verdict), {"ok": verdict.is_good, **asdict(verdict)}, as_json=as_json)
    if verdict.is_good and not trusted and not as_json:
        output.hint("Compare the key's fingerprint with the one that the operator publishes, or say --fingerprint.")
    if not verdict.is_good:
        raise typer.Exit(ExitCode.TAMPERED)


def _in_older(older: Verdict) -> list[Fault]:
    return [Fault(fault.code, f"earlier export, {fault.where}", fault.message) for fault in older.faults]


def _told(verdict: Verdict) -> RenderableType:
    pairs = [
        ("Organisation", output.safe(verdict.tenant_id)),
        ("Exported at", output.safe(verdict.exported_at)),
        ("Entries", f"{verdict.entries:,} read, sequence {verdict.first:,} up to {verdict.size:,}"),
        ("Expired", f"{verdict.expired:,} (their hashes are checked)"),
        ("Forgotten", f"{verdict.forgotten:,} (their contents were erased with a person)"),
        ("Blocks", f"{verdict.blocks:,}"),
        ("Anchors", f"{verdict.anchors:,}"),
        ("Log", f"{verdict.head_size:,} entries, root {output.safe(verdict.head_root)}"),
        ("Key", ", ".join(map(output.safe, verdict.fingerprints))),
    ]
    if verdict.is_good:
        return Group(tables.details(pairs), Text("Nothing was changed.", style="bold green"))
    faults = Table("Where", "What", "Kind", box=None)
    for fault in verdict.faults[:MOST_FAULTS]:
        faults.add_row(output.safe(fault.where), output.safe(fault.message), fault.code)
    more = len(verdict.faults) - MOST_FAULTS
    rest = [Text(f"and {more:,} more", style="dim")] if more > 0 else []
    title = Text(f"The trail was changed: {len(verdict.faults):,} faults.", style="bold red")
    return Group(tables.details(pairs), title, faults, *rest)


def _save(body: dict[str, Any], since: str | None, until: str | None, target: Path, *, as_json: bool) -> None:
    period = {name: value for name, value in (("since", since), ("until", until)) if value}
    with connected() as api:
        made = _made(api, body | period)
        size = api.save(made["download_url"], target)
    if target == STDOUT:
        return
    said = {"file": str(target), "bytes": size, "entries": made["entries"], "report_id": made["report_id"]}
    output.show(f"{target} ({size:,} bytes, {made['entries']:,} entries)", said, as_json=as_json)


def _made(api: Api, body: dict[str, Any]) -> dict[str, Any]:
    """Order a report and wait until it is ready; it has a `download_url` then. Raises ReportFailed."""
    made = api.post("/audit/reports", body)
    while made["status"] not in ("ready", "failed"):
        time.sleep(LOOK_EVERY)
        made = api.get(f"/audit/reports/{made['report_id']}")
    if made["status"] == "failed":
        raise ReportFailed(f"The file could not be made: {made.get('reason') or 'no reason was given'}")
    return made if made.get("download_url") else api.get(f"/audit/reports/{made['report_id']}")
