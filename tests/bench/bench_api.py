"""The HTTP API: how long its doors take to start, what the framework costs a warm request, and how fast the local
cloud answers through its front door."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from contracts.access import Role
from tests.bench.callers import crowd
from tests.bench.figure import Figure
from tests.bench.surroundings import Cloud, Surroundings
from tests.e2e.client import Client

GROUP = "api"
ROOT = Path(__file__).resolve().parents[2]
FIRST_GETS = {
    "audit": "/audit/logs",
    "collection": "/scans/none/progress",
    "findings": "/findings",
    "identity": "/users/me",
    "intelligence": "/scans/none/entities",
    "modules": "/modules",
    "monitoring": "/health",
    "notifications": "/notifications",
    "organizations": "/organizations",
    "reports": "/reports",
    "scans": "/scans",
    "webhooks": "/webhooks",
}
"""A GET of every room that has an HTTP door; what it answers to an empty table is an answer like any other."""
START_LIMIT, WARM_LIMIT = 300.0, 150.0
P50_LIMIT, P95_LIMIT = 20.0, 100.0
STARTS = 7
CONCURRENT, READS, LOGINS = 16, 1600, 30
NOTHING = "import time, os; print(0, time.process_time() * 1000, flush=True); os._exit(0)"
FIRST_ANSWER = "from tests.bench.first_answer import main; main({0!r}, {1!r})"


def figures(surroundings: Surroundings) -> Iterator[Figure]:
    """Starts first: they want a machine on which nothing else runs."""
    for room, milliseconds in starts().items():
        yield Figure(GROUP, f"{room}: start and first answer, CPU", milliseconds, "ms", START_LIMIT)
    yield Figure(GROUP, "framework overhead of a warm GET, p50", warm_overhead(), "µs", WARM_LIMIT)
    alone, crowded, logins = asyncio.run(through_the_front_door(surroundings.cloud))
    yield Figure(GROUP, "GET /scans/{id}, one caller, p50", _percentile(alone, 50), "ms", P50_LIMIT)
    yield Figure(GROUP, f"GET /scans/{{id}}, {CONCURRENT} callers, p50", _percentile(crowded, 50), "ms", P50_LIMIT)
    yield Figure(GROUP, f"GET /scans/{{id}}, {CONCURRENT} callers, p95", _percentile(crowded, 95), "ms", P95_LIMIT)
    yield Figure(GROUP, "POST /auth/login, p95", _percentile(logins, 95), "ms", P95_LIMIT)


def starts() -> dict[str, float]:
    """Each room's processor milliseconds from nothing to its first answer, above the bare interpreter's.

    The least of several: what else runs on the machine makes the same work take longer, and never shorter.
    """
    bare = min(_processor_time(NOTHING) for _ in range(STARTS))
    return {
        room: min(_processor_time(FIRST_ANSWER.format(room, path)) for _ in range(STARTS)) - bare
        for room, path in FIRST_GETS.items()
    }


def warm_overhead() -> float:
    """Median microseconds of a GET through the Lambda handler above those of its own work."""
    whole, work = _run("-m", "tests.bench.warm").split()
    return float(whole) - float(work)


async def through_the_front_door(cloud: Cloud) -> tuple[list[float], list[float], list[float]]:
    """Milliseconds of reads by one caller, of reads by many at once, and of log-ins one after another."""
    user = cloud.demo.user(Role.ORGANIZATION_ADMIN)
    with cloud.log_in() as client:
        scan = client.create_scan(["http://127.0.0.1:9/"], profile="web")
        url, token = f"{cloud.demo.url}/api/v1/scans/{scan['scan_id']}", client.token
        await crowd(url, token, CONCURRENT, CONCURRENT * 20)  # every worker has started
        alone = await crowd(url, token, 1, READS // CONCURRENT)
        crowded = await crowd(url, token, CONCURRENT, READS)
        logins = [_log_in(client, user) for _ in range(LOGINS)]
    return alone, crowded, logins


def _log_in(client: Client, user: dict[str, str]) -> float:
    began = time.perf_counter()
    client.log_in(user)
    return (time.perf_counter() - began) * 1000


def _percentile(times: list[float], percent: int) -> float:
    return sorted(times)[min(len(times) - 1, len(times) * percent // 100)]


def _processor_time(program: str) -> float:
    status, milliseconds = _run("-c", program).split()
    if status not in ("0", "200", "404"):
        raise RuntimeError(f"{program} answered {status}")
    return float(milliseconds)


def _run(*arguments: str) -> str:
    paths = os.pathsep.join((str(ROOT), str(ROOT / "layers" / "kernel" / "python")))
    environment = {"PYTHONPATH": paths, "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip().splitlines()[-1]
