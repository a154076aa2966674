"""Background processes that outlive the command that started them: found, and ended, without killing a stranger.

A process is remembered by its number and the time it started; a number that the system has given to another
process since then is not it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Process:
    """One process, with what its starter wants to remember of it."""

    pid: int
    started: str
    about: dict[str, Any]

    @property
    def is_running(self) -> bool:
        """Whether this very process still runs."""
        return start_time(self.pid) == self.started

    def end(self, within: float = 20.0) -> None:
        """Ask it to end, and kill it when it has not after `within` seconds."""
        for number, seconds in ((signal.SIGTERM, within), (signal.SIGKILL, 5.0)):
            if not self.is_running:
                return
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
            deadline = time.monotonic() + seconds
            while self.is_running and time.monotonic() < deadline:
                time.sleep(0.02)


def start_time(pid: int) -> str | None:
    """When the process started, in the system's own words; None when there is no such living process."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return None if Path("/proc/self").exists() else _start_time_by_ps(pid)
    except OSError:
        return None
    return None if after_name[0] == "Z" else after_name[19]


def _start_time_by_ps(pid: int) -> str | None:
    listed = subprocess.run(
        ["ps", "-o", "stat=", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()
    state, _, started = listed.partition(" ")
    return None if not started or state.startswith("Z") else started.strip()


def remember(file: Path, pid: int, **about: Any) -> Process:
    """Write down a process that was just started."""
    process = Process(pid, start_time(pid) or "", about)
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(process)))
    os.replace(fresh, file)
    return process


def recall(file: Path) -> Process | None:
    """The process that was written down, if it still runs."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        process = Process(**json.loads(file.read_text()))
        return process if process.is_running else None
    return None


def memory(pid: int) -> int | None:
    """The resident memory of a process in bytes, where the system tells."""
    listed = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return int(listed.stdout) * 1024 if listed.stdout.strip().isdigit() else None
