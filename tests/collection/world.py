"""A small world to run modules in: sessions that may reach loopback, bodies in memory, observations by hand."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

from contracts.observations import Observation, canonical, observation_id
from contracts.scope import Scope
from functions.collection.engine import Batch, BatchResult, run_batch
from functions.collection.journal import Journal
from functions.collection.module import Module
from functions.collection.politeness import Pace
from functions.collection.reader import BatchLimits
from functions.collection.session import Session
from kernel.egress import DnsSettings, Egress, Limits, Policy

SCAN = "scan_01"
AT = "2026-01-01T00:00:00.000Z"


class MemoryBlobs:
    """Bodies by number."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def put(self, body: bytes) -> str:
        self.bodies.append(body)
        return str(len(self.bodies) - 1)

    async def get(self, reference: str) -> bytes:
        try:
            return self.bodies[int(reference)]
        except (IndexError, ValueError) as error:
            raise KeyError(reference) from error


def observed(type_: str, value: str, **attributes: Any) -> Observation:
    """An observation as the first wave has it."""
    value = canonical(type_, value)
    return Observation(
        id=observation_id(SCAN, type_, value, ""),
        type=type_,
        value=value,
        source_id="",
        module="target",
        module_version="1.0.0",
        observed_at=AT,
        attributes=attributes,
    )


@contextlib.asynccontextmanager
async def session(
    *targets: str, dns: DnsSettings | None = None, policy: Policy | None = None, pace: Pace | None = None
) -> AsyncIterator[Session]:
    """A session whose scope is the targets."""
    limits = Limits(connect_seconds=2.0)
    async with Egress(policy or Policy.scanning(loopback=True, private=True), limits=limits, dns=dns) as egress:
        yield Session(egress, Scope(), targets, pace=pace)


async def run(
    module: Module[Any],
    *observations: Observation,
    targets: tuple[str, ...] = ("127.0.0.1", "example.test"),
    dns: DnsSettings | None = None,
    config: dict[str, Any] | None = None,
    blobs: MemoryBlobs | None = None,
    seconds: float = 60.0,
    limits: BatchLimits | None = None,
    journal: Journal | None = None,
) -> BatchResult:
    """Run one module over observations, as a worker does."""
    async with session(*targets, dns=dns) as outside:
        return await run_batch(
            module,
            Batch(SCAN, observations, config),
            session=outside,
            blobs=blobs or MemoryBlobs(),
            deadline=time.monotonic() + seconds,
            limits=limits,
            journal=journal,
            now=lambda: AT,
        )


def facts(result: BatchResult, *types: str) -> set[tuple[str, str]]:
    """Type and value of what was found, of some types or all."""
    return {(o.type, o.value) for o in result.observations if not types or o.type in types}


def values(result: BatchResult, type_: str) -> list[str]:
    """The values of one type, in order."""
    return [o.value for o in result.observations if o.type == type_]
