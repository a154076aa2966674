"""The word that a batch is to rest: everything that waits for the outside stops waiting at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from kernel.egress import EgressError


class Halted(EgressError):
    """The scan pauses or stops, or the batch has used up what it may: what was under way was given up."""


class Halt:
    """Set once for a batch, with the reason. Belongs to one event loop."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self._clocks: dict[asyncio.Timeout, float] = {}

    @property
    def is_set(self) -> bool:
        """Whether the batch is to rest."""
        return self.reason is not None

    def set(self, reason: str) -> None:
        """Interrupt whatever waits inside `interruptible`; the first reason counts."""
        if self.reason is None:
            self.reason = reason
            now = asyncio.get_running_loop().time()
            for clock, grace_seconds in self._clocks.items():
                clock.reschedule(now + grace_seconds)

    @contextlib.asynccontextmanager
    async def interruptible(self, grace_seconds: float = 0.0) -> AsyncIterator[None]:
        """A block that is given up some time after the batch is to rest. Raises Halted."""
        if self.reason is not None:
            raise Halted(self.reason)
        try:
            async with asyncio.timeout(None) as clock:
                self._clocks[clock] = grace_seconds
                try:
                    yield
                finally:
                    del self._clocks[clock]
        except TimeoutError:
            if clock.expired():
                raise Halted(self.reason or "the batch is to rest") from None
            raise
