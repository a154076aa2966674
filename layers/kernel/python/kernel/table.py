"""The one table: conditional writes, queries with signed cursors, and the transaction that holds a command.

One command is one `TransactWriteItems`: its state, its events (the outbox) and, when the caller sent an
Idempotency-Key, its answer. Nothing is published that was not committed; what is committed is published.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Generic, TypeVar

from kernel import aws, idempotency
from kernel.actor import Actor
from kernel.attributes import from_item, to_attribute, to_item
from kernel.cursors import Cursors
from kernel.errors import Conflict, NotFound, PreconditionFailed, Problem, TooLarge, Unavailable
from kernel.events import Event
from kernel.ids import new_id
from kernel.outbox import outbox_record
from kernel.records import InvalidKey, Record, Resource

R = TypeVar("R", bound=Record)

MAX_TRANSACTION_ITEMS = 100
MAX_BATCH_GET = 100
CONFLICT_RETRIES = 6
SEEN_DAYS = 8
PASSING = frozenset({None, "None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
"""Reasons of a cancelled transaction that are gone when it is tried again."""


@dataclass(frozen=True, slots=True)
class Change:
    """One item of a transaction. `otherwise` is the problem to raise when its condition does not hold."""

    record: Record
    operation: str
    condition: str
    values: dict[str, Any] = field(default_factory=dict)
    otherwise: Problem | None = None


def create(record: Record, otherwise: Problem | None = None) -> Change:
    """A new item; uniqueness is this condition, not a read before."""
    record.version = 1
    return Change(record, "Put", "attribute_not_exists(pk)", otherwise=otherwise or Conflict("It exists already."))


def update(record: Record, otherwise: Problem | None = None) -> Change:
    """A changed item that was read at `record.version`; counts the version up."""
    expected = record.version
    record.version += 1
    return Change(record, "Put", "version = :expected", {":expected": expected}, otherwise)


def put(record: Record) -> Change:
    """An item that may be there already: writing it again changes nothing that matters."""
    record.version += 1
    return Change(record, "Put", "")


def delete(record: Record, otherwise: Problem | None = None) -> Change:
    """An item that was read at `record.version`."""
    return Change(record, "Delete", "version = :expected", {":expected": record.version}, otherwise)


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """A part of a list, and the cursor of the next."""

    items: list[R]
    next_cursor: str | None = None


class Seen(Record, pk="TENANT#{tenant_id}#SEEN#{consumer}", sk="SEEN#{event_id}"):
    """That a consumer has taken in an event; written with its effect, so that a repeat has none."""

    consumer: str
    event_id: str


class AlreadySeen(Exception):
    """The event took effect before."""


@dataclass(frozen=True, slots=True)
class Once:
    """Makes a transaction take effect once for an event and a consumer."""

    consumer: str
    event_id: str

    def change(self, actor: Actor) -> Change:
        """The marker that the transaction carries."""
        record = Seen(
            tenant_id=actor.tenant_id,
            consumer=self.consumer,
            event_id=self.event_id,
            expires_at=int(time.time()) + SEEN_DAYS * 86400,
        )
        return create(record)


class Table:
    """The platform's table as one room sees it. A method that takes an actor is signed with the credentials of the
    actor's tenant; `…_platform` methods, and writes of platform items alone, with the door's own."""

    def __init__(self, name: str | None = None, client: Any = None) -> None:
        self.name = name or aws.setting("TABLE_NAME")
        self._client = client

    @property
    def client(self) -> Any:
        """The DynamoDB client, made when first needed."""
        if self._client is None:
            self._client = aws.client("dynamodb")
        return self._client

    def get(self, actor: Actor, kind: type[R], **values: Any) -> R | None:
        """One item, read consistently; None when there is none or its key cannot exist. One call."""
        try:
            key = kind.key(actor, **values)
        except InvalidKey:
            return None
        with aws.acting_for(actor.tenant_id):
            return self._get(kind, key)

    def get_platform(self, kind: type[R], **values: Any) -> R | None:
        """One item that belongs to no tenant; only the rooms that the stack names may read such items. One call."""
        try:
            key = kind.platform_key(**values)
        except InvalidKey:
            return None
        return self._get(kind, key)

    def get_platform_siblings(self, *kinds: type[Record], **values: Any) -> dict[type[Record], Record]:
        """The items of several kinds that share one partition which belongs to no tenant, by their kind. One call."""
        names = {kind.platform_key(**values)["sk"]: kind for kind in kinds}
        answer = self.client.query(
            TableName=self.name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": kinds[0].platform_key(**values)["pk"]}},
            ConsistentRead=True,
        )
        items = [item for item in answer["Items"] if item["sk"]["S"] in names]
        return {names[item["sk"]["S"]]: _load(names[item["sk"]["S"]], item) for item in items}

    def _get(self, kind: type[R], key: dict[str, str]) -> R | None:
        answer = self.client.get_item(TableName=self.name, Key=to_item(key), ConsistentRead=True)
        return _load(kind, answer["Item"]) if "Item" in answer else None

    def require(self, actor: Actor, kind: type[R], **values: Any) -> R:
        """One item. Raises NotFound."""
        record = self.get(actor, kind, **values)
        if record is None:
            raise NotFound()
        return record

    def get_many(self, actor: Actor, kind: type[R], keys: Sequence[dict[str, Any]]) -> list[R]:
        """The items with these key values, each once and in their order, without those that are not there. One call
        per hundred."""
        distinct = {tuple(key.values()): key for key in (kind.key(actor, **values) for values in keys)}
        wanted = [to_item(key) for key in distinct.values()]
        with aws.acting_for(actor.tenant_id):
            found = self._batch_get(kind, wanted)
        places = [(key["pk"]["S"], key["sk"]["S"]) for key in wanted]
        return [found[place] for place in places if place in found]

    def _batch_get(self, kind: type[R], wanted: list[dict[str, Any]]) -> dict[tuple[str, str], R]:
        found: dict[tuple[str, str], R] = {}
        for start in range(0, len(wanted), MAX_BATCH_GET):
            pending = wanted[start : start + MAX_BATCH_GET]
            for attempt in count():
                request = {self.name: {"Keys": pending, "ConsistentRead": True}}
                answer = self.client.batch_get_item(RequestItems=request)
                for item in answer["Responses"].get(self.name, ()):
                    found[item["pk"]["S"], item["sk"]["S"]] = _load(kind, item)
                pending = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])
                if not pending:
                    break
                _pause(attempt)
        return found

    def query(
        self,
        actor: Actor,
        kind: type[R],
        *,
        index: str = "",
        limit: int = 50,
        cursor: str | None = None,
        newest_first: bool = False,
        **values: Any,
    ) -> Page[R]:
        """A page of the items whose keys begin with the given values. One call. Raises BadRequest for a bad cursor."""
        try:
            pk, prefix = kind.partition(actor, index, **values)
        except InvalidKey:
            return Page([])
        with aws.acting_for(actor.tenant_id):
            return self._query(kind, index, pk, prefix, limit, cursor, newest_first)

    def _query(
        self, kind: type[R], index: str, pk: str, prefix: str, limit: int, cursor: str | None, newest_first: bool
    ) -> Page[R]:
        cursors = Cursors(f"{pk}|{prefix}|{index}|{newest_first}")
        start = to_item(cursors.read(cursor)) if cursor else None
        answer = self._ask(index, pk, prefix, limit, start, newest_first)
        last = answer.get("LastEvaluatedKey")
        items = [_load(kind, item) for item in answer["Items"]]
        return Page(items, cursors.write(from_item(last)) if last else None)

    def _ask(
        self, index: str, pk: str, prefix: str, limit: int, start: dict[str, Any] | None, newest_first: bool
    ) -> dict[str, Any]:
        request: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": f"{index}pk = :pk AND begins_with({index}sk, :sk)",
            "ExpressionAttributeValues": {":pk": {"S": pk}, ":sk": {"S": prefix}},
            "Limit": limit,
            "ScanIndexForward": not newest_first,
        }
        if not prefix:
            request["KeyConditionExpression"] = f"{index}pk = :pk"
            del request["ExpressionAttributeValues"][":sk"]
        if index:
            request["IndexName"] = index
        else:
            request["ConsistentRead"] = True
        if start:
            request["ExclusiveStartKey"] = start
        answer: dict[str, Any] = self.client.query(**request)
        return answer

    def span(
        self,
        actor: Actor,
        kind: type[R],
        first: dict[str, Any],
        last: dict[str, Any],
        *,
        index: str = "",
        limit: int = 200,
        newest_first: bool = False,
        **values: Any,
    ) -> list[R]:
        """The items of a partition whose sort keys lie between those that `first` and `last` give, both included:
        `limit` of them, or all there are. One call for each megabyte."""
        try:
            pk, _ = kind.partition(actor, index, **values)
            sort = kind.keys[index][1]
            bounds = {":first": {"S": sort.prefix(first)}, ":last": {"S": sort.prefix(last)}}
        except InvalidKey:
            return []
        if bounds[":first"]["S"] > bounds[":last"]["S"]:
            return []
        request: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": f"{index}pk = :pk AND {index}sk BETWEEN :first AND :last",
            "ExpressionAttributeValues": {":pk": {"S": pk}, **bounds},
            "ScanIndexForward": not newest_first,
            **({"IndexName": index} if index else {"ConsistentRead": True}),
        }
        found: list[R] = []
        with aws.acting_for(actor.tenant_id):
            while len(found) < limit:
                answer = self.client.query(**request | {"Limit": limit - len(found)})
                found += [_load(kind, item) for item in answer["Items"]]
                if "LastEvaluatedKey" not in answer:
                    break
                request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        return found

    def all(self, actor: Actor, kind: type[R], *, index: str = "", **values: Any) -> Iterator[R]:
        """Every item whose key begins with the given values, page after page; for collections known to be small. No
        cursor leaves the process, so none is signed: a door without the key of cursors may ask."""
        try:
            pk, prefix = kind.partition(actor, index, **values)
        except InvalidKey:
            return
        yield from self._every(kind, index, pk, prefix, actor.tenant_id)

    def all_platform(self, kind: type[R], *, index: str = "", **values: Any) -> Iterator[R]:
        """The same of items that belong to no tenant."""
        try:
            pk, prefix = kind.platform_partition(index, **values)
        except InvalidKey:
            return
        yield from self._every(kind, index, pk, prefix, None)

    def _every(self, kind: type[R], index: str, pk: str, prefix: str, tenant_id: str | None) -> Iterator[R]:
        start: dict[str, Any] | None = None
        while True:
            with aws.acting_for(tenant_id):  # not around a yield: who reads the items acts for himself
                answer = self._ask(index, pk, prefix, 200, start, newest_first=False)
            yield from (_load(kind, item) for item in answer["Items"])
            start = answer.get("LastEvaluatedKey")
            if start is None:
                return

    def write(self, change: Change) -> None:
        """One change that tells nobody: half the price of a transaction. Raises the change's problem."""
        with aws.acting_for(None if change.record.is_platform else change.record.tenant_id):
            self._write(change)

    def _write(self, change: Change) -> None:
        operation = self._operation(change)
        call = self.client.put_item if change.operation == "Put" else self.client.delete_item
        for attempt in range(CONFLICT_RETRIES):
            try:
                call(**operation)
                return
            except self.client.exceptions.ConditionalCheckFailedException:
                raise change.otherwise or PreconditionFailed() from None
            except self.client.exceptions.TransactionConflictException:
                _pause(attempt)
            except self.client.exceptions.ClientError as error:
                _raise_if_too_large(str(error))
                raise
        raise _busy()

    def transact(
        self,
        actor: Actor,
        changes: Sequence[Change],
        events: Sequence[Event] = (),
        *,
        answer: Resource | None = None,
        once: Once | None = None,
    ) -> None:
        """Commit a command: the changes, its events and its answer, or nothing.

        The first change is the aggregate: its version becomes the events' sequence number. `answer` is kept for
        a repeat with the same Idempotency-Key. Raises the problem of the change whose condition failed,
        `Replay` when the command was committed before, and AlreadySeen when `once` was.
        """
        sequence = changes[0].record.version if changes else 0
        guards = [once.change(actor)] if once else []
        kept = idempotency.record(self, actor, answer)
        if kept:
            guards.append(create(kept))
        outbox = [create(outbox_record(actor, event, sequence)) for event in events]
        everything = [*guards, *changes, *outbox]
        _demand_one_tenant(actor, everything)
        with aws.acting_for(actor.tenant_id):
            self._commit(everything)

    def transact_platform(self, changes: Sequence[Change]) -> None:
        """Commit items that belong to no tenant, together; nobody is told. Raises the problem of the change whose
        condition failed."""
        if not all(change.record.is_platform for change in changes):
            raise TypeError("a tenant's items are committed by an actor")
        self._commit(list(changes))

    def _commit(self, changes: list[Change]) -> None:
        if not changes:
            return
        if len(changes) > MAX_TRANSACTION_ITEMS:
            raise ValueError(f"a transaction holds {MAX_TRANSACTION_ITEMS} items, not {len(changes)}")
        items = [{change.operation: self._operation(change)} for change in changes]
        token = new_id("t")[-36:]
        for attempt in range(CONFLICT_RETRIES):
            try:
                self.client.transact_write_items(TransactItems=items, ClientRequestToken=token)
                return
            except self.client.exceptions.TransactionCanceledException as error:
                _raise_failed_condition(changes, error.response["CancellationReasons"])
                token = new_id("t")[-36:]
                _pause(attempt)
            except self.client.exceptions.ClientError as error:
                _raise_if_too_large(str(error))
                raise
        raise _busy()

    def _operation(self, change: Change) -> dict[str, Any]:
        item = change.record.item()
        operation: dict[str, Any] = {"TableName": self.name}
        if change.operation == "Put":
            operation["Item"] = to_item(item)
        else:  # Delete, ConditionCheck
            operation["Key"] = to_item({"pk": item["pk"], "sk": item["sk"]})
        if change.condition:
            operation["ConditionExpression"] = change.condition
        if change.values:
            operation["ExpressionAttributeValues"] = {
                name: to_attribute(value) for name, value in change.values.items()
            }
        return operation


def _demand_one_tenant(actor: Actor, changes: Sequence[Change]) -> None:
    """Our own mistake, caught before IAM would: a command changes its actor's tenant alone."""
    if any(not each.record.is_platform and each.record.tenant_id != actor.tenant_id for each in changes):
        raise ValueError("a command of one tenant holds a record of another")


def _raise_failed_condition(changes: list[Change], reasons: list[dict[str, Any]]) -> None:
    """Raise what the first failed condition means; return when the transaction merely collided with another."""
    for change, reason in zip(changes, reasons, strict=True):
        if reason.get("Code") != "ConditionalCheckFailed":
            continue
        if isinstance(change.record, idempotency.Kept):
            raise idempotency.Replay from None
        if isinstance(change.record, Seen):
            raise AlreadySeen from None
        raise change.otherwise or PreconditionFailed() from None
    if not PASSING.issuperset(reason.get("Code") for reason in reasons):
        _raise_if_too_large(str(reasons))
        raise RuntimeError(f"the transaction was refused: {reasons}")


def _raise_if_too_large(refusal: str) -> None:
    """What a caller sent can make a record that DynamoDB does not take, which is the caller's fault."""
    if "Item size" in refusal:
        raise TooLarge("What you sent makes a record of more than 400 KB.") from None


def _pause(attempt: int) -> None:
    """Wait a moment, longer each time, so that commands that collided do not collide again."""
    time.sleep(random.uniform(0, 0.02 * 2 ** min(attempt, CONFLICT_RETRIES)))  # noqa: S311 - jitter


def _busy() -> Unavailable:
    return Unavailable("Many commands changed this at once. Try again.", retry_after=1)


def _load(kind: type[R], item: dict[str, Any]) -> R:
    return kind.model_validate(from_item(item))
