"""Manners: how many at once, how far apart, and how long to stay away."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest

from functions.collection import politeness
from functions.collection.politeness import HostGate, Pace, RetryBudget, jitter, retry_after_seconds


async def test_no_more_than_the_pace_at_once() -> None:
    gate, inside, most = HostGate(Pace(), 3), 0, 0

    async def visit() -> None:
        nonlocal inside, most
        async with gate.passage():
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.001)
            inside -= 1

    await asyncio.gather(*(visit() for _ in range(20)))
    assert most == 3


async def test_requests_keep_their_distance() -> None:
    gate, times = HostGate(Pace(interval_seconds=0.02), 5), []
    for _ in range(3):
        async with gate.passage():
            times.append(asyncio.get_running_loop().time())
    assert all(later - earlier >= 0.019 for earlier, later in pairwise(times))


async def test_an_overloaded_host_is_left_alone_twice_as_long_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(politeness, "jitter", lambda: 1.0)
    gate = HostGate(Pace(max_backoff_seconds=1.5), 1)
    pauses = []
    for _ in range(3):
        before = asyncio.get_running_loop().time()
        gate._next_at = 0.0
        gate.report(503)
        pauses.append(round(gate._next_at - before, 1))
    assert pauses == [0.5, 1.0, 1.5]
    gate.report(200)
    gate._next_at = 0.0
    before = asyncio.get_running_loop().time()
    gate.report(429, "9999999")
    assert round(gate._next_at - before, 1) == 1.5


@pytest.mark.parametrize(("value", "seconds"), [("120", 120.0), (" 0 ", 0.0), ("", None), ("soon", None), ("-5", None)])
def test_retry_after_is_read(value: str, seconds: float | None) -> None:
    assert retry_after_seconds(value) == seconds


def test_retry_after_may_be_a_date() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert 55 <= (retry_after_seconds(later) or 0) <= 61
    assert retry_after_seconds("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0


def test_repeats_are_few_where_little_is_answered_and_more_where_much_is() -> None:
    budget = RetryBudget()
    assert sum(budget.take() for _ in range(1000)) == 10
    for _ in range(1000):
        budget.answered()
    assert 95 <= sum(budget.take() for _ in range(1000)) <= 100


def test_what_fails_together_does_not_try_again_together() -> None:
    factors = {jitter() for _ in range(50)}
    assert len(factors) > 40
    assert all(0.5 <= factor <= 1 for factor in factors)
