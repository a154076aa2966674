"""A worker that dies at any call to the cloud while it plans or runs a batch: the next one leaves what an undisturbed
one leaves, to the byte."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
import time_machine

from contracts.facts import decode_rows, encode_rows, frontier_key
from contracts.modules import ModuleFace
from contracts.observations import Observation, observation_id
from contracts.scans import ScanBrief, ScanStatus
from functions.collection.model import Leftover
from functions.collection.service import views
from functions.collection.service import waves as service
from functions.collection.session import Session
from functions.collection.store import Store
from kernel.actor import Actor
from kernel.egress import Egress, Policy
from kernel.table import create
from tests.e2e.site import slow_site
from tests.faults import Crash
from tests.kit import actor
from tests.memory_facts import MemoryS3, memory_facts
from tests.memory_table import memory_table

SCAN = "scan_1"
MODULES = {"http_probe": "1.0.0", "web_headers": "1.0.0", "technology": "1.0.0"}


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with slow_site(2, 0) as address:
        yield address


class Cloud:
    """The room's store in memory, and a scan in it."""

    def __init__(self, who: Actor, target: str, **fields: Any) -> None:
        self.who = who
        self.table, self.facts = memory_table(), memory_facts()
        self.store = Store(self.table, self.facts)
        known = {
            "tenant_id": who.tenant_id,
            "scan_id": SCAN,
            "name": "Site",
            "status": ScanStatus.RUNNING,
            "targets": (target,),
            "modules": MODULES,
            "created_at": "2026-01-01T00:00:00.000Z",
        }
        self.table.write(create(ScanBrief.model_validate({**known, **fields})))

    @property
    def bucket(self) -> MemoryS3:
        client: MemoryS3 = self.facts.client
        return client

    async def plan(self, wave: int = 0) -> dict[str, Any]:
        return service.plan_wave(self.store, self.who, SCAN, wave, None, 40)

    async def run(self, number: int = 1, wave: int = 0) -> int:
        @contextlib.asynccontextmanager
        async def session(brief: ScanBrief, face: ModuleFace) -> AsyncIterator[Session]:
            async with Egress(Policy.scanning(loopback=True)) as egress:
                yield Session(egress, brief.scope, brief.targets, rate_group=face.rate_group)

        return await service.run_batch(self.store, session, lambda _face, config: config, self.who, SCAN, wave, number)

    def everything(self) -> dict[str, Any]:
        entries = sorted(place for place in self.table.client.items if "#COLLECTION#" in place[0])
        return {"objects": dict(self.bucket.objects), "entries": entries, "progress": self.progress()}

    def progress(self) -> dict[str, Any]:
        return views.get_progress(self.store, self.who, SCAN).model_dump()


@contextlib.contextmanager
def dying(cloud: Cloud, at: int) -> Iterator[list[int]]:
    """The worker dies before its call number `at` (from 0) to bucket or table; gives the calls that it made."""
    calls: list[int] = []

    def before() -> None:
        calls.append(len(calls))
        if len(calls) == at + 1:
            raise Crash

    cloud.bucket.before_call = cloud.table.client.before_write = before
    try:
        yield calls
    finally:
        cloud.bucket.before_call = cloud.table.client.before_write = lambda: None


async def mended(fresh: Callable[[], Awaitable[Cloud]], work: Callable[[Cloud], Awaitable[Any]]) -> None:
    """Die at each call in turn, do the work again, and compare."""
    calm = await fresh()
    with dying(calm, -1) as calls:
        expected = await work(calm)
    assert calls
    for at in range(len(calls)):
        cloud = await fresh()
        with dying(cloud, at), pytest.raises(Crash):
            await work(cloud)
        assert await work(cloud) == expected
        assert cloud.everything() == calm.everything(), f"died at call {at}"
    assert await work(calm) == expected
    assert cloud.everything() == calm.everything()


async def test_planning_mends_itself(site: str) -> None:
    who = actor()

    async def fresh() -> Cloud:
        return Cloud(who, site)

    await mended(fresh, Cloud.plan)


async def test_a_batch_mends_itself(site: str) -> None:
    who = actor()

    async def fresh() -> Cloud:
        cloud = Cloud(who, site)
        assert (await cloud.plan())["batches"] >= 1
        return cloud

    with time_machine.travel("2026-03-01T12:00:00Z", tick=False):
        await mended(fresh, Cloud.run)


def found(type_: str, value: str) -> Observation:
    return Observation(
        id=observation_id(SCAN, type_, value, ""),
        type=type_,
        value=value,
        source_id="",
        module="resolve",
        module_version="1.0.0",
        observed_at="2026-01-01T00:00:00.000Z",
    )


async def test_a_later_wave_is_planned_from_what_is_new_and_what_was_left_over(site: str) -> None:
    who = actor()

    async def fresh() -> Cloud:
        cloud = Cloud(who, site)
        cloud.facts.put(who, frontier_key(who.tenant_id, SCAN, 0, 0), encode_rows([found("url", site)]))
        cloud.facts.put(who, frontier_key(who.tenant_id, SCAN, 0, 1), encode_rows([found("url", site + "p1")]))
        cloud.store.write_leftovers(who, SCAN, 0, 1, [Leftover("technology", found("http_response", site))])
        cloud.store.write_leftovers(who, SCAN, 0, 2, [])
        return cloud

    planned = await (cloud := await fresh()).plan(1)
    batches = [cloud.store.batch(who, SCAN, 1, number) for number in range(1, planned["batches"] + 1)]
    handed = {(batch.module, row.type, row.value) for batch in batches for row in batch.observations}
    assert ("technology", "http_response", site) in handed
    assert all(module == "technology" or type_ == "url" for module, type_, _ in handed)
    assert planned["tasks"] == len(handed)
    await mended(fresh, lambda each: each.plan(1))


@pytest.mark.parametrize("status", sorted(service.HALTED))
async def test_a_batch_of_a_scan_that_halts_sends_nothing_and_hands_all_of_it_over(status: ScanStatus) -> None:
    """Nobody listens at the target: a packet would be an error in the log."""
    cloud = Cloud(actor(), "http://127.0.0.1:9/", status=status)
    await cloud.plan()
    planned = cloud.store.batch(cloud.who, SCAN, 0, 1)
    assert await cloud.run() == 0
    left = cloud.store.leftovers(cloud.who, SCAN, 0)
    assert [row.observation for row in left] == planned.observations
    assert {row.module for row in left} == {planned.module}
    assert list(cloud.store.log_keys(cloud.who, SCAN)) == []
    (segment,) = [body for key, body in cloud.bucket.objects.items() if key.endswith("segments/00000/00001.mpk.gz")]
    assert decode_rows(segment, Observation) == []


async def test_a_batch_of_a_deleted_scan_leaves_nothing(site: str) -> None:
    cloud = Cloud(actor(), site)
    await cloud.plan()
    cloud.table.client.items.clear()
    before = dict(cloud.bucket.objects)
    assert await cloud.run() == 0
    assert cloud.bucket.objects == before


def test_a_lost_batch_is_counted_once_however_often_it_is_told() -> None:
    cloud = Cloud(actor(), "127.0.0.0/30", modules={"tcp_connect": "1.0.0"})
    service.plan_wave(cloud.store, cloud.who, SCAN, 0, None, 40)
    for _ in range(3):
        service.record_loss(cloud.store, cloud.who, SCAN, 0, 1, "Sandbox.Timedout " + "x" * 900)
    shown = cloud.progress()
    assert (shown["batches_done"], shown["errors"]) == (1, 1)
    (entry,) = cloud.store.log(cloud.who, next(iter(cloud.store.log_keys(cloud.who, SCAN))))
    assert (entry.level, entry.count) == ("error", 2)
    assert "Sandbox.Timedout" in entry.message
    assert len(entry.message) < 400
