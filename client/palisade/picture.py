"""The picture of a scan while it runs: what is known of it, and how that is drawn."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from palisade import tables
from palisade.output import safe

Resource = dict[str, Any]
ENDED = frozenset({"finished", "failed", "stopped"})
WINDOW = 5.0
"""Seconds over which the rate is taken."""
INSTANT = 0.001
"""Seconds that are too few to take a rate over."""
NAMED_MODULES = 4
"""Modules of the present wave that are named; the others are counted."""
BAR = 32


@dataclass
class Rate:
    """Observations a second over the last moments."""

    samples: deque[tuple[float, int]] = field(default_factory=deque)

    def add(self, at: float, count: int) -> None:
        """Take in a count at a point in time (seconds of any clock that does not go back)."""
        self.samples.append((at, count))
        while len(self.samples) > 2 and at - self.samples[1][0] >= WINDOW:
            self.samples.popleft()

    @property
    def value(self) -> float:
        """Observations a second; 0 while too little is known."""
        if len(self.samples) < 2:
            return 0.0
        (begin, first), (end, last) = self.samples[0], self.samples[-1]
        return max(0, last - first) / (end - begin) if end - begin >= INSTANT else 0.0


@dataclass
class Picture:
    """What is known of a scan. `clock` counts seconds, `now` tells the time."""

    scan: Resource = field(default_factory=dict)
    progress: Resource = field(default_factory=dict)
    findings: Counter[str] = field(default_factory=Counter)
    note: str = ""
    seen: dict[int, int] = field(default_factory=dict)
    rate: Rate = field(default_factory=Rate)
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def see(self, scan: Resource, progress: Resource, findings: Counter[str]) -> None:
        """Take in what the API says."""
        self.scan, self.progress, self.findings, self.note = scan, progress, findings, ""
        if progress:
            self.seen[progress["wave"]] = progress["observations"]
        self.rate.add(self.clock(), sum(self.seen.values()))

    @property
    def status(self) -> str:
        """Where the scan stands."""
        return str(self.scan.get("status", "unknown"))

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come."""
        return self.status in ENDED

    @property
    def wave(self) -> int:
        """The present wave, counted from 0."""
        return int(self.scan.get("wave", 0))

    @property
    def batches(self) -> tuple[int, int]:
        """How many batches of the present wave are done, and how many there are."""
        if self.progress.get("wave") != self.wave:
            return 0, 0
        return int(self.progress.get("batches_done", 0)), int(self.progress.get("batches", 0))

    @property
    def observations(self) -> int:
        """The distinct observations of the waves that are done."""
        return int(self.scan.get("tally", {}).get("observations", 0))

    @property
    def arriving(self) -> int:
        """The observations of the present wave, before those that are known already are taken out."""
        is_done = self.wave < self.scan.get("tally", {}).get("waves", 0)
        return 0 if is_done or self.has_ended else self.seen.get(self.wave, 0)

    @property
    def elapsed(self) -> float:
        """Seconds since the scan started, until it ended."""
        started = _moment(self.scan.get("started_at"))
        ended = _moment(self.scan.get("finished_at")) or self.now()
        return max(0.0, (ended - started).total_seconds()) if started else 0.0

    def line(self) -> str:
        """The picture in one line, for where there is no terminal."""
        done, batches = self.batches
        found = ", ".join(f"{self.findings[name]} {name}" for name in tables.Severity if self.findings[name])
        parts = [
            f"{_clock(self.elapsed)} {safe(self.status)}, wave {self.wave}",
            f"{done} of {batches} batches" if batches and not self.has_ended else "",
            f"{self.observations:,} observations{self._arriving()}",
            f"findings: {found or 'none'}",
            self.note,
        ]
        return ", ".join(filter(None, parts))

    def __rich__(self) -> RenderableType:
        title = Text.assemble((safe(self.scan.get("name", "")), "bold"), "  ", tables.status(self.status))
        lines = Table.grid(padding=(0, 2))
        for name, value in self._lines():
            lines.add_row(Text(name, style="dim"), value)
        body = Group(lines, Text(f"\n{self.note}", style="yellow")) if self.note else lines
        return Panel(body, title=title, title_align="left", border_style="blue", width=78)

    def _lines(self) -> list[tuple[str, RenderableType]]:
        known: list[tuple[str, RenderableType]] = [
            ("Observations", Text(self._counted())),
            ("Findings", tables.counts(self.findings)),
            ("Elapsed", Text(_clock(self.elapsed))),
        ]
        if self.has_ended:
            return [("Waves", Text(str(self.scan.get("tally", {}).get("waves", 0)))), *known]
        return [("Wave", Text(str(self.wave))), ("Modules", Text(self._modules())), ("Batches", self._bar()), *known]

    def _bar(self) -> RenderableType:
        done, batches = self.batches
        if not batches:
            return Text("being planned", style="dim")
        bar = ProgressBar(batches, done, BAR, complete_style="cyan", finished_style="green")
        line = Table.grid(padding=(0, 1))
        left = self.progress.get("seconds_left")
        line.add_row(bar, Text(f"{done} of {batches}" + (f", {_clock(left)} left" if left else "")))
        return line

    def _modules(self) -> str:
        names = self.progress.get("modules", []) if self.progress.get("wave") == self.wave else []
        more = len(names) - NAMED_MODULES
        return safe(", ".join(names[:NAMED_MODULES])) + (f" and {more} more" if more > 0 else "")

    def _counted(self) -> str:
        if self.has_ended:
            return f"{self.observations:,} in {self.scan.get('tally', {}).get('entities', 0):,} entities"
        return f"{self.observations:,}{self._arriving()}, {self.rate.value:,.0f} a second"

    def _arriving(self) -> str:
        return f" and {self.arriving:,} arriving" if self.arriving else ""


def _moment(stamp: str | None) -> datetime | None:
    return datetime.fromisoformat(stamp) if stamp else None


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
