"""The world outside: the network that modules see, and the rate that all workers of a tenant share."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from contracts.scans import ScanBrief
from contracts.scope import Scope, network_of
from functions.collection.politeness import Pace
from functions.collection.session import Session
from kernel.actor import Actor
from kernel.egress import Egress
from kernel.egress.deployment import dns_settings, scan_policy
from kernel.limits import Limiter
from kernel.table import Table

RATES = {"dns": 4000.0, "http": 1000.0, "tcp": 4000.0, "udp": 2000.0}
"""Packet-sending acts a second of one tenant, by rate group."""
DEFAULT_RATE = 500.0
LEASE_SECONDS = 0.5
MAX_WAIT_SECONDS = 5.0


def open_egress(scope: Scope) -> Egress:
    """The outbound client as this deployment, and the scope by its networks, allow it to scan: a name in scope may
    lead to an address that the scope denies."""
    denied = tuple(network for pattern in scope.deny if (network := network_of(pattern)) is not None)
    return Egress(replace(scan_policy(), denied=denied), dns=dns_settings())


def open_session(egress: Egress, brief: ScanBrief, rate: LeasedRate, group: str) -> Session:
    """What one batch may do to the outside, at the scan's pace."""
    manners = brief.politeness
    pace = Pace(
        concurrency=max(1, round(manners.concurrency * brief.pace)),
        connections=max(1, round(manners.connections * brief.pace)),
        interval_seconds=0.0 if brief.pace >= 1 else 0.1 / brief.pace,
        requests_per_second=manners.requests_per_second,
        retries=manners.retries,
        respect_robots=manners.respect_robots,
    )
    return Session(
        egress,
        brief.scope,
        brief.targets,
        pace=pace,
        rate_limit=rate,
        rate_group=group,
        tenant_id=brief.tenant_id,
    )


class LeasedRate:
    """Shares of the tenant's buckets, leased half a second's worth at a time. `rates` are acts a second of groups that
    have their own: those of a provider whose limit all workers share."""

    def __init__(self, actor: Actor, table: Table, pace: float, rates: Mapping[str, float] | None = None) -> None:
        self._actor = actor
        self._limiter = Limiter(table)
        self._own = dict(rates or {})
        self._pace = pace
        self._tokens: dict[str, float] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def acquire(self, group: str) -> None:
        """Return when one more packet-sending act of the group may begin."""
        if group in self._own:
            await self._acquire_strictly(group, self._own[group])
        else:
            rate = RATES.get(group, DEFAULT_RATE) * self._pace
            await self._acquire(group, rate, burst=max(rate, 10), want=max(rate * LEASE_SECONDS, 5))

    async def acquire_host(self, host: str, per_second: float) -> None:
        """Return when one more act towards a host may begin."""
        await self._acquire_strictly(f"host-{host}", per_second)

    async def _acquire_strictly(self, name: str, rate: float) -> None:
        """Of a limit that somebody else has set, no burst is taken."""
        share = max(rate * LEASE_SECONDS, 1)
        await self._acquire(name, rate, burst=share, want=share)

    async def _acquire(self, name: str, rate: float, burst: float, want: float) -> None:
        def lease() -> float:
            return self._limiter.lease(self._actor, f"scan-{name}", rate=rate, burst=burst, want=want)

        async with self._locks.setdefault(name, asyncio.Lock()):
            while self._tokens.get(name, 0) < 1:
                self._tokens[name] = await asyncio.to_thread(lease)
                if self._tokens[name] < 1:
                    await asyncio.sleep(min(max(LEASE_SECONDS / 5, 1 / rate), MAX_WAIT_SECONDS))
            self._tokens[name] -= 1
