"""What the framework costs a warm request: `python -m tests.bench.warm` prints the median microseconds of reading one
scan through the Lambda handler, and of the same read without it. The table's botocore client is a fake in both."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from typing import Any

from tests.bench.first_answer import SETTINGS, TENANT

ROUNDS, WARM_UP = 3000, 300


class Client:
    """A DynamoDB client that has one item."""

    def __init__(self, item: dict[str, Any]) -> None:
        self._item = item

    def get_item(self, **_request: Any) -> dict[str, Any]:
        """It, whatever was asked."""
        return {"Item": self._item}


def medians(*works: Callable[[], Any]) -> list[float]:
    """The median microseconds of each, measured in turns so that what disturbs one disturbs all."""
    times: list[list[int]] = [[] for _ in works]
    for number in range(WARM_UP + ROUNDS):
        for work, taken in zip(works, times, strict=True):
            began = time.perf_counter_ns()
            work()
            if number >= WARM_UP:
                taken.append(time.perf_counter_ns() - began)
    return [statistics.median(taken) / 1000 for taken in times]


def main() -> None:
    """Measure both."""
    os.environ.update(SETTINGS)
    from contracts.scans import ScanStatus
    from functions.scans import api
    from functions.scans.model import Scan
    from functions.scans.service import scans
    from functions.scans.store import Store
    from kernel.actor import Actor
    from kernel.attributes import to_item
    from kernel.http.app import gateway_event
    from kernel.table import Table

    scan = Scan(
        tenant_id=TENANT, scan_id="scan_01J9ZQ0000000000000000000A", name="Site", status=ScanStatus.CREATED,
        targets=("https://example.com/",), profile="web", created_at="2026-01-01T00:00:00.000Z", version=1,
    )  # fmt: skip
    store = Store(Table(client=Client(to_item(scan.item()))))
    api.store = lambda: store  # type: ignore[assignment]
    caller = Actor(tenant_id=TENANT, permissions=frozenset({"*"}))
    event = gateway_event("GET", f"/api/v1/scans/{scan.scan_id}", authorizer={"actor": caller.model_dump_json()})
    assert api.handler(event, None)["statusCode"] == 200
    print(
        *medians(
            lambda: api.handler(event, None),
            lambda: scans.get_scan(store, caller, scan.scan_id).wire(),
        )
    )


if __name__ == "__main__":
    main()
