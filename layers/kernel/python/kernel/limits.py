"""Leased token buckets: one bucket in the table, shares of it leased to workers, so that a limit holds across all
of them and costs one write per lease instead of one per request."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from kernel.actor import Actor, Rate
from kernel.errors import Conflict, PreconditionFailed, TooManyRequests
from kernel.records import Record
from kernel.table import Table, create, update

ATTEMPTS = 5
IDLE_SECONDS = 86400
SHARE = 0.1
"""The part of a burst that a worker leases at once: a call to the table for every tenth of it."""
LEASED_SECONDS = 10
"""How long a worker may hold what it has leased and not used."""
CALLERS_KEPT = 10_000


class Bucket(Record, pk="TENANT#{tenant_id}#LIMITS#{name}", sk="BUCKET"):
    """The tokens that were left at a moment (Unix seconds)."""

    name: str
    tokens: float
    at: float


class Drawn(NamedTuple):
    """What was taken from a bucket, and what it still holds."""

    granted: float
    left: float


class Limiter:
    """Leases tokens from buckets that refill at `rate` tokens a second up to `burst`."""

    def __init__(self, table: Table, clock: Callable[[], float] = time.time) -> None:
        self._table = table
        self._clock = clock

    def lease(self, actor: Actor, name: str, *, rate: float, burst: float, want: float) -> float:
        """Take up to `want` tokens and say how many were granted (0 when the bucket is empty)."""
        return self.draw(actor, name, rate=rate, burst=burst, want=want).granted

    def draw(self, actor: Actor, name: str, *, rate: float, burst: float, want: float) -> Drawn:
        """The same, with what is left in the bucket."""
        for _ in range(ATTEMPTS):
            bucket = self._table.get(actor, Bucket, name=name)
            now = self._clock()
            left = refilled(bucket.tokens, now - bucket.at, rate, burst) if bucket else burst
            granted = min(want, float(int(left)))
            if granted <= 0:
                return Drawn(0.0, left)
            fresh = bucket or Bucket(tenant_id=actor.tenant_id, name=name, tokens=0, at=now)
            fresh.tokens, fresh.expires_at = left - granted, int(now) + IDLE_SECONDS
            fresh.at = max(fresh.at, now)  # a clock that lags must not let the same seconds refill twice
            try:
                self._table.write(update(fresh) if bucket else create(fresh))
            except (Conflict, PreconditionFailed):
                continue
            return Drawn(granted, left - granted)
        return Drawn(0.0, 0.0)

    def take(self, actor: Actor, name: str, *, rate: float, burst: float) -> None:
        """One token, or TooManyRequests that says when the next one is there."""
        if self.lease(actor, name, rate=rate, burst=burst, want=1) < 1:
            raise TooManyRequests(retry_after=max(1, round(1 / rate)))


def refilled(tokens: float, elapsed: float, rate: float, burst: float) -> float:
    """A bucket's tokens after `elapsed` seconds; a clock that went back refills nothing."""
    return min(burst, tokens + max(0.0, elapsed) * rate)


class Standing(NamedTuple):
    """How a caller stands after a request: what is left of his burst, and in how many seconds it is full again."""

    rate: Rate
    remaining: int
    reset: int

    def headers(self) -> dict[str, str]:
        """The RateLimit header fields (draft-ietf-httpapi-ratelimit-headers-10)."""
        window = max(1, math.ceil(self.rate.burst / self.rate.per_second))
        return {
            "RateLimit-Policy": f'"requests";q={self.rate.burst};w={window}',
            "RateLimit": f'"requests";r={self.remaining};t={self.reset}',
        }


class _Holding:
    """What this worker has leased for one caller."""

    __slots__ = ("left", "refused_until", "tokens", "until")

    def __init__(self) -> None:
        self.tokens = self.left = self.until = self.refused_until = 0.0


class Admission:
    """Counts requests against the rate of their caller: the tenant's plan, or an API key's own limit.

    A worker leases a tenth of the burst at a time, so that most requests cost no call; and while a caller's bucket is
    empty it refuses without one, so that a flood costs nothing.
    """

    def __init__(self, table: Table, clock: Callable[[], float] = time.time) -> None:
        self._limiter = Limiter(table, clock)
        self._clock = clock
        self._holdings: OrderedDict[tuple[str, str], _Holding] = OrderedDict()

    def admit(self, actor: Actor) -> Standing | None:
        """Count a request; None for an actor without a limit. Raises TooManyRequests."""
        if actor.rate is None:
            return None
        holding, now = self._holding(actor), self._clock()
        if holding.tokens < 1 or now > holding.until:
            self._renew(actor, actor.rate, holding, now)
        holding.tokens -= 1
        return _standing(actor.rate, holding)

    def _renew(self, actor: Actor, rate: Rate, holding: _Holding, now: float) -> None:
        share = max(1.0, float(int(rate.burst * SHARE)))
        if now >= holding.refused_until:
            name = f"api:{actor.key_id}" if actor.key_id else "api"
            drawn = self._limiter.draw(actor, name, rate=rate.per_second, burst=rate.burst, want=share)
            holding.tokens, holding.left, holding.until = drawn.granted, drawn.left, now + LEASED_SECONDS
            if drawn.granted < 1:
                holding.refused_until = now + share / rate.per_second
        if holding.tokens < 1:
            exceeded = RateExceeded(retry_after=max(1, math.ceil(holding.refused_until - now)))
            exceeded.standing = _standing(rate, holding)
            raise exceeded

    def _holding(self, actor: Actor) -> _Holding:
        caller = (actor.tenant_id, actor.key_id or "")
        holding = self._holdings.pop(caller, None) or _Holding()
        self._holdings[caller] = holding
        if len(self._holdings) > CALLERS_KEPT:
            self._holdings.popitem(last=False)
        return holding


class RateExceeded(TooManyRequests):
    """A caller sends more than his plan or key allows."""

    slug, title = "rate-limit-exceeded", "You send requests faster than your plan allows"
    standing: Standing | None = None


def _standing(rate: Rate, holding: _Holding) -> Standing:
    remaining = int(max(0.0, holding.tokens) + max(0.0, holding.left))
    return Standing(rate, remaining, math.ceil((rate.burst - remaining) / rate.per_second))
