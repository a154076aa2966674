"""The cost model as tables for people, and as figures for other programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from contracts.modules import ModuleFace, catalogue
from infra.costs import model, month, scan, usage
from infra.costs.model import Cost
from infra.costs.month import Month
from infra.costs.usage import Measured, Usage

THOUSAND = 1000
HOSTS = 1000
SHORT = {
    "DynamoDB.GetItem": "Get",
    "DynamoDB.Query": "Query",
    "DynamoDB.BatchGetItem": "BatchGet",
    "DynamoDB.PutItem": "Put",
    "DynamoDB.DeleteItem": "Delete",
    "DynamoDB.TransactWriteItems": "Transact",
    "S3.GetObject": "S3 Get",
    "S3.ListObjectsV2": "S3 List",
    "Cognito Identity Provider.InitiateAuth": "Cognito InitiateAuth",
    "Cognito Identity Provider.RevokeToken": "Cognito RevokeToken",
}


def show(console: Console) -> None:
    """Print everything."""
    measured, faces = usage.read(), catalogue()
    console.print(operations(measured))
    console.print(dollars_of_scan(measured, faces))
    console.print(dollars_of_month(measured, faces))
    idle = month.idle(len(_queues(measured)))
    console.print(f"A deployment that nobody uses: ${idle.total:.2f} a month, {_by_service(idle)}.")


def headline() -> dict[str, Any]:
    """Dollars of the whole: per thousand requests by operation, per scan, per tenant-month."""
    measured, faces = usage.read(), catalogue()
    return {
        "per_1000_requests": {
            name: round(model.request(name, measured).total * THOUSAND, 6) for name in sorted(measured.operations)
        },
        f"per_scan_of_{HOSTS}_hosts": round(scan.cost(HOSTS, faces, measured).total, 4),
        "per_report": round(month.report(measured).total, 6),
        "per_tenant_month": round(sum(part.total for part in month.cost(Month(), faces, measured).values()), 4),
    }


def operations(measured: Measured) -> Table:
    """Calls, request units and dollars of every operation."""
    table = Table(
        "Operation",
        "AWS calls",
        title="Operations: AWS calls, DynamoDB units, dollars per 1,000 requests (us-east-1)",
        title_justify="left",
    )
    for heading in ("RRU", "WRU", "Own ms", "Gateway", "Lambda", "DynamoDB", "Other", "Its events", "$ / 1,000"):
        table.add_column(heading, justify="right")
    for name in sorted(measured.operations, key=lambda each: each.split(" ")[::-1]):
        used = measured.operations[name]
        following = model.events(used, measured).total * THOUSAND
        whole = model.request(name, measured)
        own = whole.by_service if not used.events else _without_events(name, measured).by_service
        table.add_row(
            name,
            _calls(used),
            f"{used.reads:g}",
            f"{used.writes:g}",
            f"{used.milliseconds:g}",
            *(_dollars(own.get(service, 0.0)) for service in ("API Gateway", "Lambda", "DynamoDB")),
            _dollars(sum(own.values()) - sum(own.get(s, 0.0) for s in ("API Gateway", "Lambda", "DynamoDB"))),
            f"{following:.4f}",
            f"{whole.total * THOUSAND:.4f}",
        )
    return table


def dollars_of_scan(measured: Measured, faces: Mapping[str, ModuleFace]) -> Table:
    """A scan of a thousand hosts: its waves, and what it costs by service."""
    waves = scan.waves(HOSTS, faces)
    found = scan.cost(HOSTS, faces, measured)
    batches = sum(wave.size for wave in waves)
    title = f"A scan of {HOSTS:,} hosts: {len(waves)} waves, {batches:,} batches, {_stored(HOSTS)} stored"
    table = Table("Service", title=title, title_justify="left")
    table.add_column("Dollars", justify="right")
    table.add_column("Share", justify="right")
    for service, dollars in sorted(found.by_service.items(), key=lambda each: -each[1]):
        table.add_row(service, f"{dollars:.4f}", f"{dollars / found.total:.0%}")
    table.add_section()
    table.add_row("Together", f"{found.total:.4f}", f"{found.total / HOSTS * THOUSAND:.4f} per 1,000 hosts")
    return table


def dollars_of_month(measured: Measured, faces: Mapping[str, ModuleFace]) -> Table:
    """A tenant's month: what it is spent on."""
    typical = Month()
    parts = month.cost(typical, faces, measured)
    title = (
        f"A tenant's month: {typical.people} people, {typical.scans} scans of {typical.hosts:,} hosts, "
        f"{sum(typical.requests.values()):,} requests, {typical.reports} reports"
    )
    table = Table("For", title=title, title_justify="left")
    table.add_column("Dollars", justify="right")
    table.add_column("Mostly")
    for name, part in parts.items():
        table.add_row(name, f"{part.total:.4f}", _by_service(part))
    table.add_section()
    table.add_row("Together", f"{sum(part.total for part in parts.values()):.2f}", "")
    return table


def _without_events(name: str, measured: Measured) -> Cost:
    used = measured.operations[name]
    alone = Usage(used.calls, used.reads, used.writes, (), used.milliseconds)
    return model.request(name, Measured({name: alone}, {}, {}))


def _queues(measured: Measured) -> set[str]:
    """The rooms that hear of events, each through a queue of its own."""
    return {room for rooms in measured.consumers.values() for room in rooms}


def _stored(hosts: int) -> str:
    return f"{scan.stored_gigabytes(hosts):.2f} GB"


def _calls(used: Usage) -> str:
    return ", ".join(
        f"{number} {SHORT.get(name, name)}" if number > 1 else SHORT.get(name, name)
        for name, number in used.calls.items()
    )


def _dollars(of_one: float) -> str:
    return f"{of_one * THOUSAND:.4f}" if of_one > 1e-12 else ""


def _by_service(found: Cost) -> str:
    largest = sorted(found.by_service.items(), key=lambda each: -each[1])[:3]
    return ", ".join(f"{service} {dollars:.3f}" for service, dollars in largest if dollars)
