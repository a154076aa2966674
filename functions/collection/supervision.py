"""Watches over a batch while it works: the scan's status, and what the batch may use."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

import msgspec

from functions.collection.halt import Halt
from kernel.egress import Meter

LOOK_SECONDS = 1.0
"""Between two looks at the scan's status: a pause is honoured within two seconds."""
METER_SECONDS = 0.1
TELL_SECONDS = 5.0
"""Between two writings of the log of a batch that goes on."""


class Allowance(msgspec.Struct, frozen=True):
    """A batch's share of what is left of the scan's budget: packets and bytes over the network, seconds of work."""

    packets: int
    bytes: int
    seconds: float


@contextlib.asynccontextmanager
async def supervised(
    halt: Halt,
    meter: Meter,
    allowance: Allowance | None,
    look: Callable[[], str | None],
    tell: Callable[[], None] = lambda: None,
) -> AsyncIterator[None]:
    """While the block runs, halt it when `look` gives a reason, or the allowance is used up; `tell` people how it
    goes. Both may block."""
    over = asyncio.Event()
    watch, telling = asyncio.create_task(_watch(halt, meter, allowance, look)), asyncio.create_task(_tell(over, tell))
    try:
        yield
    finally:
        watch.cancel()
        over.set()
        await asyncio.gather(watch, telling, return_exceptions=True)


async def _tell(over: asyncio.Event, tell: Callable[[], None]) -> None:
    """A telling that has begun is waited for: the last word comes after it, and must stay the last."""
    while not over.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), TELL_SECONDS)
            return
        with contextlib.suppress(Exception):  # what is not told now is told at the end
            await asyncio.to_thread(tell)


async def _watch(halt: Halt, meter: Meter, allowance: Allowance | None, look: Callable[[], str | None]) -> None:
    began = looked = time.monotonic()
    while not halt.is_set:
        await asyncio.sleep(METER_SECONDS)
        now = time.monotonic()
        reason = _used_up(meter, now - began, allowance) if allowance else None
        if reason is None and now - looked >= LOOK_SECONDS:
            looked = now
            with contextlib.suppress(Exception):  # a look that fails is taken again; the batch's own end is bounded
                reason = await asyncio.to_thread(look)
        if reason is not None:
            halt.set(reason)


def _used_up(meter: Meter, seconds: float, allowance: Allowance) -> str | None:
    if meter.packets >= allowance.packets:
        return f"its share of {allowance.packets} packets is used up"
    if meter.bytes >= allowance.bytes:
        return f"its share of {allowance.bytes} bytes is used up"
    if seconds >= allowance.seconds:
        return f"its share of {allowance.seconds:.1f} seconds is used up"
    return None
