"""No door's policies reach another tenant's data; and a policy that would is caught."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.iam.policies import KEY, TABLE, Door, Policy, doors
from tests.iam.requests import BUCKET, TENANT_TAG
from tests.iam.simulator import Request, Simulator, is_installed

pytestmark = [
    pytest.mark.skipif(not is_installed(), reason="the simulator of IAM is not installed: npm ci --prefix tests/iam"),
    pytest.mark.slow,
]

MINE, OTHERS, LONGER = "org_1", "org_2", "org_10"
TAG = (TENANT_TAG, MINE)
TAG_VARIABLE = "${aws:PrincipalTag/tenant}"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    made = Simulator()
    yield made
    made.close()


DOORS = doors() if is_installed() else {}


def statements(policies: tuple[Policy, ...]) -> list[dict[str, Any]]:
    return [statement for policy in policies for statement in policy["Statement"]]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def intrusions(statement: dict[str, Any]) -> Iterator[Request]:
    """What a door might try, with a statement that was made for its own tenant."""
    for action in listed(statement["Action"]):
        for resource in listed(statement["Resource"]):
            if action.startswith("dynamodb:"):
                yield from _foreign_keys(action, resource)
            elif action.startswith("s3:"):
                yield from _foreign_objects(action, resource)
            elif action.startswith("kms:"):
                for tenant in (OTHERS, LONGER):
                    yield Request(action, resource, (("kms:EncryptionContext:tenant", tenant), TAG))
                yield Request(action, resource, (TAG,))


def _foreign_keys(action: str, resource: str) -> Iterator[Request]:
    kinds = ("SCANS", "USERS", "OUTBOX#2026-01-01T00", "KEYS", "AUDIT#2026-01-01", "WEBHOOKS", "ORGANIZATIONS", "ROLES")
    for tenant in (OTHERS, LONGER, "*", TAG_VARIABLE, ""):
        for kind in kinds:
            yield _keyed(action, resource, f"TENANT#{tenant}#{kind}")
            yield _keyed(action, resource, f"TENANT#{MINE}#{kind}", f"TENANT#{tenant}#{kind}")
    yield _keyed(action, resource, f"PLATFORM#TENANTS#{OTHERS}")
    yield Request(action, resource, (TAG,))
    for wide in ("Scan", "PartiQLSelect"):
        yield Request(f"dynamodb:{wide}", TABLE, (TAG,))


def _keyed(action: str, resource: str, *keys: str) -> Request:
    return Request(action, resource, (("dynamodb:LeadingKeys", keys), TAG))


def _foreign_objects(action: str, resource: str) -> Iterator[Request]:
    for tenant in (OTHERS, LONGER):
        if action == "s3:ListBucket":
            for prefix in (f"tenants/{tenant}/scans/", "tenants/", ""):
                yield Request(action, BUCKET, (("s3:prefix", prefix), TAG))
            yield Request(action, BUCKET, (TAG,))
        else:
            yield Request(action, resource.replace(TAG_VARIABLE, tenant).rstrip("*") + "x", (TAG,))


def leaks(simulator: Simulator, policies: tuple[Policy, ...]) -> list[Request]:
    """What of another tenant's the policies would let somebody touch who acts for `MINE`."""
    tried = {request for statement in statements(policies) for request in intrusions(statement)}
    return [request for request in sorted(tried) if simulator.decide(policies, request).allowed]


@pytest.mark.parametrize("handler", sorted(DOORS))
def test_a_door_that_acts_for_a_tenant_reaches_nothing_of_another(simulator: Simulator, handler: str) -> None:
    assert leaks(simulator, DOORS[handler].data) == []


@pytest.mark.parametrize("handler", sorted(DOORS))
def test_a_door_itself_reaches_no_tenants_data(handler: str) -> None:
    for statement in statements(DOORS[handler].own):
        actions = {action.partition(":")[2] for action in listed(statement["Action"])}
        for key in _leading_keys(statement):
            assert key.startswith("PLATFORM#"), (handler, key)
        if TABLE in listed(statement["Resource"]) and not _leading_keys(statement):
            assert actions <= {"DescribeTable"} or (handler in LOOKERS and actions == {"Scan"}), (handler, statement)


LOOKERS = ("functions.privacy.steps.erase_tenant", "functions.privacy.steps.sweep")
"""They look through the whole table for one tenant's items, and see keys alone."""
KEYS_ALONE = ("pk", "sk", "tenant_id")


@pytest.mark.parametrize("handler", LOOKERS)
def test_who_looks_through_everything_sees_keys_alone(simulator: Simulator, handler: str) -> None:
    own, select = DOORS[handler].own, ("dynamodb:Select", "SPECIFIC_ATTRIBUTES")
    assert simulator.decide(own, _scan(KEYS_ALONE, select)).allowed
    for shown in (
        _scan((*KEYS_ALONE, "email"), select),
        _scan(("content",), select),
        _scan(KEYS_ALONE, ("dynamodb:Select", "ALL_ATTRIBUTES")),
        _scan(KEYS_ALONE),
        Request("dynamodb:Scan", TABLE, ()),
        Request("dynamodb:Scan", TABLE, (select,)),
    ):
        assert not simulator.decide(own, shown).allowed, shown
    assert not [door for name, door in DOORS.items() if name not in LOOKERS and "dynamodb:Scan" in str(door)]


def _scan(attributes: tuple[str, ...], *more: tuple[str, str]) -> Request:
    return Request("dynamodb:Scan", TABLE, (("dynamodb:Attributes", attributes), *more))


def _leading_keys(statement: dict[str, Any]) -> list[str]:
    condition = statement.get("Condition", {})
    return listed(condition.get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", []))


def test_every_door_may_do_what_its_statements_say_for_its_own_tenant(simulator: Simulator) -> None:
    """The checks above are about something: the same requests with the own tenant are allowed."""
    door = DOORS["functions.scans.api.handler"]
    mine = _keyed("dynamodb:PutItem", TABLE, f"TENANT#{MINE}#SCANS")
    assert simulator.decide(door.data, mine).allowed
    key = Request("kms:Decrypt", KEY, (("kms:EncryptionContext:tenant", MINE), TAG))
    assert simulator.decide(DOORS["functions.webhooks.api.handler"].data, key).allowed


def changed(door: Door, change: Callable[[dict[str, Any]], None]) -> tuple[Policy, ...]:
    """The door's data policies, each statement changed."""
    policies: tuple[Policy, ...] = tuple(json.loads(json.dumps(policy)) for policy in door.data)
    for statement in statements(policies):
        change(statement)
    return policies


def without_null(statement: dict[str, Any]) -> None:
    statement.get("Condition", {}).pop("Null", None)


def any_value(statement: dict[str, Any]) -> None:
    condition = statement.get("Condition", {})
    if "ForAllValues:StringLike" in condition:
        condition["ForAnyValue:StringLike"] = condition.pop("ForAllValues:StringLike")


def any_tenant(statement: dict[str, Any]) -> None:
    text = json.dumps(statement).replace(TAG_VARIABLE, "*")
    statement.clear()
    statement.update(json.loads(text))


def open_ended_tenant(statement: dict[str, Any]) -> None:
    text = json.dumps(statement).replace(TAG_VARIABLE, TAG_VARIABLE + "*")
    statement.clear()
    statement.update(json.loads(text))


def no_condition(statement: dict[str, Any]) -> None:
    statement.pop("Condition", None)


def every_action(statement: dict[str, Any]) -> None:
    if "dynamodb:Query" in listed(statement["Action"]):
        statement["Action"] = [*listed(statement["Action"]), "dynamodb:Scan"]
        without_null(statement)


def blind_prefix(statement: dict[str, Any]) -> None:
    if "s3:GetObject" in listed(statement["Action"]):
        statement["Resource"] = f"{BUCKET}/tenants/*"


def no_context(statement: dict[str, Any]) -> None:
    if "kms:EncryptionContext:tenant" in json.dumps(statement):
        statement.pop("Condition")


MUTANTS: dict[str, tuple[str, Callable[[dict[str, Any]], None]]] = {
    "keys need not be named": ("functions.scans.api.handler", without_null),
    "one good key excuses the others": ("functions.scans.api.handler", any_value),
    "any tenant": ("functions.scans.api.handler", any_tenant),
    "tenants whose ids begin alike": ("functions.scans.api.handler", open_ended_tenant),
    "no condition": ("functions.scans.api.handler", no_condition),
    "scans of the table": ("functions.scans.api.handler", every_action),
    "any tenant's objects": ("functions.reports.api.handler", any_tenant),
    "objects without their tenant": ("functions.reports.api.handler", blind_prefix),
    "listing without a prefix": ("functions.reports.api.handler", no_condition),
    "any tenant's data key": ("functions.webhooks.api.handler", no_context),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_wrong_policy_is_caught(simulator: Simulator, name: str) -> None:
    handler, change = MUTANTS[name]
    assert leaks(simulator, changed(DOORS[handler], change)) != []
