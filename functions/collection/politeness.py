"""Manners towards one host: how many requests at once, how far apart, and how long to stay away when told to."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from kernel.clock import now

FIRST_BACKOFF = 0.5
OVERLOADED = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Pace:
    """How hard a scan leans on one host: web requests and connection attempts in flight, seconds between two of a
    kind, and the longest pause when the host asks for one."""

    concurrency: int = 10
    connections: int = 50
    interval_seconds: float = 0.0
    max_backoff_seconds: float = 20.0


class HostGate:
    """Lets requests to one host through at its pace."""

    def __init__(self, pace: Pace, slots: int) -> None:
        self._pace = pace
        self._slots = asyncio.Semaphore(slots)
        self._next_at = 0.0
        self._failures = 0

    @contextlib.asynccontextmanager
    async def passage(self) -> AsyncIterator[None]:
        """Hold a slot; waits for the host's turn first."""
        async with self._slots:
            await self._wait()
            yield

    def report(self, status: int, retry_after: str = "") -> None:
        """Take an answer into account: an overloaded host is left alone, twice as long each time."""
        if status not in OVERLOADED:
            self._failures = 0
            return
        asked = retry_after_seconds(retry_after)
        pause = FIRST_BACKOFF * 2**self._failures if asked is None else asked
        self._failures = min(self._failures + 1, 10)
        resume_at = asyncio.get_running_loop().time() + min(pause, self._pace.max_backoff_seconds)
        self._next_at = max(self._next_at, resume_at)

    async def _wait(self) -> None:
        clock = asyncio.get_running_loop().time
        pause = self._next_at - clock()
        while pause > 0:
            await asyncio.sleep(pause)
            pause = self._next_at - clock()
        if self._pace.interval_seconds:
            self._next_at = clock() + self._pace.interval_seconds


def retry_after_seconds(value: str) -> float | None:
    """The seconds that a Retry-After header asks for (a number or an HTTP date), or None when it says nothing."""
    if value.strip().isdecimal():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - now()).total_seconds())
    except (ValueError, TypeError):
        return None
