"""Frees an event loop that a module has seized: a computation without end is interrupted where it runs."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import AsyncIterator
from types import FrameType

TICK_SECONDS = 0.5


class Seized(Exception):
    """Raised inside the code that has kept the event loop busy for too long."""


@contextlib.asynccontextmanager
async def watchdog(limit_seconds: float) -> AsyncIterator[None]:
    """While the block runs, code that computes for `limit_seconds` without yielding to the loop gets `Seized`.

    It counts processor time by a signal, so it works on the main thread of Linux and macOS; elsewhere it does
    nothing, and the caller's own time limit ends the process.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    watch = _Watch(limit_seconds)
    previous = signal.signal(signal.SIGVTALRM, watch.tick)
    signal.setitimer(signal.ITIMER_VIRTUAL, TICK_SECONDS, TICK_SECONDS)
    beat = asyncio.create_task(watch.beat())
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, previous)
        beat.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await beat


class _Watch:
    def __init__(self, limit_seconds: float) -> None:
        self._limit = max(1, round(limit_seconds / TICK_SECONDS))
        self._limit_seconds = limit_seconds
        self._missed = 0

    async def beat(self) -> None:
        """The loop turns as long as this returns from its sleep."""
        while True:
            self._missed = 0
            await asyncio.sleep(TICK_SECONDS / 2)

    def tick(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the interface of signals
        self._missed += 1
        if self._missed > self._limit:
            self._missed = 0
            raise Seized(f"it computed for {self._limit_seconds:g} s without a pause")
