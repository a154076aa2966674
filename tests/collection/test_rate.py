"""The rate that all workers of a tenant share: leased in shares, never more than the bucket gives."""

from __future__ import annotations

import asyncio
import time

from functions.collection.gateways import DEFAULT_RATE, LEASE_SECONDS, RATES, LeasedRate
from kernel.limits import Bucket
from tests.kit import actor
from tests.memory_table import memory_table


async def test_a_share_is_leased_once_and_spent_piece_by_piece() -> None:
    who, table = actor(), memory_table()
    writes: list[int] = []
    table.client.before_write = lambda: writes.append(1)
    rate = LeasedRate(who, table, pace=1.0)
    for _ in range(100):
        await rate.acquire("dns")
    assert len(writes) == 1
    bucket = table.require(who, Bucket, name="scan-dns")
    assert bucket.tokens == RATES["dns"] - RATES["dns"] * LEASE_SECONDS


async def test_groups_and_tenants_have_buckets_of_their_own() -> None:
    who, other, table = actor(), actor(), memory_table()
    for person, group in ((who, "dns"), (who, "unheard-of"), (other, "dns")):
        await LeasedRate(person, table, pace=0.1).acquire(group)
    assert table.require(who, Bucket, name="scan-unheard-of").tokens == DEFAULT_RATE * 0.1 * (1 - LEASE_SECONDS)
    assert table.require(other, Bucket, name="scan-dns").tokens == RATES["dns"] * 0.1 * (1 - LEASE_SECONDS)


async def test_workers_together_take_no_more_than_there_is_and_then_wait() -> None:
    """At a hundredth of the pace a bucket of ten refills too slowly to matter within the test."""
    who, table = actor(), memory_table()
    workers = [LeasedRate(who, table, pace=0.0001) for _ in range(4)]
    tasks = [asyncio.create_task(worker.acquire("http")) for worker in workers for _ in range(5)]
    while sum(task.done() for task in tasks) < 10:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    waiting = [task for task in tasks if not task.done()]
    assert len(tasks) - len(waiting) == 10
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_provider_has_its_own_rate_and_a_host_that_of_all_workers() -> None:
    """Two a second: of four workers that ask for it at once, one begins, and the next half a second later."""
    who, table = actor(), memory_table()
    workers = [LeasedRate(who, table, 1.0, {"provider": 2.0}) for _ in range(4)]
    began = time.monotonic()
    await asyncio.gather(*(worker.acquire("provider") for worker in workers))
    assert time.monotonic() - began > 1.2
    began = time.monotonic()
    await asyncio.gather(*(worker.acquire_host("h.example", 5.0) for worker in workers))
    assert time.monotonic() - began > 0.2
    assert table.require(who, Bucket, name="scan-host-h.example").tokens < 1
