"""How many AWS calls each operation of the API makes, counted in botocore: reads at most two, writes one transaction.

The counts, with the request units of each, are kept in `infra/costs/measured.json`, which the cost model reads.
`MEASURE=write pytest tests/architecture/test_aws_calls.py` writes it anew.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

import pytest

from infra.costs import usage
from infra.costs.usage import Measured, Usage
from tests.architecture.metering import Meter, metered
from tests.architecture.scenes import SCENES
from tests.architecture.world import World, operations
from tests.kit import Answer

READS = 2
FACT_READS = {
    "GET /graph/entities/{entity_id}": 4,
    "GET /graph/export": 4,
    "GET /scans/{scan_id}/integrity": 30,
    "GET /scans/{scan_id}/differences": 6,
    "GET /scans/{scan_id}/entities": 3,
    "GET /scans/{scan_id}/graph": 4,
    "GET /scans/{scan_id}/log": 3,
    "GET /scans/{scan_id}/observations": 3,
    "GET /scans/{scan_id}/timeline": 3,
    "GET /rules": 3,
}
"""Reads of facts in S3: the scan, where its facts lie, and for each of the parts that hold the page one more. Whether
they are whole is asked of every object."""
ASKS_EVERYTHING = {
    "GET /ready": 3,
    "GET /users/me/organizations": 3,
    "GET /organizations/{organization_id}/usage": 3,
}
"""What asks whether every dependency answers asks every dependency; what a person is, each organisation says itself;
usage is the plan, what was counted, and the bucket of requests."""
READS_OF_WRITES = 2
MORE_READS = {
    "POST /rules/dry-run": 4,
    "POST /scans/{scan_id}/rescan": 3,
    "POST /webhooks/{webhook_id}/deliveries/{event_id}/replay": 3,
    "PUT /organizations/{organization_id}/subscription": 3,
    "POST /api-keys": 4,
    "PUT /api-keys/{key_id}": 5,
    "PUT /service-accounts/{account_id}": 5,
    "DELETE /service-accounts/{account_id}": 3,
    "POST /policies": 5,
    "POST /policies/dry-run": 4,
    "PUT /policies/{policy_id}": 5,
    "DELETE /policies/{policy_id}": 3,
    "DELETE /roles/{role_id}": 3,
    "PUT /teams/{team_id}/members/{user_id}": 4,
    "POST /organizations/{organization_id}/sso/connections": 7,
    "DELETE /organizations/{organization_id}/sso/connections/{connection_id}": 10,
    "POST /auth/sso/token": 13,
    "POST /auth/login": 7,
    "POST /auth/challenge": 8,
    "POST /auth/refresh": 6,
    "POST /auth/switch": 9,
    "POST /auth/logout": 3,
    "POST /auth/verify-email": 7,
    "POST /auth/forgot-password": 3,
    "POST /auth/reset-password": 7,
    "POST /auth/change-password": 4,
    "POST /auth/mfa/verify": 4,
    "POST /auth/mfa/disable": 4,
    "POST /auth/mfa/recovery-codes": 3,
    "POST /invitations/accept": 6,
    "POST /organizations/{organization_id}/members": 3,
    "PUT /organizations/{organization_id}/members/{user_id}": 3,
    "DELETE /organizations/{organization_id}/members/{user_id}": 4,
    "POST /organizations/{organization_id}/invitations/{invitation_id}/resend": 3,
    "DELETE /users/me/organizations/{organization_id}": 5,
    "PUT /organizations/{organization_id}/scim/groups/{group_id}": 6,
    "POST /users/{user_id}/roles": 4,
    "DELETE /users/{user_id}/roles/{role_id}": 4,
}
"""The partner may take fifteen seconds to answer: how its endpoint stands by then is read again. What gives or takes
rights, which is rare, looks at all that it bears on: an owner's rights and keys, all policies and who could take them
back, who has a role. A rule is tried on facts. Log-ins ask Cognito, which has the trigger look for the person, the
organisation's rules and teams before it makes tokens."""
WRITERS = ("DynamoDB.TransactWriteItems", "DynamoDB.PutItem", "DynamoDB.DeleteItem")
WRITES = os.environ.get("MEASURE") == "write"
NO_WRITE = {"POST /auth/resend-code", "POST /graph/patterns", "POST /policies/dry-run", "POST /rules/dry-run"}
"""What changes nothing of ours: Cognito mails the code, a dry run does nothing, and a pattern is a question."""


@pytest.fixture(scope="module")
def fresh() -> Iterator[dict[str, Usage]]:
    """What is measured here; written when that is asked for."""
    found: dict[str, Usage] = {}
    yield found
    if WRITES:
        known = usage.read() if usage.MEASURED.exists() else Measured({}, {}, {})
        usage.write(Measured(found, known.consumers, known.steps))


@pytest.fixture
def world(cloud: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with World(monkeypatch) as made:
        yield made


def test_every_operation_has_its_scene() -> None:
    assert set(SCENES) == set(operations())


@pytest.mark.parametrize("name", SCENES)
def test_an_operation_asks_aws_no_more_than_it_must(name: str, world: World, fresh: dict[str, Usage]) -> None:
    with metered() as meter:
        answer, used = _look_at(name, world, meter)
        assert answer.status < 300, answer.body
        if WRITES:  # what is imported by its first use is there now
            used = replace(used, milliseconds=min(used.milliseconds, _look_at(name, world, meter)[1].milliseconds))
    fresh[name] = used
    _compare(used, usage.read().operations.get(name))
    if name.startswith("GET "):
        assert used.total <= (FACT_READS | ASKS_EVERYTHING).get(name, READS), used.calls
        assert used.writes == 0
    else:
        _writes_once(name, used)


def _look_at(name: str, world: World, meter: Meter) -> tuple[Answer, Usage]:
    request = SCENES[name](world)
    meter.start()
    answer = world.send(name, request.path, request.body, headers=request.headers, query=request.query)
    return answer, meter.usage()


def _writes_once(name: str, used: Usage) -> None:
    writes = sum(used.calls.get(each, 0) for each in WRITERS)
    assert writes == (0 if name in NO_WRITE else 1), used.calls
    assert used.total - writes <= MORE_READS.get(name, READS_OF_WRITES), used.calls
    if used.events:
        assert used.calls["DynamoDB.TransactWriteItems"] == 1


def _compare(used: Usage, known: Usage | None) -> None:
    if WRITES:
        return
    assert known is not None, "write the figures anew, see this file's first lines"
    assert (used.calls, used.reads, used.writes, used.events) == (
        known.calls,
        known.reads,
        known.writes,
        known.events,
    ), "the operation uses AWS otherwise than before: write the figures anew if that is right"
