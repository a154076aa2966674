"""How long a watcher waits: from the moment that a command is committed to its message on the WebSocket.

The moment is the event's own `at`, taken just before its transaction, so the commit itself is counted too.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import websockets

from kernel import clock
from tests.bench.figure import Figure
from tests.bench.surroundings import Cloud, Surroundings
from tests.e2e.client import Client

GROUP = "realtime"
LIMIT_MILLISECONDS = 50.0
WARM_UP, ROUNDS = 5, 20
PATIENCE = 30.0


def figures(surroundings: Surroundings) -> Iterator[Figure]:
    """The median, and the worst but one of twenty."""
    delays = sorted(asyncio.run(measure(surroundings.cloud)))
    yield Figure(GROUP, "commit to WebSocket message, p50", statistics.median(delays), "ms", LIMIT_MILLISECONDS)
    yield Figure(GROUP, "commit to WebSocket message, p95", delays[-2], "ms", LIMIT_MILLISECONDS)


async def measure(cloud: Cloud) -> list[float]:
    """Milliseconds for scans that are stopped before they began, one after another, watched by one client."""
    with cloud.log_in() as client:
        address = f"ws://{urlsplit(cloud.demo.url).netloc}/ws?token={client.token}"
        async with websockets.connect(address) as socket:
            delays = [await _delay(client, socket) for _ in range(WARM_UP + ROUNDS)]
    return delays[WARM_UP:]


async def _delay(client: Client, socket: websockets.ClientConnection) -> float:
    scan = client.create_scan(["http://127.0.0.1:9/"], profile="web")
    await socket.send(json.dumps({"action": "subscribe", "topic": f"scan:{scan['scan_id']}"}))
    await _message(socket, "subscribed")
    command = asyncio.create_task(asyncio.to_thread(client.post, f"/scans/{scan['scan_id']}/stop"))
    message = await _message(socket, "ScanEnded")
    arrived = time.time()
    (await command).raise_for_status()
    return (arrived - clock.parse(message["at"]).timestamp()) * 1000


async def _message(socket: websockets.ClientConnection, kind: str) -> dict[str, str]:
    message: dict[str, str] = json.loads(await asyncio.wait_for(socket.recv(), PATIENCE))
    if message["type"] != kind:
        raise RuntimeError(f"expected {kind}, got {message}")
    return message
