"""The steps of bringing the local cloud up, ticked off one after the other."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

_COUNTED = re.compile(r"^(\w+) .+ \(\d+ of \d+\)$")


@dataclass
class Step:
    """One step: what is done, since when, and until when."""

    words: str
    began: float
    ended: float | None = None
    failed: bool = False

    def continues(self, words: str) -> bool:
        """Whether `words` only say how far this step is: `Creating a (1 of 3)`, `Creating b (2 of 3)`."""
        mine, other = _COUNTED.match(self.words), _COUNTED.match(words)
        return mine is not None and other is not None and mine[1] == other[1]


class Steps:
    """Takes a line for each step that takes time, and shows it: drawn on a terminal, line by line elsewhere."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._began = clock()
        self._live = Live(self, console=console, refresh_per_second=10, transient=False)
        self._spinner = Spinner("dots", style="cyan")
        self.steps: list[Step] = []

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._end_last(failed=kind is not None)
        if self._console.is_terminal:
            self._live.stop()

    def say(self, words: str) -> None:
        """The next step begins, and the one before has ended; or the present one has come further."""
        last = self.steps[-1] if self.steps else None
        if last is not None and last.continues(words):
            last.words = words
            return
        self._end_last()
        self.steps.append(Step(words, self._clock()))
        if not self._console.is_terminal:
            self._console.print(f"{self._clock() - self._began:5.1f} s  {words}", markup=False, highlight=False)

    def __rich__(self) -> RenderableType:
        table = Table.grid(padding=(0, 1))
        for step in self.steps:
            seconds = (step.ended or self._clock()) - step.began
            table.add_row(self._mark(step), Text(step.words), Text(f"{seconds:.1f} s", style="dim"))
        return table

    def _mark(self, step: Step) -> RenderableType:
        if step.ended is None:
            return self._spinner
        return Text("✘", style="bold red") if step.failed else Text("✔", style="green")

    def _end_last(self, *, failed: bool = False) -> None:
        if self.steps and self.steps[-1].ended is None:
            self.steps[-1].ended = self._clock()
            self.steps[-1].failed = failed
