"""What the authorizer lets in, how long it remembers, and what it tells the security team."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine

from contracts.access import PolicySet, Role, permissions_of
from contracts.developers import ApiKeyRecord, digest, new_key_text
from contracts.identity import SessionRecord, SignInRules
from contracts.organizations import OrganizationStatus, Tenancy
from functions.access.gate import Gate
from functions.access.gatekeeper import KEPT_SECONDS, Entrance, Visit
from kernel import clock
from kernel.errors import Forbidden, ForbiddenByPolicy, Problem, Suspended, Unauthenticated
from kernel.ids import new_id
from kernel.records import Record
from kernel.table import Table, create, update
from tests.faults import counted
from tests.kit import committed_events

START = 1_800_000_000
TENANT, USER, SESSION = new_id("org"), "0b7ff2a0-0000-4000-8000-000000000000", "6f1f0a52-0000-4000-8000-000000000000"
VISIT = Visit("GET", "/api/v1/scans", "192.0.2.7")
FORBID_SCANS = '@id("no-scans") forbid(principal, action == Action::"scans:read", resource);'


@pytest.fixture(autouse=True)
def frozen() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


def session(**fields: Any) -> SessionRecord:
    known = {
        "tenant_id": TENANT,
        "session_id": SESSION,
        "user_id": USER,
        "device": "A browser",
        "created_at": clock.timestamp(),
        "last_seen_at": clock.timestamp(),
    }
    return SessionRecord.model_validate({**known, **fields})


def claims(role: Role = Role.ANALYST, **fields: Any) -> dict[str, Any]:
    return {
        "organization_id": TENANT,
        "user_id": USER,
        "email": "someone@example.com",
        "roles": [role],
        "permissions": sorted(permissions_of((role,))),
        "origin_jti": SESSION,
        "iat": START - 10,
        **fields,
    }


def planted(table: Table, *records: Record) -> Entrance:
    """An entrance that has seen nothing yet, with these records behind it."""
    for record in records:
        table.write(create(record))
    return Entrance(Gate(table))


def refused(entrance: Entrance, kind: type[Problem], text: str | None = None, **said: Any) -> None:
    with pytest.raises(kind, match=text) as caught:
        entrance.admit_session(claims(**said), VISIT)
    assert type(caught.value) is kind


def test_a_session_is_let_in_with_the_limits_of_its_plan(table: Table) -> None:
    entrance = planted(table, session(), Tenancy(tenant_id=TENANT, requests_per_second=7, burst=70))
    actor = entrance.admit_session(claims(teams=["team_1"], provider_id="org_p"), VISIT)
    assert (actor.tenant_id, actor.user_id, actor.session_id) == (TENANT, USER, SESSION)
    assert actor.rate is not None
    assert (actor.rate.per_second, actor.rate.burst) == (7, 70)
    assert (actor.teams, actor.provider_id) == ({"team_1"}, "org_p")


def test_whom_it_knows_it_lets_in_without_a_call(table: Table) -> None:
    entrance = planted(table, session(), Tenancy(tenant_id=TENANT))
    with counted() as calls:
        for _ in range(100):
            entrance.admit_session(claims(), VISIT)
    assert calls == ["GetItem", "Query"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"ended_at": "2026-01-01T00:00:00.000Z"}, "over"),
        ({"not_before": START}, "has changed"),
        ({"tenant_id": new_id("org")}, "has changed"),
    ],
)
def test_a_session_that_does_not_hold_is_refused_and_told_to_the_security_team(
    table: Table, change: dict[str, Any], text: str
) -> None:
    refused(planted(table, session(**change), Tenancy(tenant_id=TENANT)), Unauthenticated, text)
    (event,) = committed_events()
    assert (event.type, event.category, event.tenant_id) == ("AccessRefused.v1", "security", TENANT)
    assert event.data["problem"] == "unauthenticated"
    assert event.origin.user_id == USER


def test_an_unknown_session_and_an_unknown_organisation_are_refused(table: Table) -> None:
    refused(planted(table, Tenancy(tenant_id=TENANT)), Unauthenticated, "not known")
    other = new_id("org")
    entrance = planted(table, session(tenant_id=other))
    refused(entrance, Unauthenticated, "does not exist", organization_id=other)


def test_a_revoked_session_works_for_no_longer_than_is_remembered(table: Table, frozen: time_machine.Traveller) -> None:
    entrance = planted(table, session(), Tenancy(tenant_id=TENANT))
    entrance.admit_session(claims(), VISIT)
    ended = table.get_platform(SessionRecord, user_id=USER, session_id=SESSION)
    assert ended is not None
    ended.ended_at = clock.timestamp()
    table.write(update(ended))
    frozen.shift(KEPT_SECONDS)
    refused(entrance, Unauthenticated, "over")


def test_a_switched_session_is_let_in_at_once(table: Table) -> None:
    """What it remembers of the session is old, and a refusal is never made from memory."""
    entrance = planted(table, session(), Tenancy(tenant_id=TENANT))
    entrance.admit_session(claims(), VISIT)
    other = new_id("org")
    table.write(create(Tenancy(tenant_id=other)))
    switched = table.get_platform(SessionRecord, user_id=USER, session_id=SESSION)
    assert switched is not None
    switched.tenant_id = other
    table.write(update(switched))
    assert entrance.admit_session(claims(organization_id=other), VISIT).tenant_id == other


def test_an_idle_session_is_over(table: Table, frozen: time_machine.Traveller) -> None:
    rules = SignInRules(tenant_id=TENANT, idle_minutes=30)
    entrance = planted(table, session(), rules, Tenancy(tenant_id=TENANT))
    frozen.shift(29 * 60)
    entrance.admit_session(claims(), VISIT)
    frozen.shift(29 * 60)
    entrance.admit_session(claims(), VISIT)  # it was used in between
    frozen.shift(31 * 60)
    refused(entrance, Unauthenticated, "idle")


def test_when_a_session_was_last_seen_costs_a_write_a_minute(table: Table, frozen: time_machine.Traveller) -> None:
    entrance = planted(table, session(), Tenancy(tenant_id=TENANT))
    with counted() as calls:
        for _ in range(600):
            frozen.shift(1)
            entrance.admit_session(claims(), VISIT)
    assert 7 <= calls.count("PutItem") <= 10
    seen = table.get_platform(SessionRecord, user_id=USER, session_id=SESSION)
    assert seen is not None
    assert (clock.now() - clock.parse(seen.last_seen_at)).total_seconds() <= 90


def test_a_session_that_ends_while_it_is_touched_stays_ended(table: Table) -> None:
    planted(table, session())
    stale = table.get_platform(SessionRecord, user_id=USER, session_id=SESSION)
    assert stale is not None
    table.write(update(stale.model_copy(update={"ended_at": clock.timestamp()})))
    Gate(table).touch(stale, clock.timestamp())
    kept = table.get_platform(SessionRecord, user_id=USER, session_id=SESSION)
    assert kept is not None
    assert kept.ended_at is not None


def test_nobody_of_a_suspended_organisation_is_let_in(table: Table) -> None:
    entrance = planted(table, session(), Tenancy(tenant_id=TENANT, status=OrganizationStatus.SUSPENDED))
    refused(entrance, Suspended, role=Role.ORGANIZATION_ADMIN)


def test_administrators_alone_enter_an_organisation_that_is_closing(table: Table) -> None:
    entrance = planted(table, session(), Tenancy(tenant_id=TENANT, status=OrganizationStatus.CLOSING))
    refused(entrance, Suspended, "being closed")
    assert entrance.admit_session(claims(Role.ORGANIZATION_ADMIN), VISIT).tenant_id == TENANT


def test_a_policy_forbids_what_the_roles_allow(table: Table) -> None:
    policies = PolicySet(tenant_id=TENANT, source=FORBID_SCANS)
    entrance = planted(table, session(), Tenancy(tenant_id=TENANT), policies)
    refused(entrance, ForbiddenByPolicy, "no-scans")
    elsewhere = VISIT._replace(path="/api/v1/users/me")
    assert entrance.admit_session(claims(), elsewhere).user_id == USER
    (event,) = committed_events()
    assert event.data["problem"] == "forbidden-by-policy"


def test_a_client_that_keeps_trying_is_one_event(table: Table, frozen: time_machine.Traveller) -> None:
    entrance = planted(table, session(ended_at=clock.timestamp()), Tenancy(tenant_id=TENANT))
    for _ in range(20):
        refused(entrance, Unauthenticated)
    assert len(committed_events()) == 1
    frozen.shift(61)
    refused(entrance, Unauthenticated)
    assert len(committed_events()) == 2


def key(**fields: Any) -> tuple[str, ApiKeyRecord]:
    key_id = new_id("key")
    text, secret = new_key_text(key_id)
    known = {
        "tenant_id": TENANT,
        "key_id": key_id,
        "user_id": USER,
        "hashes": (digest(secret),),
        "permissions": ("scans:read",),
    }
    return text, ApiKeyRecord.model_validate({**known, **fields})


def test_a_key_acts_with_its_own_permissions_and_its_own_limit(table: Table) -> None:
    text, record = key(requests_per_second=2)
    entrance = planted(table, record, Tenancy(tenant_id=TENANT))
    with counted() as calls:
        for _ in range(100):
            actor = entrance.admit_key(text, VISIT)
    assert sorted(calls) == ["GetItem", "PutItem", "Query"]
    assert (actor.key_id, actor.permissions) == (record.key_id, {"scans:read"})
    assert actor.key_rate is not None
    assert (actor.key_rate.per_second, actor.key_rate.burst) == (2, 10)
    assert actor.rate is not None


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"revoked_at": "2026-01-01T00:00:00.000Z"}, Unauthenticated),
        ({"ends_at": START}, Unauthenticated),
        ({"networks": ("198.51.100.0/24",)}, Forbidden),
    ],
)
def test_a_key_that_does_not_hold_is_refused(table: Table, change: dict[str, Any], kind: type[Problem]) -> None:
    text, record = key(**change)
    entrance = planted(table, record, Tenancy(tenant_id=TENANT))
    with pytest.raises(kind):
        entrance.admit_key(text, VISIT)
    (event,) = committed_events()
    assert (event.type, event.origin.key_id) == ("AccessRefused.v1", record.key_id)


@pytest.mark.parametrize("address", ["192.0.2.7", "::ffff:192.0.2.7"])
def test_a_key_may_be_used_from_its_networks(table: Table, address: str) -> None:
    text, record = key(networks=("198.51.100.0/24", "192.0.2.0/24"))
    entrance = planted(table, record, Tenancy(tenant_id=TENANT))
    assert entrance.admit_key(text, VISIT._replace(address=address)).key_id == record.key_id


def test_another_secret_is_no_key(table: Table) -> None:
    text, record = key()
    other, _ = new_key_text(record.key_id)
    entrance = planted(table, record, Tenancy(tenant_id=TENANT))
    for wrong in (other, text[:-1], text + "A", "plsd_x", "plsd_"):
        with pytest.raises(Unauthenticated):
            entrance.admit_key(wrong, VISIT)
    assert committed_events() == []


def test_the_old_secret_counts_until_the_rotations_overlap_ends(table: Table, frozen: time_machine.Traveller) -> None:
    text, record = key(old_until=START + 600)
    new_text, secret = new_key_text(record.key_id)
    entrance = planted(
        table, record.model_copy(update={"hashes": (digest(secret), *record.hashes)}), Tenancy(tenant_id=TENANT)
    )
    assert entrance.admit_key(text, VISIT).key_id == entrance.admit_key(new_text, VISIT).key_id
    frozen.shift(601)
    with pytest.raises(Unauthenticated):
        entrance.admit_key(text, VISIT)
    assert entrance.admit_key(new_text, VISIT).key_id == record.key_id
