"""A customer lets a provider in, sees it, limits it and ends it; the provider's copy follows whatever the order."""

from __future__ import annotations

import random

import pytest

from contracts.access import Role
from contracts.organizations import Delegation
from functions.organizations import api, events, steps
from kernel.actor import Actor
from kernel.table import Table
from tests.kit import actor, call, committed_events, sqs_event

pytestmark = pytest.mark.usefixtures("cloud")


def founded(name: str) -> tuple[Actor, str]:
    who = actor()
    steps.create_organization({"tenant_id": who.tenant_id, "name": name}, None)
    return who, f"/organizations/{who.tenant_id}"


def customers(provider: Actor, path: str) -> list[tuple[str, list[str]]]:
    items = call(api.handler, "GET", f"{path}/customers", provider).body["items"]
    return [(each["customer_name"], each["roles"]) for each in items]


def test_a_delegation_from_its_grant_to_its_end() -> None:
    (customer, here), (provider, there) = founded("Customer"), founded("Provider")
    place = f"{here}/delegations/{provider.tenant_id}"
    granted = call(api.handler, "PUT", place, customer, {"roles": ["analyst"], "ends_at": "2999-01-01T00:00:00Z"})
    assert (granted.status, granted.body["roles"], granted.body["granted_by"]) == (200, ["analyst"], customer.user_id)
    authority = Table().get(customer, Delegation, provider_id=provider.tenant_id)
    assert authority is not None
    assert authority.ends_at == "2999-01-01T00:00:00.000Z"
    events.handler(sqs_event(committed_events()[-1]), None)
    assert customers(provider, there) == [("Customer", ["analyst"])]
    changed = call(api.handler, "PUT", place, customer, {"roles": ["viewer"]}, headers={"if-match": '"1"'})
    assert changed.body["version"] == 2
    assert committed_events()[-1].data["before"] == ["analyst"]
    assert call(api.handler, "PUT", place, customer, {"roles": ["viewer"]}, headers={"if-match": '"1"'}).status == 412
    assert call(api.handler, "DELETE", place, customer).status == 204
    stream = [event for event in committed_events() if event.type.startswith("Delegation")] * 3
    random.Random(3).shuffle(stream)
    events.handler(sqs_event(*stream), None)
    assert customers(provider, there) == []
    assert call(api.handler, "GET", place, customer).status == 404


@pytest.mark.parametrize(
    ("body", "slug"),
    [
        ({"roles": ["analyst"], "ends_at": "2020-01-01T00:00:00Z"}, "already-over"),
        ({"roles": []}, "invalid"),
        ({"roles": ["analyst"], "ends_at": "2999-01-01T00:00:00"}, "invalid"),
        ({"roles": ["role_of_mine"]}, "role-not-held"),
        ({"roles": ["super_admin"]}, "role-not-held"),
    ],
)
def test_a_bad_grant_changes_nothing(body: dict[str, object], slug: str) -> None:
    (customer, here), (provider, _) = founded("Customer"), founded("Provider")
    refused = call(api.handler, "PUT", f"{here}/delegations/{provider.tenant_id}", customer, body)
    assert refused.problem == slug
    assert call(api.handler, "GET", f"{here}/delegations", customer).body["items"] == []


def test_nobody_delegates_to_nobody_to_himself_or_for_another() -> None:
    (customer, here), (provider, _) = founded("Customer"), founded("Provider")
    body = {"roles": ["viewer"]}
    for other in (customer.tenant_id, actor().tenant_id, "org_x", "x"):
        assert call(api.handler, "PUT", f"{here}/delegations/{other}", customer, body).problem == "unknown-provider"
    place = f"{here}/delegations/{provider.tenant_id}"
    assert call(api.handler, "PUT", place, provider, body).status == 404
    analyst = actor(Role.ANALYST, customer.tenant_id)
    assert call(api.handler, "PUT", place, analyst, body).status == 403
