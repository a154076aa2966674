"""The whole API under schemathesis: every operation, every check, through the front door of the local cloud.

What a fuzzer makes up may not lead anywhere: addresses in bodies are turned to a closed port of loopback.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import schemathesis
from hypothesis import HealthCheck, assume, settings

from contracts.access import Role
from infra.local import clients
from infra.local.layout import Layout
from infra.operator import Operator
from tests.e2e.client import Client, Demo

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(580)]

DOCUMENT = Path(__file__).parents[2] / "functions" / "monitoring" / "openapi.json"
NOWHERE = "127.0.0.1:9"
EXAMPLES = 12
LONGEST_LINE = 6000
"""Of a request: what is longer does not get past a gateway."""
ACCEPTED = ["2xx", "3xx", "401", "402", "403", "404", "409", "429"]
REFUSED_FOR_MEANING = ["400", "412", "422"]
"""What has the right form may still mean nothing: a cursor of another list, an old ETag, an unknown module."""
SESSION_ENDING = ("/auth/logout",)
"""They would end the session that the test itself uses."""


@schemathesis.hook
def map_body(_context: Any, body: Any) -> Any:
    """Lead every address that would be accepted to nowhere."""
    if not isinstance(body, dict):
        return body
    if _fits(body.get("url"), 2048) and body["url"].startswith("http"):
        body["url"] = f"http://{NOWHERE}/"
    if isinstance(body.get("targets"), list) and all(_fits(target, 2048) for target in body["targets"]):
        body["targets"] = [NOWHERE for _ in body["targets"]]
    if _fits(body.get("pattern"), 253):
        body["pattern"] = "127.0.0.1"
    return body


@schemathesis.hook
def map_headers(_context: Any, headers: Any) -> Any:
    """Who is asked is not made up: the front door serves this machine alone, and says so before the API is asked."""
    return {name: value for name, value in headers.items() if name.lower() != "host"} if headers else headers


def _fits(value: Any, longest: int) -> bool:
    """What has a fault stays as it is: it is to be refused for that."""
    return isinstance(value, str) and 0 < len(value) <= longest


@pytest.fixture(scope="module")
def session(layout: Layout, cloud: Demo) -> Iterator[Client]:
    """An administrator of its own: wrong passwords that are made up lock the account."""
    email, password = "fuzz@acme.example", f"{secrets.token_urlsafe(16)}-Aa1!"
    lambdas = clients.client("lambda", layout.aws)
    organization_id = cloud.content["tenants"][0]["organization_id"]
    Operator(lambdas, "local").create_user(organization_id, email, "Fuzz", Role.ORGANIZATION_ADMIN, password)
    lambdas.close()
    with Client(cloud.url) as client:
        client.log_in({"email": email, "password": password})
        yield client
        for webhook in list(client.everything("/webhooks")):  # else each later event is tried there, again and again
            client.delete(f"/webhooks/{webhook['webhook_id']}")
        for schedule in list(client.everything("/schedules")):
            client.delete(f"/schedules/{schedule['schedule_id']}")


schema = schemathesis.openapi.from_path(DOCUMENT).exclude(path=list(SESSION_ENDING))
schema.config.checks.positive_data_acceptance.expected_statuses = [*ACCEPTED, *REFUSED_FOR_MEANING]


@schema.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_operation_keeps_its_word(case: schemathesis.Case, session: Client, cloud: Demo) -> None:
    assume(len(case.formatted_path) + len(urlencode(case.query or {}, doseq=True)) < LONGEST_LINE)
    case.call_and_validate(base_url=f"{cloud.url}/api/v1", headers={"Authorization": f"Bearer {session.token}"})
