"""Manners towards one host: how many requests at once, how far apart, and how long to stay away when told to."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from kernel.clock import now

FIRST_BACKOFF = 0.5
OVERLOADED = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Pace:
    """How hard a scan leans on one host: web requests and connection attempts in flight, seconds between two of a
    kind, and the longest pause when the host asks for one; requests a second of all workers together (None: any), and
    further attempts when the host is overloaded or silent."""

    concurrency: int = 10
    connections: int = 50
    interval_seconds: float = 0.0
    max_backoff_seconds: float = 20.0
    requests_per_second: float | None = None
    retries: int = 2
    respect_robots: bool = False


class RetryBudget:
    """How many attempts a batch may repeat: some to begin with, and one for every ten that were answered, so that a
    target which is down is not asked thrice as often as one that is up."""

    def __init__(self, initial: float = 10.0, ratio: float = 0.1, ceiling: float = 100.0) -> None:
        self._tokens = initial
        self._ratio = ratio
        self._ceiling = ceiling

    def answered(self) -> None:
        """An attempt was answered."""
        self._tokens = min(self._ceiling, self._tokens + self._ratio)

    def take(self) -> bool:
        """Whether one attempt may be repeated."""
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class HostGate:
    """Lets requests to one host through at its pace."""

    def __init__(self, pace: Pace, slots: int) -> None:
        self._pace = pace
        self._slots = asyncio.Semaphore(slots)
        self._next_at = 0.0
        self._failures = 0
        self.has_answered = False

    @contextlib.asynccontextmanager
    async def passage(self) -> AsyncIterator[None]:
        """Hold a slot; waits for the host's turn first."""
        async with self._slots:
            await self._wait()
            yield

    def report(self, status: int, retry_after: str = "") -> None:
        """Take an answer into account: an overloaded host is left alone, twice as long each time."""
        self.has_answered = True
        if status not in OVERLOADED:
            self._failures = 0
            return
        asked = retry_after_seconds(retry_after)
        pause = FIRST_BACKOFF * 2**self._failures * jitter() if asked is None else asked
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


def jitter() -> float:
    """A factor between a half and one, so that workers which failed together do not try again together."""
    return random.uniform(0.5, 1.0)  # noqa: S311 - no secret


def retry_after_seconds(value: str) -> float | None:
    """The seconds that a Retry-After header asks for (a number or an HTTP date), or None when it says nothing."""
    if value.strip().isdecimal():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - now()).total_seconds())
    except (ValueError, TypeError):
        return None
