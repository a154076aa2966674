"""How much memory the Lambda workers of a local cloud take, as `ps` sees it while something runs."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

EVERY_SECONDS = 0.2


class Watch:
    """The largest resident size that each descendant of a process has shown, in bytes by process id."""

    def __init__(self, ancestor: int) -> None:
        self._ancestor = ancestor
        self.peaks: dict[int, int] = {}

    def look(self) -> None:
        """Take one picture."""
        table = _processes()
        family = {self._ancestor}
        grown = True
        while grown:
            below = {pid for pid, (parent, _) in table.items() if parent in family} - family
            family |= below
            grown = bool(below)
        for pid in family - {self._ancestor}:
            self.peaks[pid] = max(self.peaks.get(pid, 0), table[pid][1])

    @property
    def largest(self) -> int:
        """The peak of the greediest one."""
        return max(self.peaks.values(), default=0)


@contextmanager
def watching(ancestor: int) -> Iterator[Watch]:
    """Look at the descendants of a process again and again, until the block ends."""
    watch, over = Watch(ancestor), threading.Event()

    def run() -> None:
        while not over.wait(EVERY_SECONDS):
            watch.look()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield watch
    finally:
        over.set()
        thread.join()


def _processes() -> dict[int, tuple[int, int]]:
    """Parent and resident bytes of every process; `ps` speaks the same on Linux and macOS."""
    listed = subprocess.run(["ps", "-axo", "pid=,ppid=,rss="], capture_output=True, text=True, check=True).stdout
    rows = (line.split() for line in listed.splitlines())
    return {int(pid): (int(parent), int(size) * 1024) for pid, parent, size in rows}
