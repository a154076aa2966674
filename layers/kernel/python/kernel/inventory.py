"""Everything that one tenant has in the table, for those who must miss nothing: an erasure.

Who looks sees keys alone: the door's own role may Scan, and of each item no attribute but `pk`, `sk` and `tenant_id`.
Who reads or changes what was found does it with the tenant's credentials, which reach nothing of another tenant's.
No request leads here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any, NamedTuple

from kernel import aws
from kernel.actor import Actor
from kernel.attributes import to_attribute
from kernel.records import TENANT_PREFIX, KeyTemplate

OWN = KeyTemplate(TENANT_PREFIX)
TENANTS, BACKUP_KEYS = KeyTemplate("PLATFORM#TENANTS#{tenant_id}"), KeyTemplate("PLATFORM#BACKUPKEYS#{tenant_id}")
BATCH_READ, BATCH_WRITE = 100, 25
Item = dict[str, Any]
"""An item as DynamoDB spells it."""


class Place(NamedTuple):
    """Where an item lies."""

    pk: str
    sk: str

    @property
    def key(self) -> Item:
        """The key as DynamoDB spells it."""
        return {"pk": {"S": self.pk}, "sk": {"S": self.sk}}


def kind_of(pk: str) -> str:
    """The kind of partition that a key lies in, such as `SCANS`, or `SESSIONS` of the platform's."""
    parts = pk.split("#")
    return parts[2] if parts[0] == "TENANT" else parts[1]


class Look(NamedTuple):
    """A part of the table that was looked through: what is there of the tenant, what there is of it that lies in
    partitions of no tenant, and where to go on (None: this was the end)."""

    own: list[Place]
    shared: list[Place]
    resume: str | None


class Inventory:
    """Looks through the whole table for one tenant's items."""

    def __init__(self, name: str | None = None, client: Any = None) -> None:
        self.name = name or aws.setting("TABLE_NAME")
        self._client = client

    @property
    def client(self) -> Any:
        """The DynamoDB client, made when first needed."""
        return self._client or aws.client("dynamodb")

    def look(self, actor: Actor, resume: str | None = None) -> Look:
        """Look through the next megabyte. One call, which costs what that megabyte costs to read."""
        request: Item = {
            "TableName": self.name,
            "ProjectionExpression": "pk, sk, tenant_id",
            "Select": "SPECIFIC_ATTRIBUTES",
            "FilterExpression": "begins_with(pk, :own) OR tenant_id = :tenant OR pk IN (:tenants, :keys)",
            "ExpressionAttributeValues": {
                ":own": {"S": _own(actor)},
                ":tenant": {"S": actor.tenant_id},
                ":tenants": {"S": TENANTS.fill(_named(actor))},
                ":keys": {"S": BACKUP_KEYS.fill(_named(actor))},
            },
        }
        if resume:
            pk, _, sk = resume.partition("\n")
            request["ExclusiveStartKey"] = Place(pk, sk).key
        with aws.acting_for(None):
            answer = self.client.scan(**request)
        found = [Place(item["pk"]["S"], item["sk"]["S"]) for item in answer["Items"]]
        last = answer.get("LastEvaluatedKey")
        return Look(
            [place for place in found if place.pk.startswith(_own(actor))],
            [place for place in found if not place.pk.startswith(_own(actor))],
            f"{last['pk']['S']}\n{last['sk']['S']}" if last else None,
        )

    def read(self, actor: Actor, places: Sequence[Place]) -> Iterator[Item]:
        """The tenant's items at these places."""
        for start in range(0, len(places), BATCH_READ):
            pending = [place.key for place in places[start : start + BATCH_READ]]
            while pending:
                request = {self.name: {"Keys": pending, "ConsistentRead": True}}
                with aws.acting_for(actor.tenant_id):
                    answer = self.client.batch_get_item(RequestItems=request)
                yield from answer["Responses"].get(self.name, ())
                pending = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])

    def replace(self, actor: Actor, before: Item, after: Item) -> bool:
        """Write an item anew as it was read; whether it still was as it was read."""
        version = before.get("version")
        condition = "version = :read" if version else "attribute_exists(pk)"
        values = {"ExpressionAttributeValues": {":read": version}} if version else {}
        try:
            with aws.acting_for(actor.tenant_id):
                self.client.put_item(TableName=self.name, Item=after, ConditionExpression=condition, **values)
        except self.client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def remove(self, actor: Actor, places: Sequence[Place]) -> int:
        """Delete the tenant's items at these places; how many."""
        for start in range(0, len(places), BATCH_WRITE):
            pending = [{"DeleteRequest": {"Key": place.key}} for place in places[start : start + BATCH_WRITE]]
            for _attempt in count():
                with aws.acting_for(actor.tenant_id):
                    answer = self.client.batch_write_item(RequestItems={self.name: pending})
                pending = answer.get("UnprocessedItems", {}).get(self.name, [])
                if not pending:
                    break
        return len(places)

    def remove_shared(self, actor: Actor, place: Place) -> bool:
        """Delete an item that lies in a partition of no tenant, if it is this tenant's; whether it was."""
        named = actor.tenant_id in place.pk
        condition = {} if named else {
            "ConditionExpression": "tenant_id = :tenant",
            "ExpressionAttributeValues": {":tenant": to_attribute(actor.tenant_id)},
        }  # fmt: skip
        try:
            with aws.acting_for(None):
                self.client.delete_item(TableName=self.name, Key=place.key, **condition)
        except self.client.exceptions.ConditionalCheckFailedException:
            return False
        return True


def _own(actor: Actor) -> str:
    return OWN.fill(_named(actor))


def _named(actor: Actor) -> dict[str, Any]:
    return {"tenant_id": actor.tenant_id}
