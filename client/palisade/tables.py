"""Resources as tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from palisade.output import safe

Resource = dict[str, Any]


class Severity(StrEnum):
    """How grave a finding is, the gravest first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    def reaches(self, threshold: Severity) -> bool:
        """Whether this is as grave as the threshold, or graver."""
        order = list(Severity)
        return order.index(self) <= order.index(threshold)


SEVERITY_STYLES: dict[str, str] = {
    Severity.CRITICAL: "bold white on red",
    Severity.HIGH: "bold red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "cyan",
    Severity.INFO: "dim",
}
KEPT_WHOLE = frozenset({"E-mail", "Id", "Password", "Scan", "Severity", "Status"})
"""Columns that are not broken into lines: a reader copies them, or looks for them."""
DIFFERENCES = {
    "added": ("new", "green"),
    "removed": ("gone", "red"),
    "changed": ("changed", "yellow"),
    "not_looked_for": ("not looked for", "dim"),
}
STATUS_STYLES = {"finished": "green", "failed": "bold red", "stopped": "red", "running": "cyan", "paused": "yellow"}


def grid(*columns: str, title: str | None = None) -> Table:
    """An empty table in the house's style."""
    table = Table(
        title=title, box=SIMPLE_HEAD, show_edge=False, title_justify="left", title_style="bold", pad_edge=False
    )
    for name in columns:
        table.add_column(name, overflow="fold", no_wrap=name in KEPT_WHOLE)
    return table


def row(table: Table, *values: Any) -> None:
    """Add a row; text that came from elsewhere is made safe."""
    table.add_row(*(value if isinstance(value, Text) else Text(safe(_words(value))) for value in values))


def details(pairs: Iterable[tuple[str, Any]]) -> Table:
    """One resource: its fields by name, an item of a list on each line; what is empty is left out."""
    table = Table.grid(padding=(0, 2))
    for name, value in pairs:
        if value not in (None, "", [], {}):
            lines = Text("\n".join(map(safe, value))) if isinstance(value, list) else value
            row(table, Text(name, style="dim"), lines)
    return table


def status(name: str) -> Text:
    """A scan's or report's status in its colour."""
    return Text(safe(name), style=STATUS_STYLES.get(name, ""))


def severity(name: str) -> Text:
    """A severity in its colour."""
    return Text(safe(name), style=SEVERITY_STYLES.get(name, ""))


def moment(stamp: str | None) -> str:
    """A point in time as the reader's clock shows it, to the second."""
    if not stamp:
        return ""
    try:
        return datetime.fromisoformat(stamp).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return stamp


def scans(items: list[Resource]) -> Table:
    """Scans in brief."""
    table = grid("Scan", "Status", "Name", "Profile", "Created", "Observations", "Findings")
    for item in items:
        tally = item.get("tally", {})
        row(
            table,
            *(item["scan_id"], status(item["status"]), item["name"], item.get("profile", "")),
            *(moment(item["created_at"]), tally.get("observations", 0), tally.get("findings", 0)),
        )
    return table


def scan(item: Resource, progress: Resource | None = None) -> Table:
    """One scan."""
    tally, scope = item.get("tally", {}), item.get("scope", {})
    batches = f"{progress['batches_done']} of {progress['batches']}" if progress and progress["batches"] else ""
    return details(
        [
            ("Scan", item["scan_id"]),
            ("Name", item["name"]),
            ("Status", status(item["status"])),
            ("Reason", item.get("reason")),
            ("Profile", item.get("profile")),
            ("Targets", item["targets"]),
            ("Allowed", scope.get("allow")),
            ("Denied", scope.get("deny")),
            ("Modules", list(item.get("modules", {}))),
            ("Wave", item.get("wave")),
            ("Batches", batches),
            ("Observations", tally.get("observations")),
            ("Entities", tally.get("entities")),
            ("Findings", tally.get("findings")),
            ("Errors", tally.get("errors")),
            ("Created", moment(item["created_at"])),
            ("Started", moment(item.get("started_at"))),
            ("Ended", moment(item.get("finished_at"))),
        ]
    )


def estimate(item: Resource) -> Group:
    """What a scan will come to: a range for all of it, and its first wave."""
    ranges = grid("All of it", "Low", "Likely", "High")
    for name in ("tasks", "packets", "minutes", "dollars"):
        row(ranges, name, *(f"{item[name][bound]:,g}" for bound in ("low", "likely", "high")))
    first = grid("First wave", "Facts", "Kind", "For example")
    for each in item["first_wave"]:
        row(first, each["module"], each["tasks"], each["invasiveness"], "; ".join(each["examples"]))
    warnings = [Text(f"More than the budget: {safe(text)}", style="yellow") for text in item["exceeds"]]
    idle = [Text(f"{safe(name)} has nothing to do: {safe(why)}", style="dim") for name, why in item["idle"].items()]
    return Group(ranges, Text(f"Basis: {safe(item['basis'])}\n", style="dim"), first, *warnings, *idle)


def differences(items: list[Resource]) -> Table | Text:
    """What two scans found otherwise."""
    if not items:
        return Text("Both found the same.")
    table = grid("", "Type", "Value", "What")
    for item in items:
        word, style = DIFFERENCES.get(item["kind"], (item["kind"], ""))
        changed = "; ".join(f"{name}: {before} → {after}" for name, (before, after) in item["changed"].items())
        row(table, Text(word, style=style), item["type"], item["value"], changed)
    return table


def counts(found: Counter[str]) -> Text:
    """How many findings there are of each severity, in one line."""
    parts = [Text(f" {found[name]} {name} ", style=SEVERITY_STYLES[name]) for name in Severity if found[name]]
    return Text(" ").join(parts) if parts else Text("none", style="dim")


def by_severity(items: Iterable[Resource]) -> Counter[str]:
    """How many findings there are of each severity."""
    return Counter(str(item["severity"]) for item in items)


def findings(items: list[Resource], *, brief: bool = False) -> RenderableType:
    """Findings, the gravest first, with their number by severity; in brief without status and id."""
    more = {} if brief else {"Status": "status", "Id": "finding_id"}
    columns = {"Finding": "title", "Asset": "asset", **more}
    table = grid("Severity", *columns)
    order = {name.value: rank for rank, name in enumerate(Severity)}
    for item in sorted(items, key=lambda item: (order.get(item["severity"], len(order)), item["title"], item["asset"])):
        row(table, severity(item["severity"]), *(item[field] for field in columns.values()))
    return Group(table, Text(), Text("Findings: ") + counts(by_severity(items)))


def finding(item: Resource) -> Table:
    """One finding: what it is, how it is known and what to do."""
    history = [f"{moment(change['at'])} {change['before']} → {change['after']}" for change in item.get("history", [])]
    return details(
        [
            ("Finding", item["finding_id"]),
            ("Severity", severity(item["severity"])),
            ("Title", item["title"]),
            ("Asset", item["asset"]),
            ("Status", item["status"]),
            ("Confidence", f"{item['confidence']:.0%}" if "confidence" in item else None),
            ("Description", item.get("description", "").splitlines()),
            ("Remedy", item.get("remedy", "").splitlines()),
            ("How it is known", item.get("chain")),
            ("References", item.get("references")),
            ("Controls", item.get("controls")),
            ("First seen", moment(item.get("first_seen"))),
            ("Last seen", moment(item.get("last_seen"))),
            ("History", history),
        ]
    )


def observations(items: list[Resource]) -> Table:
    """Facts of a scan."""
    table = grid("Observed", "Type", "Value", "Module", "Confidence")
    for item in items:
        values = (item["type"], item["value"], item["module"])
        row(table, moment(item["observed_at"]), *values, f"{item['confidence']:.0%}")
    return table


def log(items: list[Resource]) -> Table:
    """What a scan's modules had to say."""
    table = grid("Level", "Message", "About", "Times")
    for item in items:
        row(table, *(item[key] for key in ("level", "message", "value", "count")))
    return table


def fields(item: Resource, **columns: str) -> Table:
    """One resource, with the columns of its list (see `plain`)."""
    return details((heading.replace("_", " "), _told(field, item.get(field))) for heading, field in columns.items())


def plain(items: list[Resource], **columns: str) -> Table:
    """A table of some fields: heading=field. A field whose name ends in `_at` is a point in time."""
    table = grid(*(heading.replace("_", " ") for heading in columns))
    for item in items:
        values = (item.get(field) for field in columns.values())
        row(table, *(_told(field, value) for field, value in zip(columns.values(), values, strict=True)))
    return table


def _told(field: str, value: Any) -> Any:
    return moment(value) if field.endswith("_at") else value


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else str("" if value is None else value)
