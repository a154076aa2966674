"""Keeps the local cloud's processes running: an emulator, a front door or demo targets that die are started again.

Runs in the background from `up` until `down`. Its children are leaders of sessions of their own and are
written down, so that the next `up` finds them even when this process was killed.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from infra.local import demo_targets, emulator, processes
from infra.local.layout import SOURCES, Layout

LOOK_EVERY = 0.1
STEADY_AFTER = 30.0
LONGEST_PAUSE = 5.0
NAME, EMULATOR, FRONT_DOOR, TARGETS = "supervisor", "emulator", "front-door", "demo-targets"


@dataclass
class Kept:
    """One process to keep running, with what is needed to start it again."""

    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    run_file: Path
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    not_before: float = field(default_factory=time.monotonic)

    def keep(self, now: float) -> None:
        """Start it if it does not run, at once the first time and then with growing pauses."""
        if self.process is not None:
            if self.process.poll() is None:
                return
            self._note_end(now)
        if now >= self.not_before:
            self.process, self.started = self.start(), now
            processes.remember(self.run_file, self.process.pid)

    def _note_end(self, now: float) -> None:
        assert self.process is not None
        print(f"{self.name} ended with {self.process.returncode} and is started again", flush=True)
        self.failures = 0 if now - self.started > STEADY_AFTER else self.failures + 1
        self.not_before = now + min(LONGEST_PAUSE, 0.25 * (2**self.failures - 1) if self.failures > 1 else 0)
        self.process = None

    def end(self) -> None:
        """End it gracefully."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(emulator.STOPS_WITHIN)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.run_file.unlink(missing_ok=True)


def run(layout: Layout, stop: threading.Event) -> None:
    """Keep the processes running until `stop` is set."""
    kept = [
        Kept(EMULATOR, lambda: _start_emulator(layout), layout.run_file(EMULATOR)),
        Kept(FRONT_DOOR, lambda: _start_front_door(layout), layout.run_file(FRONT_DOOR)),
        Kept(TARGETS, lambda: _start_targets(layout), layout.run_file(TARGETS)),
    ]
    try:
        while not stop.wait(LOOK_EVERY):
            for each in kept:
                each.keep(time.monotonic())
    finally:
        for each in reversed(kept):
            each.end()


def _start_emulator(layout: Layout) -> subprocess.Popen[bytes]:
    return emulator.start(layout.state, layout.aws_port, sources=SOURCES, log=layout.log(EMULATOR)).process


def _start_front_door(layout: Layout) -> subprocess.Popen[bytes]:
    arguments = ["--port", str(layout.port), "--origins", str(layout.origins)]
    return _start_module("infra.local.front_door", arguments, layout.log(FRONT_DOOR))


def _start_targets(layout: Layout) -> subprocess.Popen[bytes]:
    demo_targets.forget(layout)
    return _start_module("infra.local.targets", ["serve", "--state", str(layout.targets)], layout.log(TARGETS))


def _start_module(module: str, arguments: list[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=emulator.ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def main() -> None:
    """Keep one local cloud running until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--aws-port", type=int, required=True)
    chosen = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    run(Layout(chosen.home, chosen.port, chosen.aws_port), stop)


if __name__ == "__main__":
    main()
