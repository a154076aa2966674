"""The engine: how soon a scan rests or ends when it is told to, and whether many tenants' scans are treated alike."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from contracts.modules import catalogue
from infra.costs import scan as costs
from infra.costs import usage
from tests.bench.figure import Figure
from tests.bench.surroundings import Cloud, Surroundings
from tests.e2e.client import Client
from tests.e2e.test_people import carry, log_in, registered
from tests.loopback import Page, serving

GROUP = "engine"
PAUSE_SECONDS, STOP_SECONDS = 2.0, 5.0
TENANTS, SCANS_OF_TENANT = 10, 20
FAIRNESS = 2.0
PATIENCE = 1800.0
PAGE_SECONDS = 0.3
HOSTS = 1000
DOLLARS_OF_THOUSAND_HOSTS = 1.0
"""What a comprehensive scan of a thousand hosts should cost at most; ours to choose."""
COSTED = ("resolve", "subdomains", "tcp_connect", "crawler", "reducing")
DOLLARS_OF_PART = 0.25


def figures(surroundings: Surroundings) -> Iterator[Figure]:
    """Seconds until the target hears no more and until the scan says so; completion of the fastest and the slowest
    tenant; what a scan costs."""
    for command, status, limit in (("pause", "paused", PAUSE_SECONDS), ("stop", "stopped", STOP_SECONDS)):
        silent, said = _told(surroundings.cloud, command, status)
        yield Figure(GROUP, f"{command}: last packet to the target", silent, "s", limit)
        yield Figure(GROUP, f"{command}: the scan says {status}", said, "s", limit)
    completions, hung = _crowd(surroundings.cloud)
    ratio = max(completions) / min(completions)
    name = f"{TENANTS * SCANS_OF_TENANT} scans of {TENANTS} tenants"
    yield Figure(GROUP, f"{name}: slowest tenant / fastest", ratio, "x", FAIRNESS)
    yield Figure(GROUP, f"{name}: scans that hang", hung, "scans", 0.5)
    yield from _costs()


def _costs() -> Iterator[Figure]:
    """Dollars for a thousand hosts: all of it, and the parts that this benchmark's other groups measure."""
    parts = costs.by_part(HOSTS, catalogue(), usage.read())
    for part in COSTED:
        yield Figure(GROUP, f"{part} for {HOSTS:,} hosts (cost model)", parts[part], "$", DOLLARS_OF_PART)
    dollars = costs.cost(HOSTS, catalogue(), usage.read()).total
    yield Figure(
        GROUP, f"a comprehensive scan of {HOSTS:,} hosts (cost model)", dollars, "$", DOLLARS_OF_THOUSAND_HOSTS
    )


def _told(cloud: Cloud, command: str, status: str) -> tuple[float, float]:
    """Seconds from the command to the last request that the target hears, and to the scan's new status."""
    with _endless() as (address, heard), cloud.log_in() as client:
        scan = client.create_scan([address], modules=["crawler"])
        client.start(scan)
        while len(heard) < 5:
            time.sleep(0.05)
        time.sleep(2)
        began = time.monotonic()
        client.post(f"/scans/{scan['scan_id']}/{command}").raise_for_status()
        while client.scan(scan["scan_id"])["status"] != status:
            time.sleep(0.05)
        said = time.monotonic() - began
        time.sleep(1)
        silent = max(heard) - began
        if command == "pause":
            client.post(f"/scans/{scan['scan_id']}/stop").raise_for_status()
        return max(0.0, silent), said


@contextmanager
def _endless() -> Iterator[tuple[str, list[float]]]:
    """A site without end whose pages take their time; gives its address, and the moments at which it was asked."""
    heard: list[float] = []

    class Handler(Page):
        def do_GET(self) -> None:
            heard.append(time.monotonic())
            time.sleep(PAGE_SECONDS)
            number = len(heard) * 10
            links = "".join(f'<a href="/p{number + each}">page</a>' for each in range(10))
            body = f"<title>{self.path}</title>{links}".encode()
            self.give(200, body, content_type="text/html")

    with serving(Handler) as address:
        yield f"{address}/", heard


def _crowd(cloud: Cloud) -> tuple[list[float], int]:
    """Seconds until each tenant's last scan has ended, all having been queued at once, in turn; and how many have not
    ended when patience is over."""
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(cloud.demo.url)) for _ in range(TENANTS)]
        for client in clients:
            carry(client, log_in(client, registered(client)))
        scans = [
            (number, client.create_scan(["127.0.0.1"], modules=["resolve"]))
            for _ in range(SCANS_OF_TENANT)
            for number, client in enumerate(clients)
        ]
        began = time.monotonic()
        for number, scan in scans:
            clients[number].start(scan)
        waiting = {scan["scan_id"]: number for number, scan in scans}
        ended = [0.0] * TENANTS
        while waiting and time.monotonic() - began < PATIENCE:
            time.sleep(1)
            for number in set(waiting.values()):
                for scan in clients[number].everything("/scans"):
                    if scan["finished_at"] and waiting.pop(scan["scan_id"], None) is not None:
                        ended[number] = time.monotonic() - began
        return ended, len(waiting)
