"""A key as it is made here opens the entrance, as far as it is meant to; policies bind it, too."""

from __future__ import annotations

import pytest
import time_machine

from contracts.access import PolicySet
from contracts.organizations import Tenancy
from functions.access import language
from functions.access.gate import Gate
from functions.access.gatekeeper import Entrance, Visit
from functions.access.model import Policy
from kernel import clock
from kernel.actor import Actor
from kernel.errors import Forbidden, ForbiddenByPolicy, Unauthenticated
from kernel.table import Table, put
from tests.developers.world import made, membership, person, send, settled
from tests.kit import committed_events

OFFICE = "203.0.113.7"
STARTING = Visit("POST", "/api/v1/scans", OFFICE)


@pytest.fixture
def who(cloud: None) -> Actor:
    """The administrator of an organisation that may work."""
    admin = settled()
    Table().write(put(Tenancy(tenant_id=admin.tenant_id)))
    return admin


def enter(token: str, visit: Visit = STARTING) -> Actor:
    """Through an entrance that remembers nothing."""
    return Entrance(Gate()).admit_key(token, visit)


def test_a_key_acts_as_its_owner_with_its_own_permissions(who: Actor) -> None:
    membership(who, who.user_id, "team_1")
    key = made(who, requests_per_second=2)
    actor = enter(key["token"])
    assert (actor.tenant_id, actor.user_id, actor.key_id) == (who.tenant_id, who.user_id, key["key_id"])
    assert actor.permissions == frozenset(key["permissions"])
    assert actor.teams == {"team_1"}
    assert not actor.sees("team_2")
    assert actor.key_rate is not None
    assert actor.key_rate.per_second == 2
    assert send("GET", f"/api-keys/{key['key_id']}", who).body["last_used_at"]


def test_only_a_good_key_opens(who: Actor) -> None:
    key = made(who, networks=["203.0.113.0/24"])
    enter(key["token"])
    with pytest.raises(Forbidden):
        enter(key["token"], STARTING._replace(address="198.51.100.1"))
    for wrong in (key["token"][:-1], key["token"] + "x", made(who)["token"][:40] + key["token"][40:], "plsd_x_y"):
        with pytest.raises(Unauthenticated):
            enter(wrong)
    with time_machine.travel(clock.now()) as time:
        new = send("POST", f"/api-keys/{key['key_id']}/rotate", who, {"overlap_minutes": 10}).body["token"]
        assert enter(new).key_id == enter(key["token"]).key_id
        time.shift(601)
        assert enter(new)
        with pytest.raises(Unauthenticated):
            enter(key["token"])
    send("DELETE", f"/api-keys/{key['key_id']}", who)
    with pytest.raises(Unauthenticated, match="revoked"):
        enter(new)
    assert committed_events()[-1].type == "AccessRefused.v1", "who still shows a revoked key is noticed"


def test_a_disabled_service_account_opens_nothing(who: Actor) -> None:
    body = {"name": "Build server", "roles": ["analyst"]}
    account_id = send("POST", "/service-accounts", who, body).body["account_id"]
    token = made(who, service_account_id=account_id)["token"]
    assert enter(token).user_id == account_id
    send("PUT", f"/service-accounts/{account_id}", who, {**body, "enabled": False})
    with pytest.raises(Unauthenticated):
        enter(token)


def test_policies_bind_keys(who: Actor) -> None:
    person(who, who.user_id, "organization_admin")
    key = made(who, permissions=["scans:*", "policies:*"])
    stamps = {"created_by": "u", "created_at": "t", "updated_by": "u", "updated_at": "t"}
    source = "forbid(principal, action, resource) when { context.via_api_key };"
    policy = Policy(tenant_id=who.tenant_id, policy_id="pol_1", name="p", source=source, enabled=True, **stamps)
    enter(key["token"])
    Table().write(put(PolicySet(tenant_id=who.tenant_id, source=language.compiled([policy]))))
    for visit in (STARTING, Visit("DELETE", "/api/v1/policies/pol_1", OFFICE)):
        with pytest.raises(ForbiddenByPolicy, match="pol_1"):
            enter(key["token"], visit)
    assert enter(key["token"], Visit("GET", "/api/v1/users/me", OFFICE)), "what needs no permission is beyond policies"
