"""The steps of `make run` as they are shown."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from infra.local.run.steps import Steps


class Clock:
    """Counts the seconds that a test lets pass."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


def console(*, terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=80, color_system=None, legacy_windows=False)


def written(on: Console) -> str:
    assert isinstance(on.file, io.StringIO)
    return re.sub(r"\x1b\[\?25[hl]", "", on.file.getvalue())  # without hiding and showing the cursor


def walk(steps: Steps, clock: Clock) -> None:
    for words in ("Starting", "Creating a (1 of 2)", "Creating b (2 of 2)", "Updating c (1 of 1)", "Preparing"):
        steps.say(words)
        clock.at += 1.5


def test_steps_are_ticked_off_with_their_time(clock: Clock) -> None:
    on = console(terminal=True)
    with Steps(on, clock) as steps:
        walk(steps, clock)
    last = written(on).splitlines()[-4:]
    assert [line.strip() for line in last] == [
        "✔ Starting            1.5 s",
        "✔ Creating b (2 of 2) 3.0 s",
        "✔ Updating c (1 of 1) 1.5 s",
        "✔ Preparing           1.5 s",
    ]


def test_without_a_terminal_each_step_is_a_line_when_it_begins(clock: Clock) -> None:
    on = console(terminal=False)
    with Steps(on, clock) as steps:
        walk(steps, clock)
    assert written(on).splitlines() == [
        "  0.0 s  Starting",
        "  1.5 s  Creating a (1 of 2)",
        "  4.5 s  Updating c (1 of 1)",
        "  6.0 s  Preparing",
    ]


def test_the_step_that_failed_is_marked(clock: Clock) -> None:
    on = console(terminal=True)
    steps = Steps(on, clock)

    def work() -> None:
        with steps:
            steps.say("Starting")
            steps.say("Synthesising")
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        work()
    assert [line.split()[0] for line in written(on).splitlines()[-2:]] == ["✔", "✘"]


def test_nothing_to_do_shows_nothing(clock: Clock) -> None:
    on = console(terminal=False)
    with Steps(on, clock):
        pass
    assert written(on) == ""
