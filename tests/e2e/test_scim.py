"""`scim2-tester` through the front door, with the API key of a service account."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.client import Client, Demo
from tests.identity.scim.tester import GOOD, examine, report

pytestmark = pytest.mark.e2e


def made(client: Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = client.post(path, json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_the_local_cloud_speaks_scim(cloud: Demo, admin: Client) -> None:
    organization = admin.get("/users/me").json()["organization_id"]
    plan = admin.put(f"/organizations/{organization}/subscription", json={"plan": "enterprise"})
    assert plan.status_code in (200, 202), plan.text
    role = made(admin, "/roles", {"name": "Directory", "permissions": ["scim:*"]})
    account = made(admin, "/service-accounts", {"name": "Directory", "roles": [role["role_id"]]})
    wanted = {"name": "SCIM", "permissions": ["scim:*"], "service_account_id": account["account_id"]}
    key = made(admin, "/api-keys", wanted)
    results = examine(f"{cloud.url}/scim/v2", key["token"])
    print(report(results))
    assert {each.status for each in results} <= GOOD, report(results)
    assert len(results) > 100
