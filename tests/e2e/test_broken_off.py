"""A scan whose execution somebody ends in the console fails, and the next scan of its organisation gets its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from contracts.access import Role
from infra.local import clients
from infra.operator import Operator
from tests.e2e.client import Client, Demo, eventually
from tests.e2e.site import slow_site

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

AT_ONCE = 2
"""What the smallest plan allows."""
PASSWORD = "Small-org-only-for-tests-1a"


@pytest.fixture
def small(cloud: Demo, aws_url: str) -> Iterator[Client]:
    """The administrator of an organisation on the smallest plan."""
    user = {"email": "admin@small.example", "password": PASSWORD}
    lambdas = clients.client("lambda", aws_url)
    operator = Operator(lambdas, "local")
    organization = operator.create_organization("Small", plan="free")["organization_id"]
    operator.create_user(organization, user["email"], "Small", Role.ORGANIZATION_ADMIN, user["password"])
    lambdas.close()
    with Client(cloud.url) as client:
        client.log_in(user)
        yield client


def abort(aws_url: str, scan_id: str) -> None:
    """What somebody with access to the account can do at any time."""
    machines = clients.client("stepfunctions", aws_url)
    listed = machines.list_state_machines()["stateMachines"]
    (machine,) = (each["stateMachineArn"] for each in listed if each["name"] == "palisade-local-scan")
    execution = f"{machine.replace(':stateMachine:', ':execution:')}:{scan_id}"
    machines.stop_execution(executionArn=execution, cause="Test")
    machines.close()


def test_the_queued_scan_runs_when_an_execution_was_aborted(small: Client, aws_url: str) -> None:
    with slow_site(3000, 1.0) as slow, slow_site(3, 0) as quick:
        modules = ["crawler", "http_probe"]
        scans: list[dict[str, Any]] = [small.create_scan([slow], modules=modules) for _ in range(AT_ONCE)]
        scans.append(small.create_scan([quick], modules=modules))
        ids = [str(scan["scan_id"]) for scan in scans]
        for scan in scans[:AT_ONCE]:
            small.start(scan)
        eventually(lambda: all(small.scan(each)["status"] == "running" for each in ids[:AT_ONCE]))
        small.start(scans[-1])  # now: events of scans that start at once come in any order
        assert small.scan(ids[-1])["status"] == "queued"
        abort(aws_url, ids[0])
        failed = small.finished(ids[0])
        assert failed["status"] == "failed"
        assert failed["reason"].startswith("Somebody who operates the platform ended its execution.")
        assert small.finished(ids[-1])["status"] == "finished"
        assert small.scan(ids[1])["finished_at"] is None
        small.post(f"/scans/{ids[1]}/stop").raise_for_status()
        assert small.finished(ids[1])["status"] == "stopped"
