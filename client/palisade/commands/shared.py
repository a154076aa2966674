"""What commands have in common: the session's API, and options that mean the same everywhere."""

from __future__ import annotations

import sys
from typing import Annotated
from urllib.parse import quote

import typer

from palisade import session
from palisade.api import Api
from palisade.errors import WrongUsage
from palisade.tables import Severity

LATEST = "latest"


def segment(text: str | None) -> str | None:
    """An id as one part of an address, whatever was typed."""
    return quote(text, safe="") if text else text


Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs, and nothing else.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=0, help="How many at most; 0 for all.")]
ScanId = Annotated[str, typer.Argument(metavar="SCAN", help="The scan's id, or `latest`.", callback=segment)]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
FailOn = Annotated[
    Severity | None,
    typer.Option(help="End with exit code 4 when there is a finding of this severity or graver."),
]


def connected() -> Api:
    """The API in the kept session. Raises NotLoggedIn."""
    return Api(session.read(), session.keep)


def most(limit: int) -> int | None:
    """The `--limit` as the API client takes it."""
    return limit or None


def scan_id(api: Api, given: str) -> str:
    """The id of the scan that is meant. Raises WrongUsage when the latest is meant and there is none."""
    if given != LATEST:
        return given
    found = api.listed("/scans", 1)["items"]
    if not found:
        raise WrongUsage("There is no scan yet: `palisade scan TARGET` starts one.")
    return str(found[0]["scan_id"])


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something that cannot be undone. Raises WrongUsage where nobody can answer, Abort on a no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise WrongUsage("Nobody can be asked here: say --yes.")
    typer.confirm(question, abort=True, err=True)
