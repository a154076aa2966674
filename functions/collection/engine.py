"""Runs one module over a batch of observations: bounded in time, in number and in size, and the same every time.

Whatever a module does (throws, never returns, yields nonsense or without end), the batch goes on and its log says
what happened. Pure asyncio: storage and queues are the caller's.
"""

from __future__ import annotations

import asyncio
import logging
import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from contracts.facts import LogEntry
from contracts.observations import Observation
from functions.collection.halt import Halted
from functions.collection.journal import Journal, module_log
from functions.collection.module import Blobs, Context, Module, Walker
from functions.collection.reader import BatchLimits, Reader
from functions.collection.session import OutOfScope, Session
from functions.collection.watchdog import watchdog
from kernel.clock import timestamp
from kernel.egress import EgressError

logger = logging.getLogger(__name__)
FIRST_DURATION_SECONDS = 0.01
DURATIONS = 16
"""Classes of how long an observation took, each twice the one before: the last begins at 164 seconds."""


class BatchStats(msgspec.Struct, frozen=True):
    """What a batch did. `rejected` counts facts that broke a rule, `seconds` is wall-clock time; `durations` counts
    the observations whose handling took up to 10 ms, 20 ms, 40 ms and so on, the last ones anything longer."""

    handled: int
    failed: int
    left: int
    found: int
    rejected: int
    seconds: float
    durations: list[int] = []


class BatchResult(msgspec.Struct, frozen=True):
    """`observations` are canonical, without duplicates and sorted; `leftovers` were not handled in time and belong
    into the next wave."""

    observations: list[Observation]
    leftovers: list[Observation]
    log: list[LogEntry]
    stats: BatchStats


@dataclass(frozen=True, slots=True)
class Batch:
    """The work: one scan's observations for one module, with the module's settings."""

    scan_id: str
    observations: Sequence[Observation]
    config: Mapping[str, Any] | None = None


async def run_batch(
    module: Module[Any],
    batch: Batch,
    *,
    session: Session,
    blobs: Blobs,
    deadline: float,
    limits: BatchLimits | None = None,
    journal: Journal | None = None,
    now: Callable[[], str] = timestamp,
) -> BatchResult:
    """Run a module over a batch until it is done or `deadline` (a `time.monotonic()` value) has passed. `journal` takes
    what there is to say as it happens.

    Raises `pydantic.ValidationError` for a configuration that the module does not accept; nothing else.
    """
    config = type(module).config.model_validate(dict(batch.config or {}))
    context = Context(config, session, blobs, deadline, logger, session.halt)
    run = _Run(module, batch, context, limits or BatchLimits(), journal or Journal(), now)
    async with watchdog(run.limits.seized_seconds):
        await run.everything()
    return run.result()


class _Run:
    """One batch under way."""

    def __init__(
        self,
        module: Module[Any],
        batch: Batch,
        context: Context,
        limits: BatchLimits,
        journal: Journal,
        now: Callable[[], str],
    ) -> None:
        self._journal = journal
        self._module = module
        self._context = replace(context, log=module_log(self._journal, logger))
        self._began = time.monotonic()
        wanted = re.compile(type(module).face.matching)
        matching = (o for o in batch.observations if wanted.search(o.value))
        self._waiting = sorted(matching, key=lambda o: (o.type, o.value, o.id))
        self._leftovers: list[Observation] = []
        self._handled = 0
        self._durations = [0] * DURATIONS
        self._reader = Reader(type(module).face, batch.scan_id, context.session.prove, limits, self._journal, now)
        self.limits = limits

    async def everything(self) -> None:
        """Handle all observations, or as many as the deadline allows."""
        if isinstance(self._module, Walker):
            await self._guarded(None, self._walk(self._module, self._waiting))
        else:
            queue = iter(self._waiting)
            await asyncio.gather(*(self._worker(queue) for _ in range(type(self._module).face.concurrency)))
        await self._guarded(None, asyncio.wait_for(self._module.cleanup(), self.limits.cleanup_seconds))

    def result(self) -> BatchResult:
        """What the batch brought home."""
        observations = self._reader.observations()
        stats = BatchStats(
            handled=self._handled,
            failed=self._journal.failures,
            left=len(self._leftovers),
            found=len(observations),
            rejected=self._reader.rejected,
            seconds=round(time.monotonic() - self._began, 3),
            durations=self._durations,
        )
        leftovers = sorted(self._leftovers, key=lambda o: (o.type, o.value, o.id))
        return BatchResult(observations, leftovers, self._journal.entries(), stats)

    async def _worker(self, queue: Any) -> None:
        for observation in queue:
            if self._context.is_over:
                self._leftovers.append(observation)
            else:
                await self._guarded(observation, self._handle(observation))

    async def _handle(self, observation: Observation) -> None:
        began = time.monotonic()
        allowed = min(self.limits.observation_seconds, self._context.deadline + self.limits.grace_seconds - began)
        try:
            async with self._context.halt.interruptible(), asyncio.timeout(allowed) as clock:
                raw = await self._module.get(observation, self._context)
        except Halted:
            self._leftovers.append(observation)
            return
        except TimeoutError:
            if clock.expired() and self._was_cut_short(began, allowed):
                self._leftovers.append(observation)
                return
            raise
        if self._context.halt.is_set:  # it may have ended early: what it brought home is not all there is
            self._leftovers.append(observation)
            return
        self._took(time.monotonic() - began)
        self._reader.take(observation, self._module.transform(observation, raw))

    def _took(self, seconds: float) -> None:
        self._handled += 1
        doublings = max(0, math.ceil(math.log2(max(seconds, 1e-6) / FIRST_DURATION_SECONDS)))
        self._durations[min(doublings, DURATIONS - 1)] += 1

    def _was_cut_short(self, began: float, allowed: float) -> bool:
        """Whether the deadline came before the observation had its time. One that had the whole batch to itself
        had it: handing it on would never end."""
        return allowed < self.limits.observation_seconds and began - self._began > self.limits.grace_seconds

    async def _walk(self, module: Walker[Any], observations: Sequence[Observation]) -> None:
        if self._context.is_over:
            self._leftovers.extend(observations)
            return
        allowed = self._context.deadline + self.limits.grace_seconds - time.monotonic()
        try:
            async with self._context.halt.interruptible(self.limits.grace_seconds / 2), asyncio.timeout(allowed):
                walk = await module.walk(observations, self._context)
        except Halted:
            self._leftovers.extend(observations)
            return
        self._leftovers.extend(walk.leftovers)
        seconds = (time.monotonic() - self._began) / max(1, len(walk.raws))
        for observation, raw in walk.raws:
            self._took(seconds)
            await self._guarded(observation, self._transform(observation, raw))

    async def _transform(self, observation: Observation, raw: Any) -> None:
        self._reader.take(observation, self._module.transform(observation, raw))

    async def _guarded(self, observation: Observation | None, work: Any) -> None:
        """Await a piece of a module's work; whatever it raises goes into the log."""
        try:
            await work
        except OutOfScope as error:
            self._journal.note("info", str(error), observation)
        except EgressError as error:
            self._journal.note("info", f"{type(error).__name__}: {error}", observation)
        except TimeoutError:
            self._journal.failure("it did not finish in time", observation)
        except Exception as error:
            # A module is foreign code: the batch outlives its faults.
            self._journal.failure(f"{type(error).__name__}: {error}", observation)
