"""A batch that is told to rest: at once, with nothing counted that was cut short."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from contracts.observations import Observation
from functions.collection.engine import Batch, BatchResult, run_batch
from functions.collection.halt import Halt, Halted
from functions.collection.module import Context, Found, Module, Walk, Walker
from functions.collection.supervision import Allowance, supervised
from kernel.egress import Meter
from tests.collection.test_engine import HOSTS, Probe
from tests.collection.world import AT, MemoryBlobs, session


async def run_until_halted(module: Module[Any], seconds: float = 0.2) -> tuple[BatchResult, float]:
    """The result of a batch that is told to rest after some time, and how long it took from then on."""
    async with session("example.test") as outside:
        asyncio.get_running_loop().call_later(seconds, outside.halt.set, "the scan is pausing")
        began = time.monotonic()
        result = await run_batch(
            module,
            Batch("scan_01", HOSTS),
            session=outside,
            blobs=MemoryBlobs(),
            deadline=began + 60,
            now=lambda: AT,
        )
        return result, time.monotonic() - began - seconds


async def test_what_was_under_way_is_handed_over_at_once() -> None:
    async def get(observation: Observation, context: Context) -> str:
        await asyncio.sleep(0 if observation.value < "h15" else 30)
        return observation.value

    result, took = await run_until_halted(Probe(get))
    assert took < 0.3
    assert result.stats.handled + result.stats.left == len(HOSTS)
    assert result.stats.left == len([host for host in HOSTS if host.value >= "h15"])
    assert result.stats.failed == 0


async def test_what_ends_early_because_of_the_word_counts_as_not_handled() -> None:
    async def get(observation: Observation, context: Context) -> str:
        with pytest.raises(Halted):
            async with context.halt.interruptible():
                await asyncio.sleep(30)
        return "half of it"

    result, took = await run_until_halted(Probe(get))
    assert took < 0.3
    assert (result.stats.handled, result.stats.left, result.observations) == (0, len(HOSTS), [])


class Stroll(Walker[str]):
    """Walks on, whether or not it is told to rest."""

    face = Probe.face.model_copy(update={"name": "stroll"})

    def __init__(self, listens: bool) -> None:
        self.listens = listens

    async def walk(self, observations: Sequence[Observation], context: Context) -> Walk[str]:
        for number, _ in enumerate(observations):
            if self.listens and context.is_over:
                return Walk([(o, o.value) for o in observations[:number]], observations[number:])
            await asyncio.sleep(0.05)
        await asyncio.sleep(30)
        return Walk([(o, o.value) for o in observations])

    def transform(self, observation: Observation, raw: str) -> Iterable[Found]:
        yield Found("host", f"www.{raw}")


@pytest.mark.parametrize("listens", [True, False])
async def test_a_walk_brings_home_what_it_has_or_is_given_up(listens: bool) -> None:
    result, took = await run_until_halted(Stroll(listens))
    assert took < 1.5
    assert result.stats.handled + result.stats.left == len(HOSTS)
    assert (result.stats.handled > 0) is listens


async def test_the_word_reaches_what_waits_later_too_and_the_first_reason_counts() -> None:
    halt = Halt()
    halt.set("one")
    halt.set("two")
    with pytest.raises(Halted, match="one"):
        async with halt.interruptible():
            raise AssertionError("nothing begins")


async def test_a_timeout_of_ones_own_is_no_word_to_rest() -> None:
    halt = Halt()
    with pytest.raises(TimeoutError):
        async with halt.interruptible(), asyncio.timeout(0.01):
            await asyncio.sleep(5)


@pytest.mark.parametrize(
    ("allowance", "packets", "size", "said"),
    [
        (Allowance(10, 10**9, 60), 10, 10, "10 packets"),
        (Allowance(10**9, 5000, 60), 2, 5000, "5000 bytes"),
        (Allowance(10**9, 10**9, 0.2), 0, 0, "0.2 seconds"),
    ],
)
async def test_a_share_that_is_used_up_is_named(allowance: Allowance, packets: int, size: int, said: str) -> None:
    halt, meter = Halt(), Meter(packets, size)
    async with supervised(halt, meter, allowance, lambda: None):
        with pytest.raises(Halted, match=said):
            async with halt.interruptible():
                await asyncio.sleep(5)


async def test_a_look_that_fails_is_taken_again() -> None:
    looks: list[None] = []

    def look() -> str | None:
        looks.append(None)
        if len(looks) == 1:
            raise OSError("no answer")
        return "the scan is pausing"

    halt = Halt()
    async with supervised(halt, Meter(), None, look):
        with pytest.raises(Halted, match="pausing"):
            async with halt.interruptible():
                await asyncio.sleep(5)
    assert len(looks) == 2
