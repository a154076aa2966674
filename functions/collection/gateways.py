"""The world outside: the network that modules see, and the rate that all workers of a tenant share."""

from __future__ import annotations

import asyncio

from contracts.scans import ScanBrief
from functions.collection.politeness import Pace
from functions.collection.session import Session
from kernel.actor import Actor
from kernel.egress import Egress
from kernel.egress.deployment import dns_settings, scan_policy
from kernel.limits import Limiter
from kernel.table import Table

RATES = {"dns": 4000.0, "http": 1000.0, "tcp": 4000.0}
"""Packet-sending acts a second of one tenant, by rate group."""
DEFAULT_RATE = 500.0
LEASE_SECONDS = 0.5
FULL_CONCURRENCY = 10


def open_egress() -> Egress:
    """The outbound client as this deployment allows it to scan."""
    return Egress(scan_policy(), dns=dns_settings())


def open_session(egress: Egress, brief: ScanBrief, rate: LeasedRate, group: str) -> Session:
    """What one batch may do to the outside, at the scan's pace."""
    pace = Pace(
        concurrency=max(1, round(FULL_CONCURRENCY * brief.pace)),
        interval_seconds=0.0 if brief.pace >= 1 else 0.1 / brief.pace,
    )
    return Session(egress, brief.scope, brief.targets, pace=pace, rate_limit=rate, rate_group=group)


class LeasedRate:
    """A share of the tenant's bucket, leased half a second's worth at a time."""

    def __init__(self, actor: Actor, table: Table, pace: float) -> None:
        self._actor = actor
        self._limiter = Limiter(table)
        self._pace = pace
        self._tokens: dict[str, float] = {}
        self._lock = asyncio.Lock()

    async def acquire(self, group: str) -> None:
        """Return when one more packet-sending act of the group may begin."""
        async with self._lock:
            while self._tokens.get(group, 0) < 1:
                self._tokens[group] = await asyncio.to_thread(self._lease, group)
                if self._tokens[group] < 1:
                    await asyncio.sleep(LEASE_SECONDS / 5)
            self._tokens[group] -= 1

    def _lease(self, group: str) -> float:
        rate = RATES.get(group, DEFAULT_RATE) * self._pace
        return self._limiter.lease(
            self._actor, f"scan-{group}", rate=rate, burst=max(rate, 10), want=max(rate * LEASE_SECONDS, 5)
        )
