"""A site of 1,001 pages crawled by the whole platform, from the call that starts the scan to the scan's end; and ten
times as many by a worker alone, beside the 1,001: a walk takes as long as it is far."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

from functions.collection.engine import Batch, run_batch
from functions.collection.modules.crawler import Crawler
from tests.bench import memory, peers, site
from tests.bench.figure import Figure
from tests.bench.surroundings import Cloud, Surroundings
from tests.collection.world import SCAN, MemoryBlobs, observed, session

GROUP = "crawl"
LIMIT_SECONDS, AIM_SECONDS = 15.0, 10.0
STATED = {"BBOT 3.0.2 (stated)": 26.2, "SpiderFoot 4.0 (stated)": 126.5}
"""Seconds that the peers took for such a site on two cores, as this project's design states."""
WORKER_MEGABYTES = 300.0
LOOK_EVERY = 0.05
LARGE_SECTIONS = 400
WALK_SECONDS = 600.0


def figures(surroundings: Surroundings) -> Iterator[Figure]:
    """Seconds from cold and from warm workers, beside the peers', and the memory of the greediest worker."""
    with site.serving() as address:
        cold, cold_memory = measure(surroundings.cloud, address)
        warm, warm_memory = measure(surroundings.cloud, address)
        others = STATED | (peers.crawl(address) if surroundings.with_peers else {})
    name = f"{site.PAGES:,} pages, start to finished"
    yield Figure(GROUP, f"{name}, workers cold", cold, "s", LIMIT_SECONDS)
    yield Figure(GROUP, f"{name}, workers cold", cold, "s", AIM_SECONDS, against="aim")
    yield Figure(GROUP, f"{name}, workers warm", warm, "s", AIM_SECONDS, against="aim")
    for other, seconds in others.items():
        yield Figure(GROUP, f"{name}, workers cold", cold, "s", seconds, against=other, is_peer=True)
    yield Figure(GROUP, "memory of a worker", max(cold_memory, warm_memory), "MB", WORKER_MEGABYTES)
    yield from by_a_worker_alone()


def by_a_worker_alone() -> Iterator[Figure]:
    """Seconds of the engine and the crawler without the platform: 1,001 pages, and ten times as many."""
    small, large = site.PAGES, site.pages_of(LARGE_SECTIONS)
    few, many = walk(site.SECTIONS), walk(LARGE_SECTIONS)
    yield Figure(GROUP, f"{small:,} pages, a worker alone", few, "s", AIM_SECONDS, against="aim")
    yield Figure(GROUP, f"{large:,} pages, a worker alone", many, "s", few * large / small, against="as fast a page")
    yield Figure(GROUP, f"{large:,} pages, a worker alone", large / many, "pages/s", small / few, "higher", "as few")


def walk(sections: int) -> float:
    """Seconds of one walk over a site."""

    async def run(address: str) -> int:
        async with session("127.0.0.1") as outside:
            batch = Batch(SCAN, [observed("url", address)], {"max_pages": site.pages_of(sections)})
            deadline = time.monotonic() + WALK_SECONDS
            result = await run_batch(Crawler(), batch, session=outside, blobs=MemoryBlobs(), deadline=deadline)
        return sum(each.type == "http_response" for each in result.observations)

    with site.serving(sections) as address:
        began = time.perf_counter()
        pages = asyncio.run(run(address))
        seconds = time.perf_counter() - began
    if pages < site.pages_of(sections):
        raise RuntimeError(f"the walk saw {pages} of {site.pages_of(sections)} pages")
    return seconds


def measure(cloud: Cloud, address: str) -> tuple[float, float]:
    """Seconds from `POST …/start` to the scan's end, and the peak memory of a worker in megabytes."""
    with cloud.log_in() as client, memory.watching(cloud.emulator_pid) as watch:
        scan = client.create_scan([address], profile="web")
        began = time.perf_counter()
        client.start(scan)
        while client.scan(scan["scan_id"])["finished_at"] is None:
            time.sleep(LOOK_EVERY)
        seconds = time.perf_counter() - began
        pages = {each["value"] for each in client.everything(f"/scans/{scan['scan_id']}/observations",
                                                             type="http_response", module="crawler")}  # fmt: skip
    if len(pages) < site.PAGES:
        raise RuntimeError(f"the scan saw {len(pages)} of {site.PAGES} pages")
    return seconds, watch.largest / 1e6
