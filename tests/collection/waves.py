"""A scan in memory: the planner and the engine as they are, with a dictionary in place of the cloud between them."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from contracts.facts import LogEntry
from contracts.modules import catalogue
from contracts.observations import Observation
from contracts.scans import ScanBrief, ScanStatus
from functions.collection.engine import Batch, run_batch
from functions.collection.model import Leftover, plan, seeds
from functions.collection.modules import load
from functions.collection.session import Session
from kernel.egress import DnsSettings, Egress, Limits, Policy
from tests.collection.world import AT, MemoryBlobs

MAX_WAVES = 30


@dataclass
class Scan:
    """What a scan brought home."""

    observations: dict[str, Observation] = field(default_factory=dict)
    log: list[tuple[str, LogEntry]] = field(default_factory=list)
    waves: int = 0
    tasks: int = 0

    def of_type(self, *types: str) -> list[Observation]:
        """The observations of some types, each value once."""
        found = {(o.type, o.value): o for o in self.observations.values() if o.type in types}
        return [found[key] for key in sorted(found)]

    def weaknesses(self) -> dict[str, set[str]]:
        """The checks that failed, by asset."""
        found: dict[str, set[str]] = {}
        for item in self.of_type("misconfiguration", "exposure", "vulnerability"):
            found.setdefault(item.attributes["asset"], set()).add(item.attributes["check"])
        return found

    def errors(self) -> list[tuple[str, str]]:
        """Faults of modules."""
        return [(module, entry.message) for module, entry in self.log if entry.level == "error"]


def brief(
    targets: Iterable[str], modules: Iterable[str] = (), configs: dict[str, dict[str, Any]] | None = None
) -> ScanBrief:
    """A scan with some modules, or all."""
    faces = catalogue()
    return ScanBrief(
        tenant_id="01J0000000000000000000000A",
        scan_id="scan_01",
        name="a scan",
        status=ScanStatus.RUNNING,
        targets=tuple(targets),
        modules={name: faces[name].version for name in (modules or faces)},
        module_configs=configs or {},
        created_at=AT,
    )


async def scan(
    targets: Iterable[str],
    modules: Iterable[str] = (),
    *,
    dns: DnsSettings | None = None,
    configs: dict[str, dict[str, Any]] | None = None,
) -> Scan:
    """Wave after wave until nothing new is found."""
    order = brief(targets, modules, configs)
    blobs, found = MemoryBlobs(), Scan()
    frontier, leftovers = seeds(order), []
    found.observations = {seed.id: seed for seed in frontier}
    seen = {(seed.type, seed.value) for seed in frontier}
    async with Egress(Policy.scanning(loopback=True), dns=dns, limits=Limits(connect_seconds=2)) as egress:
        while found.waves < MAX_WAVES:
            work = plan(order, catalogue(), frontier, leftovers)
            if not work.batches:
                return found
            fresh, leftovers = await _wave(order, work.batches, egress, blobs, found)
            frontier = [o for o in fresh if (o.type, o.value) not in seen]
            frontier = list({(o.type, o.value): o for o in reversed(frontier)}.values())
            seen.update((o.type, o.value) for o in frontier)
            found.waves += 1
            found.tasks += work.tasks
    raise AssertionError("the scan does not end")


async def _wave(
    order: ScanBrief, batches: Iterable[Any], egress: Egress, blobs: MemoryBlobs, found: Scan
) -> tuple[list[Observation], list[Leftover]]:
    fresh: list[Observation] = []
    leftovers: list[Leftover] = []
    for batch in batches:
        result = await run_batch(
            load(batch.module)(),
            Batch(order.scan_id, batch.observations, batch.config),
            session=Session(egress, order.scope, order.targets),
            blobs=blobs,
            deadline=time.monotonic() + 60,
            now=lambda: AT,
        )
        found.observations.update({o.id: o for o in result.observations})
        found.log.extend((batch.module, entry) for entry in result.log)
        fresh.extend(result.observations)
        leftovers.extend(Leftover(batch.module, o) for o in result.leftovers)
    return _merged(fresh), leftovers


def _merged(fresh: list[Observation]) -> list[Observation]:
    """A fact that one task has consumed and another has not counts as consumed."""
    from msgspec.structs import replace

    consumed: dict[tuple[str, str], set[str]] = {}
    for item in fresh:
        consumed.setdefault((item.type, item.value), set()).update(item.consumed)
    return [replace(item, consumed=tuple(sorted(consumed[item.type, item.value]))) for item in fresh]
