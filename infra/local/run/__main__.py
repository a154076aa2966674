"""`make run`: bring the platform up on this machine, scan, show what was found, and serve until Ctrl-C.

Exit codes: 0 served until it was told to end, 1 something failed (one sentence says what), 2 it was asked for
something that cannot be, 130 interrupted before the scan was done.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from types import FrameType

from rich.console import Console
from rich.text import Text

from infra.local import lifecycle
from infra.local.layout import Layout
from infra.local.run import showcase
from infra.local.run.steps import Steps
from palisade import output, tables, watching
from palisade.errors import PalisadeError

SERVES = "The platform keeps serving; Ctrl-C ends it, its state stays."


def main() -> int:
    """Run from the command line; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.run", description=__doc__)
    parser.add_argument("target", nargs="?", help="what to scan in place of the demo targets")
    target: str | None = parser.parse_args().target
    console = output.out()
    try:
        layout = Layout.of_environment()
    except ValueError as problem:
        _fail(console, str(problem))
        return 2
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background job would ignore SIGINT otherwise
        signal.signal(number, _interrupt)
    return run(console, layout, target)


def run(console: Console, layout: Layout, target: str | None) -> int:
    """Up, scan, serve, down; the exit code. What failed to come up stays as it is, to be looked into."""
    try:
        _bring_up(console, layout)
        code = _show(console, layout, target)
        _serve(console)
    except KeyboardInterrupt:
        code = 130
    except lifecycle.FAILURES as problem:
        _fail(console, f"{problem}", f"Read on in {showcase.shown(layout.home / 'logs')}; `make up` tries again.")
        return 1
    _bring_down(console, layout)
    return code


def _bring_up(console: Console, layout: Layout) -> None:
    began = time.monotonic()
    with Steps(console) as steps:
        lifecycle.up(layout, steps.say)
    seconds = f"({time.monotonic() - began:.1f} s)\n"
    console.print(Text.assemble(("✔", "green"), f" The platform is up at {layout.url} {seconds}"))


def _show(console: Console, layout: Layout, target: str | None) -> int:
    """Scan, show the findings, write the report, and say how to log in. A failure is told, and ends nothing else."""
    code = 0
    try:
        code = _scan(console, layout, target)
    except PalisadeError as problem:
        _fail(console, str(problem), "Read on with `make logs CONTEXT=scans`, or without CONTEXT for all.")
        code = 1
    showcase.welcome(console, layout)
    return code


def _scan(console: Console, layout: Layout, target: str | None) -> int:
    if target:
        console.print(showcase.notice(target))
    with showcase.connect(layout) as client:
        if target:
            showcase.attest(client, target)
        targets = [target] if target else [each["address"] for each in showcase.demo(layout)["targets"]]
        with watching.display() as show:
            picture, found = showcase.scan(client, targets, target or showcase.DEMO_NAME, show)
        console.print("", tables.findings(found, brief=True))
        if picture.status != showcase.FINISHED:
            reason = picture.scan.get("reason") or "no reason was given"
            _fail(console, f"The scan {picture.status}: {reason}.", "Read on with `make logs CONTEXT=collection`.")
            return 1
        report = showcase.write_report(client, layout, picture.scan["scan_id"])
        size = f" ({report.stat().st_size:,} bytes)\n"
        console.print(Text.assemble("Report: ", (showcase.shown(report), "bold"), size), soft_wrap=True)
    return 0


def _serve(console: Console) -> None:
    """Until Ctrl-C or SIGTERM, which is how it should end."""
    try:
        console.print(Text(SERVES, style="bold"))
        while not threading.Event().wait(3600):
            pass
    except KeyboardInterrupt:
        return


def _bring_down(console: Console, layout: Layout) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the end is near; a second Ctrl-C would only tear it
    console.print("\nEnding the local cloud; `make run` goes on where it was.")
    lifecycle.down(layout)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _fail(console: Console, sentence: str, advice: str = "") -> None:
    console.print(Text.assemble(("Error: ", "bold red"), output.safe(sentence)), soft_wrap=True)
    if advice:
        console.print(Text(advice, style="dim"), soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
