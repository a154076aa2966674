"""Restoring: what differs between a state and the present, and making the present the same.

A restore that was cut short is done again: what is right already makes no difference then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from infra.backup.cloud import Cloud, CloudError, State, items_of, objects_of
from infra.backup.scope import Item, Key, Scope, canonical, key_of, revoked
from infra.backup.sources import Source
from infra.backup.vault import sha256

Told = Callable[[str], object]
EVERY = 500


@dataclass
class Plan:
    """What a restore does. `kept` are items that stay as they are now although they were otherwise then."""

    missing: list[Key] = field(default_factory=list)
    changed: list[Key] = field(default_factory=list)
    surplus: list[Key] = field(default_factory=list)
    kept: list[Key] = field(default_factory=list)
    objects_missing: list[str] = field(default_factory=list)
    objects_changed: list[str] = field(default_factory=list)
    objects_surplus: list[str] = field(default_factory=list)

    @property
    def overwrites(self) -> bool:
        """Whether something that is there now goes."""
        return bool(self.changed or self.surplus or self.objects_changed or self.objects_surplus)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.overwrites or self.missing or self.objects_missing)

    def lines(self) -> list[str]:
        """What people read before they say yes, and after."""
        return [
            f"items:   {len(self.missing)} missing, {len(self.changed)} changed, {len(self.surplus)} to remove, "
            f"{len(self.kept)} kept as they are (audit trail, erasures, revoked keys)",
            f"objects: {len(self.objects_missing)} missing, {len(self.objects_changed)} changed, "
            f"{len(self.objects_surplus)} to remove",
        ]


def compare(scope: Scope, then: State, now: State) -> Plan:
    """What a restore of `then` would do."""
    plan = Plan()
    for key, item in sorted(then.items.items()):
        there = now.items.get(key)
        if there is None:
            plan.missing.append(key)
        elif canonical(there) != canonical(item):
            stays = scope.only_grows(item) or (revoked(there) and not revoked(item))
            (plan.kept if stays else plan.changed).append(key)
    for key in sorted(now.items.keys() - then.items.keys()):
        (plan.kept if scope.only_grows(now.items[key]) else plan.surplus).append(key)
    for name, stored in sorted(then.objects.items()):
        present = now.objects.get(name)
        if present is None:
            plan.objects_missing.append(name)
        elif (present.etag, present.size) != (stored.etag, stored.size):
            plan.objects_changed.append(name)
    plan.objects_surplus = sorted(now.objects.keys() - then.objects.keys())
    return plan


def present_state(cloud: Cloud, scope: Scope) -> State:
    """What is there now."""
    return State(items_of(cloud, scope), objects_of(cloud, scope))


def apply(cloud: Cloud, scope: Scope, source: Source, plan: Plan, told: Told) -> None:
    """Do what the plan says, in place: objects first, so that no item names one that is not there."""
    for name in (*plan.objects_missing, *plan.objects_changed):
        _put_object(cloud, scope, source, name)
        told(f"object {name}")
    for number, key in enumerate((*plan.missing, *plan.changed), 1):
        _put(cloud, scope, source.state.items[key], cloud.table)
        if number % EVERY == 0:
            told(f"{number} items")
    for key in plan.surplus:
        place = {"pk": {"S": key[0]}, "sk": {"S": key[1]}}
        condition: dict[str, Any] = {}
        if not key[0].startswith((scope.own, scope.door)):  # its key does not say whose it is
            condition = {
                "ConditionExpression": "tenant_id = :tenant",
                "ExpressionAttributeValues": {":tenant": {"S": scope.tenant_id}},
            }
        cloud.dynamodb.delete_item(TableName=cloud.table, Key=place, **condition)
    for name in plan.objects_surplus:
        scope.demand_object(name)
        cloud.s3.delete_object(Bucket=cloud.facts, Key=name)
    for item in source.state.items.values():
        _mend_pointer(cloud, scope, item)


def into_table(cloud: Cloud, scope: Scope, source: Source, table: str, told: Told) -> None:
    """Put the items into a table of its own, which is made like the platform's, for looking at. Objects stay where
    they are: their versions can be read there."""
    _make_table(cloud, table)
    for number, item in enumerate(source.state.items.values(), 1):
        _put(cloud, scope, item, table)
        if number % EVERY == 0:
            told(f"{number} items")


def _put(cloud: Cloud, scope: Scope, item: Item, table: str) -> None:
    """An item, unless somebody else's lies in its place."""
    scope.demand(item)
    cloud.dynamodb.put_item(
        TableName=table,
        Item=item,
        ConditionExpression="attribute_not_exists(tenant_id) OR tenant_id = :tenant",
        ExpressionAttributeValues={":tenant": {"S": scope.tenant_id}},
    )


def _put_object(cloud: Cloud, scope: Scope, source: Source, name: str) -> None:
    """An object, read back."""
    scope.demand_object(name)
    body = source.body(name)
    cloud.s3.put_object(
        Bucket=cloud.facts,
        Key=name,
        Body=body.content,
        ContentType=body.content_type or "application/octet-stream",
        Metadata=body.metadata,
    )
    there = cloud.s3.get_object(Bucket=cloud.facts, Key=name)["Body"].read()
    if sha256(there) != sha256(body.content):
        raise CloudError(f"The object {name} is not what was written a moment ago.")


def _mend_pointer(cloud: Cloud, scope: Scope, item: Item) -> None:
    """A member whom the directory of people no longer knows here is pointed here again; what points elsewhere stays."""
    pk, sk = key_of(item)
    if pk != f"{scope.own}USERS" or not sk.startswith("USER#"):
        return
    user_id = item["user_id"]["S"]
    place = {"pk": {"S": f"PLATFORM#PEOPLE#{user_id}"}, "sk": {"S": "PERSON"}}
    here = {"S": scope.tenant_id}
    known = cloud.dynamodb.get_item(TableName=cloud.table, Key=place, ConsistentRead=True).get("Item")
    if known is None:
        person = {
            **place,
            "tenant_id": here,
            "version": {"N": "1"},
            "user_id": item["user_id"],
            "email": item["email"],
            "organizations": {"L": [here]},
            "last": here,
        }
        cloud.dynamodb.put_item(TableName=cloud.table, Item=person, ConditionExpression="attribute_not_exists(pk)")
    elif here not in known["organizations"]["L"]:
        version = known["version"]["N"]
        known["organizations"]["L"].append(here)
        known["version"] = {"N": str(int(version) + 1)}
        cloud.dynamodb.put_item(
            TableName=cloud.table,
            Item=known,
            ConditionExpression="version = :read",
            ExpressionAttributeValues={":read": {"N": version}},
        )


def _make_table(cloud: Cloud, name: str) -> None:
    """A table with the platform's keys. Raises CloudError where one of that name holds anything."""
    described = cloud.dynamodb.describe_table(TableName=cloud.table)["Table"]
    try:
        if cloud.dynamodb.scan(TableName=name, Limit=1)["Items"]:
            raise CloudError(f"The table {name} is not empty.")
        return
    except cloud.dynamodb.exceptions.ResourceNotFoundException:
        pass
    keys = described["KeySchema"]
    named = {key["AttributeName"] for key in keys}
    cloud.dynamodb.create_table(
        TableName=name,
        KeySchema=keys,
        AttributeDefinitions=[each for each in described["AttributeDefinitions"] if each["AttributeName"] in named],
        BillingMode="PAY_PER_REQUEST",
    )
    cloud.dynamodb.get_waiter("table_exists").wait(TableName=name)
