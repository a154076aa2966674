"""A scan to ask about."""

from __future__ import annotations

import pytest

from tests.intelligence.stored import WEAK, Scan
from tests.kit import actor


@pytest.fixture
def scan(cloud: None) -> Scan:
    """Two waves: a domain, its addresses from two batches with one fact in both, a weakness."""
    made = Scan(actor())
    root = made.fact("domain", "a.example", at="2026-11-20T08:00:00.000Z")
    addresses = [made.fact("ip", f"192.0.2.{n}", root, at=f"2026-11-20T08:00:0{n}.000Z") for n in range(1, 5)]
    made.reduce(0, [root, *addresses[:3]], addresses[2:])
    page = made.fact("url", "http://a.example/", root, module="probe", at="2026-11-20T08:00:06.000Z")
    weakness = made.fact(
        "exposure",
        "exposed-git:http://a.example",
        page,
        module="exposed_files",
        attributes=WEAK,
        at="2026-11-20T08:00:07.000Z",
    )
    made.reduce(1, [page, weakness])
    return made
