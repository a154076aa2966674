"""What all workers of a scan have in flight towards a host, run at the same time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from contracts.facts import encode_rows, frontier_key
from contracts.scans import Politeness
from kernel.facts import Facts
from tests.collection.test_service import Scan
from tests.kit import actor
from tests.loopback import Page, serving

pytestmark = pytest.mark.usefixtures("cloud")


@contextmanager
def counting_site() -> Iterator[tuple[str, list[int]]]:
    """A site that takes its time; gives how many requests were there at once, whenever one came."""
    here, seen, turn = [0], list[int](), threading.Lock()

    class Handler(Page):
        def do_GET(self) -> None:
            with turn:
                here[0] += 1
                seen.append(here[0])
            time.sleep(0.02)
            with turn:
                here[0] -= 1
            self.give(200)

    with serving(Handler) as address:
        yield f"{address}/", seen


@pytest.mark.parametrize(("limit", "most"), [(None, 4), (3, 2), (2, 2), (1, 1)])
def test_workers_of_a_wave_share_what_may_be_in_flight_towards_a_host(limit: int | None, most: int) -> None:
    """Two batches of a module that asks for two files at once, as many at a time as the plan says."""
    with counting_site() as (address, seen):
        scan = Scan(actor(), address, modules={"files": "1.0.0"}, politeness=Politeness(in_flight=limit))
        scan.plan()
        files = [scan.found("url", f"{address}p{number}.pdf") for number in range(100)]
        Facts().put(scan.who, frontier_key(scan.who.tenant_id, scan.id, 0, 0), encode_rows(files))
        planned = scan.plan(1)
        assert (planned["batches"], planned["workers"]) == (2, min(limit, 2) if limit else 40)
        with ThreadPoolExecutor(planned["workers"]) as workers:
            list(workers.map(lambda number: scan.run(number, wave=1), (1, 2)))
    assert len(seen) == 100
    assert max(seen) <= most
