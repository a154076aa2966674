"""Whatever is killed while a scan runs, the scan ends with the same facts as an undisturbed one."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from contracts.access import Role
from infra.local import lifecycle, supervisor
from infra.local.layout import Layout
from tests.e2e.client import Client, Demo, eventually
from tests.e2e.site import slow_site

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

PAGES = 85
SECONDS_A_PAGE = 0.03
KILLS = 3
MODULES = ["crawler", "http_probe", "web_headers", "technology"]


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The target."""
    with slow_site(PAGES, SECONDS_A_PAGE) as address:
        yield address


@pytest.fixture(scope="module")
def undisturbed(cloud: Demo, site: str) -> Iterator[set[tuple[str, str, str]]]:
    """The facts of a scan that nobody disturbs. The crawler takes few pages at a time, so that there are many waves."""
    with cloud.client(Role.ORGANIZATION_ADMIN) as client:
        client.put("/modules/crawler/config", json={"config": {"max_pages": 6}}).raise_for_status()
        scan = client.run([site], modules=MODULES)
        facts = client.facts(scan["scan_id"])
    assert sum(kind == "http_response" for kind, _, _ in facts) >= PAGES
    yield facts
    with cloud.client(Role.ORGANIZATION_ADMIN) as client:
        client.put("/modules/crawler/config", json={"config": {}}).raise_for_status()


def workers(layout: Layout, door: str) -> list[int]:
    """The processes that run one of the local cloud's functions."""
    listing = subprocess.run(["ps", "-ww", "-eo", "pid=,args="], capture_output=True, text=True, check=True).stdout
    lines = [line.split(None, 1) for line in listing.splitlines()]
    return [int(pid) for pid, args in lines if str(layout.home) in args and f"-local-{door}-" in args]


def began(client: Client, site: str) -> dict[str, Any]:
    """A scan that is under way."""
    scan = client.create_scan([site], modules=MODULES)
    client.start(scan)
    eventually(lambda: client.scan(scan["scan_id"])["tally"]["waves"] >= 1)
    return scan


@pytest.mark.parametrize("door", ["collection-run-batch", "collection-plan", "intelligence-reduce", "findings-record"])
def test_a_killed_worker_changes_nothing(
    admin: Client, layout: Layout, site: str, undisturbed: set[tuple[str, str, str]], door: str
) -> None:
    scan = began(admin, site)
    killed: set[int] = set()

    def kill_one() -> bool:
        for pid in set(workers(layout, door)) - killed:
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)
            break
        return len(killed) == KILLS or admin.scan(scan["scan_id"])["finished_at"] is not None

    eventually(kill_one)
    ended = admin.finished(scan["scan_id"])
    assert killed
    assert ended["status"] == "finished", ended["reason"]
    assert admin.facts(scan["scan_id"]) == undisturbed


def test_a_killed_cloud_goes_on_by_itself(
    admin: Client, layout: Layout, site: str, undisturbed: set[tuple[str, str, str]]
) -> None:
    scan = began(admin, site)
    process = lifecycle.running(layout)[supervisor.EMULATOR]
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    ended = admin.finished(scan["scan_id"])
    assert ended["status"] == "finished", ended["reason"]
    assert admin.facts(scan["scan_id"]) == undisturbed


def test_a_paused_scan_outlives_a_restart(
    admin: Client, layout: Layout, site: str, undisturbed: set[tuple[str, str, str]]
) -> None:
    scan = began(admin, site)
    path = f"/scans/{scan['scan_id']}"
    assert admin.post(f"{path}/pause").status_code == 202
    paused = eventually(lambda: admin.scan(scan["scan_id"])["status"] == "paused")
    assert paused
    before = admin.scan(scan["scan_id"])["tally"]
    lifecycle.down(layout)
    lifecycle.up(layout, print)
    resting = admin.scan(scan["scan_id"])
    assert resting["status"] == "paused"
    assert resting["tally"] == before
    assert admin.post(f"{path}/resume").status_code == 202
    ended = admin.finished(scan["scan_id"])
    assert ended["status"] == "finished", ended["reason"]
    assert admin.facts(scan["scan_id"]) == undisturbed


def test_a_stopped_scan_stays_stopped(admin: Client, site: str) -> None:
    scan = began(admin, site)
    path = f"/scans/{scan['scan_id']}"
    assert admin.post(f"{path}/stop").status_code == 202
    ended = admin.finished(scan["scan_id"])
    assert ended["status"] == "stopped"
    again = admin.post(f"{path}/stop")
    assert (again.status_code, again.json()["type"].rpartition("/")[2]) == (409, "scan-wrong-state")
    assert list(admin.everything(f"{path}/observations"))
