"""A scan is queued only where the plan has room for it."""

from __future__ import annotations

import pytest

from contracts.plans import Exhausted, Metered
from functions.scans import api
from kernel.table import Table, create
from tests.kit import actor, call

pytestmark = pytest.mark.usefixtures("cloud")
SCAN = {"name": "Site", "targets": ["http://127.0.0.1:8000/"], "profile": "web"}


@pytest.mark.parametrize("metered", [Metered.SCANS, Metered.OBSERVATIONS, Metered.STORAGE])
def test_a_limit_that_is_reached_refuses_the_start_and_changes_nothing(metered: Metered) -> None:
    who = actor()
    made = call(api.handler, "POST", "/scans", who, SCAN)
    Table().write(create(Exhausted(tenant_id=who.tenant_id, metered=metered)))
    path = f"/scans/{made.body['scan_id']}"
    refused = call(api.handler, "POST", f"{path}/start", who)
    assert (refused.status, refused.problem) == (402, "plan-limit-reached")
    assert metered in refused.body["detail"]
    assert call(api.handler, "GET", path, who).body["status"] == "created"


def test_what_a_scan_does_not_use_does_not_stop_it() -> None:
    who = actor()
    made = call(api.handler, "POST", "/scans", who, SCAN)
    Table().write(create(Exhausted(tenant_id=who.tenant_id, metered=Metered.USERS)))
    assert call(api.handler, "POST", f"/scans/{made.body['scan_id']}/start", who).status in (200, 202)
