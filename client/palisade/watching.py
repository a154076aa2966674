"""Watching a scan to its end. What is pushed says when to look; what is seen then is the truth."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any, Protocol

from rich.live import Live

from palisade import output, tables
from palisade.api import Api
from palisade.errors import ApiProblem, Unreachable
from palisade.feed import Feed
from palisade.picture import Picture

LOOK_EVERY = 0.5
SAY_EVERY = 10.0
PATIENCE = 120.0
"""Seconds without an answer before watching is given up; the scan itself goes on."""


class Show(Protocol):
    """Where the picture is drawn."""

    def update(self, picture: Picture) -> None:
        """Draw the picture as it is now."""


class Silent:
    """Draws nothing: for programs."""

    def update(self, picture: Picture) -> None:
        """Nothing."""


class Lines:
    """A line on stderr when a wave or the status changes, and now and then: for logs."""

    def __init__(self) -> None:
        self._said: tuple[str, int] | None = None
        self._at = 0.0

    def update(self, picture: Picture) -> None:
        """Say a line if there is something to say."""
        state = (picture.status, picture.wave)
        if state != self._said or picture.clock() - self._at >= SAY_EVERY:
            self._said, self._at = state, picture.clock()
            output.err().print(picture.line())


class Drawn:
    """A picture on the terminal, kept current."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def update(self, picture: Picture) -> None:
        """Draw it now; between updates its clock goes on by itself."""
        self._live.update(picture)


@contextlib.contextmanager
def display(*, silent: bool = False) -> Iterator[Show]:
    """The way to show a scan here: a picture on a terminal, lines elsewhere, nothing for programs."""
    console = output.err()
    if silent:
        yield Silent()
    elif console.is_terminal:
        with Live(console=console, refresh_per_second=8, redirect_stdout=False, redirect_stderr=False) as live:
            yield Drawn(live)
    else:
        yield Lines()


def watch(api: Api, scan_id: str, show: Show, every: float = LOOK_EVERY) -> Picture:
    """Follow a scan until it has ended; the last picture. Raises ApiProblem, NotLoggedIn or Unreachable."""
    picture = Picture()
    patience = Patience()
    with Feed(api.socket_url, f"scan:{scan_id}") as feed:
        while True:
            with patience.over(picture):
                _look(api, scan_id, picture)
            show.update(picture)
            if picture.has_ended:
                return picture
            feed.wait(every)


class Patience:
    """Bears with a platform that does not answer for a while, such as one that restarts."""

    def __init__(self) -> None:
        self._since: float | None = None

    @contextlib.contextmanager
    def over(self, picture: Picture) -> Iterator[None]:
        """Note a failure in the picture, or raise it when there has been no answer for too long."""
        try:
            yield
            self._since = None
        except (Unreachable, ApiProblem) as failure:
            if isinstance(failure, ApiProblem) and failure.status < 500:
                raise
            self._since = self._since or time.monotonic()
            if time.monotonic() - self._since > PATIENCE:
                raise
            picture.note = "No answer; trying again."


def _look(api: Api, scan_id: str, picture: Picture) -> None:
    """Ask how the scan stands, and for its findings when there may be others than before."""
    scan, progress = api.get(f"/scans/{scan_id}"), api.get(f"/scans/{scan_id}/progress")
    findings = picture.findings
    if _state(scan) != _state(picture.scan):
        findings = tables.by_severity(api.listed(f"/scans/{scan_id}/findings", None)["items"])
    picture.see(scan, progress, findings)


def _state(scan: dict[str, Any]) -> tuple[Any, ...]:
    """What of a scan goes with its findings."""
    tally = scan.get("tally", {})
    return scan.get("status"), tally.get("waves"), tally.get("findings")
