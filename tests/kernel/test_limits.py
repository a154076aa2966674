"""Leased token buckets: whoever asks, and however clocks differ, a limit is never exceeded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.actor import Actor, Rate
from kernel.errors import TooManyRequests
from kernel.limits import ATTEMPTS, LEASED_SECONDS, Admission, Bucket, Limiter, QuotaExceeded, RateExceeded, refilled
from kernel.table import Table, create, update
from tests.faults import answering, counted, refusal
from tests.kit import actor
from tests.memory_table import memory_table

RATE, BURST = 3.0, 10.0


class Clock:
    """A clock that a test moves."""

    def __init__(self, at: float = 1_000_000.0) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


@given(
    st.floats(0.05, 50),
    st.floats(1, 100),
    st.lists(st.tuples(st.floats(0, 5), st.floats(0.5, 30), st.sampled_from((0.0, -3.0, -0.5, 2.0))), max_size=12),
)
def test_never_more_than_the_burst_and_what_refilled(
    rate: float, burst: float, requests: list[tuple[float, float, float]]
) -> None:
    """Workers whose clocks are wrong by `skew` lease in turn: the bound holds for the widest clock."""
    table, who, clock = memory_table(), actor(), Clock()
    now, granted = clock.at, 0.0
    seen: list[float] = []
    for elapsed, want, skew in requests:
        now += elapsed
        clock.at = now + skew
        seen.append(clock.at)
        granted += Limiter(table, clock).lease(who, "scan", rate=rate, burst=burst, want=want)
        assert granted <= burst + rate * (max(seen) - seen[0]) + 1e-6


@given(st.floats(0, 100), st.floats(-100, 1e6), st.floats(0.01, 100), st.floats(1, 100))
def test_refilling_never_takes_away_and_never_overflows(
    tokens: float, elapsed: float, rate: float, burst: float
) -> None:
    left = refilled(min(tokens, burst), elapsed, rate, burst)
    assert min(tokens, burst) <= left <= burst


def test_whole_tokens_are_granted_until_the_bucket_is_empty(table: Table) -> None:
    who, clock = actor(), Clock()
    limiter = Limiter(table, clock)
    assert limiter.lease(who, "scan", rate=RATE, burst=BURST, want=4) == 4
    assert limiter.lease(who, "scan", rate=RATE, burst=BURST, want=40) == 6
    assert limiter.lease(who, "scan", rate=RATE, burst=BURST, want=1) == 0
    clock.at += 0.5
    assert limiter.lease(who, "scan", rate=RATE, burst=BURST, want=5) == 1
    clock.at += 0.5
    assert limiter.lease(who, "scan", rate=RATE, burst=BURST, want=5) == 2
    clock.at += 3600
    assert limiter.lease(who, "scan", rate=RATE, burst=BURST, want=500) == BURST


def test_a_clock_that_lags_does_not_refill_the_same_seconds_twice(table: Table) -> None:
    who, ahead, behind = actor(), Clock(1000.0), Clock(900.0)
    assert Limiter(table, ahead).lease(who, "scan", rate=1, burst=10, want=5) == 5
    assert Limiter(table, behind).lease(who, "scan", rate=1, burst=10, want=5) == 5
    assert Limiter(table, ahead).lease(who, "scan", rate=1, burst=10, want=5) == 0


def test_buckets_of_tenants_and_of_names_are_their_own(table: Table) -> None:
    who, other, limiter = actor(), actor(), Limiter(table, Clock())
    assert limiter.lease(who, "scan", rate=1, burst=5, want=5) == 5
    assert limiter.lease(other, "scan", rate=1, burst=5, want=5) == 5
    assert limiter.lease(who, "api", rate=1, burst=5, want=5) == 5


def test_taking_from_an_empty_bucket_says_when_to_come_back(table: Table) -> None:
    who, limiter = actor(), Limiter(table, Clock())
    limiter.take(who, "api", rate=0.1, burst=1)
    with pytest.raises(TooManyRequests) as caught:
        limiter.take(who, "api", rate=0.1, burst=1)
    assert caught.value.retry_after == 10


def test_two_workers_that_lease_at_once_share_what_there_is(table: Table) -> None:
    """The second one's write fails on the version; it reads again and gets the rest."""
    who, clock = actor(), Clock()
    table.write(create(Bucket(tenant_id=who.tenant_id, name="scan", tokens=10, at=clock.at)))
    with answering("PutItem", refusal("ConditionalCheckFailedException")) as requests:
        limiter = Limiter(Table(), clock)
        assert limiter.lease(who, "scan", rate=1, burst=10, want=4) == 4
        assert len(requests) == 2
    bucket = table.require(who, Bucket, name="scan")
    assert bucket.tokens == 6
    table.write(update(bucket))


def test_a_bucket_that_everybody_wants_grants_nothing_rather_than_too_much(table: Table) -> None:
    who = actor()
    with answering("PutItem", *[refusal("ConditionalCheckFailedException")] * ATTEMPTS):
        assert Limiter(Table(), Clock()).lease(who, "scan", rate=1, burst=10, want=4) == 0
    assert table.get(who, Bucket, name="scan") is None


def caller_of(rate: Rate | None, **fields: object) -> Actor:
    return actor().model_copy(update={"rate": rate, **fields})


@given(st.integers(1, 4), st.lists(st.tuples(st.floats(0, 3), st.integers(1, 40)), max_size=12))
def test_workers_together_admit_no_more_than_the_burst_and_what_refilled(
    workers: int, bursts: list[tuple[float, int]]
) -> None:
    table, clock = memory_table(), Clock()
    who = caller_of(Rate(per_second=5, burst=20))
    doors = [Admission(table, clock) for _ in range(workers)]
    began, admitted, waits = clock.at, 0, set[int | None]()
    for pause, requests in bursts:
        clock.at += pause
        for number in range(requests):
            try:
                doors[number % workers].admit(who)
            except RateExceeded as exceeded:
                waits.add(exceeded.retry_after)
            else:
                admitted += 1
    assert waits <= {1}
    assert admitted <= 20 + 5 * (clock.at - began)


def test_a_flood_is_refused_without_a_call(table: Table) -> None:
    who, door, refused = caller_of(Rate(per_second=10, burst=100)), Admission(table, Clock()), 0
    with counted() as calls:
        for _ in range(5000):
            try:
                door.admit(who)
            except RateExceeded:
                refused += 1
    assert refused == 4900
    assert len(calls) <= 23  # a read and a write for each tenth, and a last read that finds it empty


def test_it_says_how_the_caller_stands(table: Table) -> None:
    clock = Clock()
    who, door = caller_of(Rate(per_second=10, burst=100)), Admission(table, clock)
    standing = door.admit(who)
    assert standing is not None
    assert standing.headers() == {"RateLimit-Policy": '"requests";q=100;w=10', "RateLimit": '"requests";r=99;t=1'}
    for _ in range(99):
        standing = door.admit(who)
    assert standing is not None
    assert (standing.remaining, standing.reset) == (0, 10)
    with pytest.raises(RateExceeded) as exceeded:
        door.admit(who)
    assert exceeded.value.retry_after == 1
    clock.at += 1
    assert door.admit(who) is not None


def test_tenants_and_keys_are_counted_apart_and_who_has_no_limit_is_not_counted(table: Table) -> None:
    door, rate = Admission(table, Clock()), Rate(per_second=1, burst=1)
    one = caller_of(rate)
    door.admit(one)
    door.admit(caller_of(rate))
    with pytest.raises(RateExceeded):
        door.admit(one)
    assert all(door.admit(caller_of(None)) is None for _ in range(10))


def test_what_a_worker_leased_and_did_not_use_is_given_back(table: Table) -> None:
    """A client that asks now and then is counted for what it asked."""
    clock = Clock()
    who, door = caller_of(Rate(per_second=1, burst=100)), Admission(table, clock)
    for _ in range(50):
        with counted() as calls:
            door.admit(who)
        assert calls == ["GetItem", "PutItem"]
        clock.at += LEASED_SECONDS + 1
    bucket = table.get(who, Bucket, name="api")
    assert bucket is not None
    assert 50 <= bucket.taken <= 60
    assert bucket.tokens >= 90


def test_a_keys_own_limit_lies_within_the_plans(table: Table) -> None:
    door = Admission(table, Clock())
    plan, own = Rate(per_second=1, burst=5), Rate(per_second=1, burst=2)
    tenant = caller_of(plan)
    keys = [tenant.model_copy(update={"key_id": f"key_{number}", "key_rate": own}) for number in range(4)]
    admitted = []
    for key in keys:
        for _ in range(3):
            try:
                standing = door.admit(key)
            except RateExceeded:
                continue
            assert standing is not None
            admitted.append(key.key_id)
    assert len(admitted) == 5
    assert max(admitted.count(key.key_id) for key in keys) == 2


def test_the_months_requests_are_counted_and_end_with_the_month(table: Table) -> None:
    clock = Clock(1_795_910_400.0)  # 2026-11-29T00:00:00Z
    who = caller_of(Rate(per_second=1000, burst=1000, monthly=1000))
    door = Admission(table, clock)
    for _ in range(1000):
        door.admit(who)
    clock.at += 60
    with pytest.raises(QuotaExceeded) as exceeded:
        door.admit(who)
    assert exceeded.value.retry_after == 2 * 86400 - 60
    clock.at += 30
    with counted() as calls, pytest.raises(QuotaExceeded):
        door.admit(who)
    assert calls == []
    with pytest.raises(QuotaExceeded):
        Admission(table, clock).admit(who)
    clock.at += 2 * 86400
    assert door.admit(who) is not None
