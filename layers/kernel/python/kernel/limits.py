"""Leased token buckets: one bucket in the table, shares of it leased to workers, so that a limit holds across all
of them and costs one write per lease instead of one per request."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from kernel.actor import Actor, Rate
from kernel.errors import Conflict, PreconditionFailed, TooManyRequests
from kernel.records import Record
from kernel.table import Table, create, update

ATTEMPTS = 5
IDLE_SECONDS = 86400
SHARE = 0.1
"""The part of a burst that a worker leases at once: a call to the table for every tenth of it."""
LEASED_SECONDS = 60
"""How long a worker may hold what it has leased and not used; then it gives that back with its next lease."""
USED_UP_SECONDS = 60
"""How long a worker takes it that a month's requests are used up: a larger plan counts then."""
CALLERS_KEPT = 10_000
PLAN = "api"
"""The bucket that all requests of a tenant share."""


class Bucket(Record, pk="TENANT#{tenant_id}#LIMITS#{name}", sk="BUCKET"):
    """The tokens that were left at a moment (Unix seconds), and how many were taken in a calendar month (UTC)."""

    name: str
    tokens: float
    at: float
    month: str = ""
    taken: float = 0.0

    def taken_in(self, month: str) -> float:
        """How many tokens were taken in a month."""
        return self.taken if self.month == month else 0.0


class Drawn(NamedTuple):
    """What was taken from a bucket, and what it still holds."""

    granted: float
    left: float
    taken: float = 0.0
    """In this month, all together."""


class Limiter:
    """Leases tokens from buckets that refill at `rate` tokens a second up to `burst`."""

    def __init__(self, table: Table, clock: Callable[[], float] = time.time) -> None:
        self._table = table
        self._clock = clock

    def lease(self, actor: Actor, name: str, *, rate: float, burst: float, want: float) -> float:
        """Take up to `want` tokens and say how many were granted (0 when the bucket is empty)."""
        return self.draw(actor, name, rate=rate, burst=burst, want=want).granted

    def draw(self, actor: Actor, name: str, *, rate: float, burst: float, want: float, unused: float = 0.0) -> Drawn:
        """The same, with what is left in the bucket; `unused` tokens of an earlier draw are given back first."""
        for _ in range(ATTEMPTS):
            bucket = self._table.get(actor, Bucket, name=name)
            now = self._clock()
            left = refilled(bucket.tokens + unused, now - bucket.at, rate, burst) if bucket else burst
            granted = min(want, float(int(left)))
            month = month_of(now)
            taken = max(0.0, bucket.taken_in(month) - unused) if bucket else 0.0
            if granted <= 0:
                return Drawn(0.0, left, taken)
            fresh = bucket or Bucket(tenant_id=actor.tenant_id, name=name, tokens=0, at=now)
            fresh.tokens, fresh.expires_at = left - granted, int(now) + IDLE_SECONDS
            fresh.month, fresh.taken = month, taken + granted
            fresh.at = max(fresh.at, now)  # a clock that lags must not let the same seconds refill twice
            try:
                self._table.write(update(fresh) if bucket else create(fresh))
            except (Conflict, PreconditionFailed):
                continue
            return Drawn(granted, left - granted, taken + granted)
        return Drawn(0.0, 0.0)

    def take(self, actor: Actor, name: str, *, rate: float, burst: float) -> None:
        """One token, or TooManyRequests that says when the next one is there."""
        if self.lease(actor, name, rate=rate, burst=burst, want=1) < 1:
            raise TooManyRequests(retry_after=max(1, round(1 / rate)))


def month_of(at: float) -> str:
    """The calendar month (UTC) of a moment, as `2026-01`."""
    return time.strftime("%Y-%m", time.gmtime(at))


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

    __slots__ = ("is_used_up", "left", "refused_until", "tokens", "until")

    def __init__(self) -> None:
        self.tokens = self.left = self.until = self.refused_until = 0.0
        self.is_used_up = False


class Admission:
    """Counts requests against the tenant's plan, and those with an API key against the key's own limit too.

    A worker leases a tenth of the burst at a time, so that most requests cost no call; and while a caller's bucket is
    empty it refuses without one, so that a flood costs nothing.
    """

    def __init__(self, table: Table, clock: Callable[[], float] = time.time) -> None:
        self._limiter = Limiter(table, clock)
        self._clock = clock
        self._holdings: OrderedDict[tuple[str, str], _Holding] = OrderedDict()

    def admit(self, actor: Actor) -> Standing | None:
        """Count a request; how the caller stands within the nearest limit, or None for one without any. Raises
        RateExceeded or QuotaExceeded."""
        standings = [
            self._count(actor, rate, name)
            for rate, name in ((actor.key_rate, f"api:{actor.key_id}"), (actor.rate, PLAN))
            if rate is not None
        ]
        return min(standings, key=lambda standing: standing.remaining, default=None)

    def _count(self, actor: Actor, rate: Rate, name: str) -> Standing:
        holding, now = self._holding(actor.tenant_id, name), self._clock()
        if holding.tokens < 1 or now > holding.until:
            self._renew(actor, rate, name, holding, now)
        holding.tokens -= 1
        return _standing(rate, holding)

    def _renew(self, actor: Actor, rate: Rate, name: str, holding: _Holding, now: float) -> None:
        share = max(1.0, float(int(rate.burst * SHARE)))
        if now >= holding.refused_until:
            unused, holding.tokens = max(0.0, holding.tokens), 0.0
            drawn = self._limiter.draw(actor, name, rate=rate.per_second, burst=rate.burst, want=share, unused=unused)
            holding.tokens, holding.left, holding.until = drawn.granted, drawn.left, now + LEASED_SECONDS
            if drawn.granted < 1:
                holding.refused_until = now + share / rate.per_second
            holding.is_used_up = bool(rate.monthly) and drawn.taken > rate.monthly
            if holding.is_used_up:
                holding.refused_until = now + USED_UP_SECONDS
        if holding.is_used_up:
            holding.tokens = 0
            raise QuotaExceeded(retry_after=seconds_left_in_month(now))
        if holding.tokens < 1:
            exceeded = RateExceeded(retry_after=max(1, math.ceil(holding.refused_until - now)))
            exceeded.standing = _standing(rate, holding)
            raise exceeded

    def _holding(self, tenant_id: str, name: str) -> _Holding:
        holding = self._holdings.pop((tenant_id, name), None) or _Holding()
        self._holdings[tenant_id, name] = holding
        if len(self._holdings) > CALLERS_KEPT:
            self._holdings.popitem(last=False)
        return holding


def seconds_left_in_month(now: float) -> int:
    """Until the first of the next month, 00:00 UTC."""
    today = datetime.fromtimestamp(now, UTC)
    first = (today.replace(day=1) + timedelta(days=32)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return math.ceil(first.timestamp() - now)


class QuotaExceeded(TooManyRequests):
    """The plan's requests of this month are used up."""

    slug, title = "quota-exceeded", "Your plan's requests of this month are used up"


class RateExceeded(TooManyRequests):
    """A caller sends more than his plan or key allows."""

    slug, title = "rate-limit-exceeded", "You send requests faster than your plan allows"
    standing: Standing | None = None


def _standing(rate: Rate, holding: _Holding) -> Standing:
    remaining = int(max(0.0, holding.tokens) + max(0.0, holding.left))
    return Standing(rate, remaining, math.ceil((rate.burst - remaining) / rate.per_second))
