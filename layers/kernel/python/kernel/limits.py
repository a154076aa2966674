"""Leased token buckets: one bucket in the table, shares of it leased to workers, so that a limit holds across all
of them and costs one write per lease instead of one per request."""

from __future__ import annotations

import time
from collections.abc import Callable

from kernel.actor import Actor
from kernel.errors import Conflict, PreconditionFailed, TooManyRequests
from kernel.records import Record
from kernel.table import Table, create, update

ATTEMPTS = 5
IDLE_SECONDS = 86400


class Bucket(Record, pk="TENANT#{tenant_id}#LIMITS#{name}", sk="BUCKET"):
    """The tokens that were left at a moment (Unix seconds)."""

    name: str
    tokens: float
    at: float


class Limiter:
    """Leases tokens from buckets that refill at `rate` tokens a second up to `burst`."""

    def __init__(self, table: Table, clock: Callable[[], float] = time.time) -> None:
        self._table = table
        self._clock = clock

    def lease(self, actor: Actor, name: str, *, rate: float, burst: float, want: float) -> float:
        """Take up to `want` tokens and say how many were granted (0 when the bucket is empty)."""
        for _ in range(ATTEMPTS):
            bucket = self._table.get(actor, Bucket, name=name)
            now = self._clock()
            left = refilled(bucket.tokens, now - bucket.at, rate, burst) if bucket else burst
            granted = min(want, float(int(left)))
            if granted <= 0:
                return 0.0
            fresh = bucket or Bucket(tenant_id=actor.tenant_id, name=name, tokens=0, at=now)
            fresh.tokens, fresh.expires_at = left - granted, int(now) + IDLE_SECONDS
            fresh.at = max(fresh.at, now)  # a clock that lags must not let the same seconds refill twice
            try:
                self._table.write(update(fresh) if bucket else create(fresh))
            except (Conflict, PreconditionFailed):
                continue
            return granted
        return 0.0

    def take(self, actor: Actor, name: str, *, rate: float, burst: float) -> None:
        """One token, or TooManyRequests that says when the next one is there."""
        if self.lease(actor, name, rate=rate, burst=burst, want=1) < 1:
            raise TooManyRequests(retry_after=max(1, round(1 / rate)))


def refilled(tokens: float, elapsed: float, rate: float, burst: float) -> float:
    """A bucket's tokens after `elapsed` seconds; a clock that went back refills nothing."""
    return min(burst, tokens + max(0.0, elapsed) * rate)
