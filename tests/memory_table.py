"""The table in memory, for tests that take a hundred thousand steps. `tests/kernel/test_memory_table.py` holds it to
what moto does."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from kernel.attributes import from_item
from kernel.events import Envelope
from kernel.table import Table

Item = dict[str, Any]


class _Refused(ClientError):  # type: ignore[misc]
    def __init__(self, operation: str, **members: Any) -> None:
        error = {"Code": type(self).__name__, "Message": type(self).__name__}
        super().__init__({"Error": error, **members}, operation)


class ConditionalCheckFailedException(_Refused):
    pass


class TransactionCanceledException(_Refused):
    pass


class TransactionConflictException(_Refused):
    pass


class MemoryDynamo:
    """A DynamoDB client as far as `Table` uses it: one table, the conditions that it writes, its kinds of query."""

    exceptions = SimpleNamespace(
        ClientError=ClientError,
        ConditionalCheckFailedException=ConditionalCheckFailedException,
        TransactionCanceledException=TransactionCanceledException,
        TransactionConflictException=TransactionConflictException,
    )

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], Item] = {}
        self.before_write: Callable[[], None] = lambda: None

    def get_item(self, *, Key: Item, **_options: Any) -> Item:
        found = self.items.get(_place(Key))
        return {"Item": dict(found)} if found else {}

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> Item:
        ((name, request),) = RequestItems.items()
        found = [self.items[_place(key)] for key in request["Keys"] if _place(key) in self.items]
        return {"Responses": {name: found}, "UnprocessedKeys": {}}

    def put_item(self, **operation: Any) -> None:
        self._demand(operation, "PutItem")
        self._apply("Put", operation)

    def delete_item(self, **operation: Any) -> None:
        self._demand(operation, "DeleteItem")
        self._apply("Delete", operation)

    def transact_write_items(self, *, TransactItems: list[dict[str, Any]], **_options: Any) -> None:
        self.before_write()
        steps = [next(iter(item.items())) for item in TransactItems]
        reasons = [{"Code": "None" if self._holds(operation) else "ConditionalCheckFailed"} for _, operation in steps]
        if any(reason["Code"] != "None" for reason in reasons):
            raise TransactionCanceledException("TransactWriteItems", CancellationReasons=reasons)
        for kind, operation in steps:
            self._apply(kind, operation)

    def query(
        self,
        *,
        KeyConditionExpression: str,
        ExpressionAttributeValues: Item,
        Limit: int = 1_000_000,
        ScanIndexForward: bool = True,
        IndexName: str = "",
        ExclusiveStartKey: Item | None = None,
        **_options: Any,
    ) -> Item:
        values = from_item(ExpressionAttributeValues)
        prefix = values.get(":sk", "")
        first, last = values.get(":first", prefix), values.get(":last")
        assert KeyConditionExpression.startswith(f"{IndexName}pk = :pk")
        order = _order(IndexName)
        found = sorted(
            (
                item
                for item in self.items.values()
                if item.get(f"{IndexName}pk", {}).get("S") == values[":pk"]
                and item[f"{IndexName}sk"]["S"].startswith(prefix)
                and (last is None or first <= item[f"{IndexName}sk"]["S"] <= last)
            ),
            key=order,
            reverse=not ScanIndexForward,
        )
        if ExclusiveStartKey:
            start = order(ExclusiveStartKey)
            found = [item for item in found if (order(item) > start if ScanIndexForward else order(item) < start)]
        page = found[:Limit]
        names = ["pk", "sk", *([f"{IndexName}pk", f"{IndexName}sk"] if IndexName else [])]
        last = {"LastEvaluatedKey": {name: page[-1][name] for name in names}} if len(found) >= Limit and page else {}
        return {"Items": page, **last}

    def _holds(self, operation: dict[str, Any]) -> bool:
        known = self.items.get(_place(operation.get("Item") or operation["Key"]))
        condition = operation.get("ConditionExpression")
        if condition == "attribute_not_exists(pk)":
            return known is None
        if condition == "version = :expected":
            return known is not None and known.get("version") == operation["ExpressionAttributeValues"][":expected"]
        if condition == "attribute_not_exists(pk) OR expires_at < :now":
            limit = float(operation["ExpressionAttributeValues"][":now"]["N"])
            return known is None or float(known.get("expires_at", {"N": "inf"})["N"]) < limit
        assert condition is None, condition
        return True

    def _demand(self, operation: dict[str, Any], name: str) -> None:
        self.before_write()
        if not self._holds(operation):
            raise ConditionalCheckFailedException(name)

    def _apply(self, kind: str, operation: dict[str, Any]) -> None:
        if kind == "Put":
            self.items[_place(operation["Item"])] = operation["Item"]
        elif kind == "Delete":
            self.items.pop(_place(operation["Key"]), None)


def _place(key: Item) -> tuple[str, str]:
    return key["pk"]["S"], key["sk"]["S"]


def _order(index: str) -> Callable[[Item], tuple[str, ...]]:
    return lambda item: (item[f"{index}sk"]["S"], *_place(item))


def memory_table() -> Table:
    """An empty table in memory."""
    return Table("palisade", MemoryDynamo())


def events_in(table: Table) -> list[Envelope]:
    """The events that were committed, oldest first."""
    items: Iterable[Item] = table.client.items.values()
    found = [Envelope.model_validate_json(each["envelope"]["S"]) for each in items if "#OUTBOX#" in each["pk"]["S"]]
    return sorted(found, key=lambda envelope: (envelope.at, envelope.sequence, envelope.id))


class MemoryKms:
    """A KMS client as far as `Envelope` uses it: a wrapped key is good with its own encryption context alone."""

    def __init__(self) -> None:
        self._keys: dict[bytes, tuple[dict[str, str], bytes]] = {}

    def generate_data_key_without_plaintext(
        self, *, EncryptionContext: dict[str, str], **_options: Any
    ) -> dict[str, bytes]:
        wrapped = os.urandom(16)
        self._keys[wrapped] = (EncryptionContext, os.urandom(32))
        return {"CiphertextBlob": wrapped}

    def decrypt(self, *, CiphertextBlob: bytes, EncryptionContext: dict[str, str]) -> dict[str, bytes]:
        context, key = self._keys[CiphertextBlob]
        assert context == EncryptionContext
        return {"Plaintext": key}
