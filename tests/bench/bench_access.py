"""What every request pays at the entrance, when all that it reads is known: policies, keys, routes. No AWS."""

from __future__ import annotations

import os
import statistics
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from contracts.developers import ApiKeyRecord, digest, new_key_text, parse
from contracts.organizations import Tenancy
from contracts.routes import match
from functions.access import language, tokens
from functions.access.gate import Gate
from functions.access.gatekeeper import Entrance, Visit
from functions.access.model import Policy
from functions.access.policies import AuthorizationRequest, decide
from kernel.ids import new_id
from kernel.table import create
from tests.architecture import matrix
from tests.bench.figure import Figure
from tests.bench.surroundings import Surroundings
from tests.kit import REGION, actor
from tests.memory_table import memory_table

GROUP = "access"
DECISION_MICROSECONDS = 200.0
KEY_MICROSECONDS = 1000.0
ENTRANCE_MICROSECONDS = 1000.0
ROUNDS = 2000
OFFICE = """\
forbid(principal, action in Action::"findings:*", resource)
unless {{ context.address.isInRange(ip("10.1.0.0/16")) || context.hour < {0} }};
"""


def figures(_surroundings: Surroundings) -> Iterator[Figure]:
    """Medians, in microseconds."""
    for count in (1, 20, 50):
        source = language.compiled(_policy(number) for number in range(count))
        name = f"decision under {count} policies"
        yield _timed(name, lambda text=source: decide(text, _request()), DECISION_MICROSECONDS)  # type: ignore[misc]
    yield _timed("API key, read and compared", _key(), KEY_MICROSECONDS)
    yield _timed("authorizer, a token whose session it remembers", _entering(), ENTRANCE_MICROSECONDS)
    yield _timed("route of a request", lambda: match("POST", "/api/v1/scans/scan_1/start"), KEY_MICROSECONDS)


def _policy(number: int) -> Policy:
    stamps = {"created_by": "u", "created_at": "t", "updated_by": "u", "updated_at": "t"}
    source = OFFICE.format(number % 10)
    return Policy(tenant_id="org_1", policy_id=f"pol_{number}", name=str(number), source=source, enabled=True, **stamps)


def _request() -> AuthorizationRequest:
    return AuthorizationRequest(
        user_id="user_1",
        organization_id="org_1",
        roles=("analyst",),
        teams=("team_1",),
        permission="findings:read",
        method="GET",
        path="/api/v1/findings",
        resource_type="findings",
        resource_id=None,
        address="10.1.0.1",
        mfa=True,
        via_api_key=False,
        at=datetime(2026, 3, 4, 10, 30, tzinfo=UTC),
    )


def _key() -> Callable[[], bool]:
    text, secret = new_key_text(new_id("key"))
    key = ApiKeyRecord(tenant_id="org_1", key_id="k", user_id="u", hashes=(digest(secret),), permissions=())

    def compare() -> bool:
        found = parse(text)
        return found is not None and key.is_shown_by(found[1], 0)

    return compare


def _entering() -> Callable[[], object]:
    """The authorizer's work on a signed token, with everything that it reads in a table in memory."""
    os.environ |= {"AWS_REGION": REGION, "USER_POOL_ID": matrix.POOL, "USER_POOL_CLIENT_ID": matrix.CLIENT}
    tokens._keys = matrix.KnownKeys  # type: ignore[assignment]
    who = actor(session_id=str(uuid.uuid4()))
    table = memory_table()
    for record in (matrix.session_of(who), Tenancy(tenant_id=who.tenant_id)):
        table.write(create(record))
    token = matrix.bearer(who)["authorization"].removeprefix("Bearer ")
    entrance, visit = Entrance(Gate(table)), Visit("GET", "/api/v1/scans", "192.0.2.1")
    return lambda: entrance.admit_session(tokens.verify(token), visit).model_dump_json()


def _timed(name: str, work: Callable[[], object], limit: float) -> Figure:
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        taken.append((time.perf_counter() - began) * 1e6)
    return Figure(GROUP, name, statistics.median(taken), "µs", limit)
