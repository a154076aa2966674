"""What `make run` shows once the platform is up: a scan, its findings, its report, and how to log in."""

from __future__ import annotations

import getpass
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from contracts.access import Role
from infra.local.emulator import ROOT
from infra.local.layout import Layout
from infra.local.seed import user_of
from palisade import api, attestation, reports, tables, watching
from palisade.api import Api
from palisade.commands.scans import definition, start
from palisade.errors import WrongUsage
from palisade.picture import Picture
from palisade.watching import Show

PROFILE = "comprehensive"
DEMO_NAME = "The demo targets"
FINISHED = "finished"


@dataclass(frozen=True)
class Showcase:
    """A scan that has ended, and what came of it."""

    picture: Picture
    findings: list[dict[str, Any]]
    report: Path

    @property
    def finished(self) -> bool:
        """Whether the scan did all that there was to do."""
        return self.picture.status == FINISHED


def demo(layout: Layout) -> dict[str, Any]:
    """What the seed wrote: the URL, the tenants with their users, the targets."""
    found: dict[str, Any] = json.loads(layout.demo.read_text())
    return found


def connect(layout: Layout) -> Api:
    """The API, as the first demo tenant's administrator. Raises PalisadeError."""
    admin = user_of(demo(layout), Role.ORGANIZATION_ADMIN)
    session, _ = api.log_in(layout.url, admin["email"], admin["password"], _nothing_more)
    return Api(session)


def _nothing_more(challenge: api.Resource) -> api.Resource:
    raise WrongUsage(f"The demo's administrator is asked for {challenge['challenge']}: run `make clean` and try again.")


def notice(target: str) -> RenderableType:
    """What somebody who names a target of their own declares by that."""
    kept = "" if attestation.is_private(target) else "The statement is kept with your name and the time. "
    words = (
        f"By running this you attest that you may scan {target}: it is yours, or its owner has allowed it. {kept}"
        "Scanning without permission can be a crime; Ctrl-C ends it now."
    )
    return Panel(Text(words), title="Your right to scan", title_align="left", border_style="yellow", width=78)


def attest(client: Api, target: str) -> None:
    """Keep the statement that the target may be scanned, where the platform asks for one. Raises PalisadeError."""
    if not attestation.is_private(target):
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
        statement = f"{getpass.getuser()} started this scan on {now} and attests the right to scan {target}."
        attestation.attest(client, [target], statement)


def scan(
    client: Api, targets: list[str], name: str, show: Show, every: float = watching.LOOK_EVERY
) -> tuple[Picture, list[dict[str, Any]]]:
    """Scan and watch until it has ended, looking every so many seconds: the last picture, and the findings.

    Raises PalisadeError.
    """
    started = start(client, definition(targets, PROFILE, name))
    picture = watching.watch(client, started["scan_id"], show, every)
    found = client.listed(f"/scans/{started['scan_id']}/findings", None)["items"]
    return picture, found


def write_report(client: Api, layout: Layout, scan_id: str) -> Path:
    """Have the PDF report made and save it. Raises PalisadeError."""
    layout.reports.mkdir(parents=True, exist_ok=True)
    report = layout.reports / f"{scan_id}.pdf"
    client.save(reports.make(client, scan_id, reports.Format.PDF)["download_url"], report)
    return report


def log_ins(found: dict[str, Any]) -> Table:
    """Who can log in, by organisation."""
    table = tables.grid("E-mail", "Password", "Role")
    for tenant in found["tenants"]:
        tables.row(table, Text(tenant["name"], style="bold"))
        for user in tenant["users"]:
            tables.row(table, user["email"], user["password"], user["role"].replace("_", " "))
    return table


def welcome(console: Console, layout: Layout) -> None:
    """Where the platform is, and what to do next."""
    found = demo(layout)
    console.print(log_ins(found), "")
    admin = user_of(found, Role.ORGANIZATION_ADMIN)
    hints = [
        ("Platform", Text(layout.url, style="bold cyan")),
        ("API", f"{layout.url}/api/v1/docs"),
        ("Client", f".venv/bin/palisade login --url {layout.url} --email {admin['email']}"),
        ("Logs", "make logs CONTEXT=scans"),
    ]
    console.print(tables.details(hints))


def shown(path: Path) -> str:
    """A path as it is typed in the project's folder."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
