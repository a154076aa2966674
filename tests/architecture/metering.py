"""What a piece of work asks of AWS, seen by a hook in botocore: its calls, their request units, its events."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from infra.costs.capacity import Item, index_units, item_size, read_units, write_units
from infra.costs.usage import Usage
from kernel import aws
from kernel.events import Envelope
from tests.kit import forget

Place = tuple[str, str]


@dataclass
class Meter:
    """Watches every call from the start, so that it knows the items that a write replaces."""

    calls: list[str] = field(default_factory=list)
    reads: float = 0.0
    writes: float = 0.0
    envelopes: list[Envelope] = field(default_factory=list)
    _items: dict[Place, Item] = field(default_factory=dict)
    _began: float = 0.0
    _in_calls: float = 0.0
    _since: float = 0.0

    def start(self) -> None:
        """What comes now is counted."""
        self.calls, self.reads, self.writes, self.envelopes = [], 0.0, 0.0, []
        self._in_calls, self._since = 0.0, time.perf_counter()

    def usage(self) -> Usage:
        """What was counted since `start`."""
        own = time.perf_counter() - self._since - self._in_calls
        events = tuple(envelope.type for envelope in self.envelopes)
        return Usage(dict(Counter(self.calls)), self.reads, self.writes, events, round(own * 1000, 1))

    def asked(self, params: dict[str, Any], context: dict[str, Any], **_others: Any) -> None:
        """A call begins."""
        context["asked"], self._began = params, time.perf_counter()

    def answered(self, model: Any, parsed: dict[str, Any], context: dict[str, Any], **_others: Any) -> None:
        """A call has ended; one that was refused consumed as much, and changed nothing."""
        self._in_calls += time.perf_counter() - self._began
        service = str(model.service_model.service_id)
        self.calls.append(f"{service}.{model.name}")
        if service == "DynamoDB":
            getattr(self, f"_{model.name}", _nothing)(context["asked"], parsed)

    def _GetItem(self, asked: dict[str, Any], parsed: dict[str, Any]) -> None:
        self._read([parsed["Item"]] if "Item" in parsed else [], asked)

    def _Query(self, asked: dict[str, Any], parsed: dict[str, Any]) -> None:
        self._read(parsed["Items"], asked)

    def _BatchGetItem(self, asked: dict[str, Any], parsed: dict[str, Any]) -> None:
        for name, request in asked["RequestItems"].items():
            found = parsed["Responses"].get(name, [])
            for item in found:
                self._read([item], request)
            self.reads += len(request["Keys"]) - len(found)

    def _PutItem(self, asked: dict[str, Any], parsed: dict[str, Any]) -> None:
        self._write(asked["Item"], asked["Item"], transactional=False, committed="Error" not in parsed)

    def _DeleteItem(self, asked: dict[str, Any], parsed: dict[str, Any]) -> None:
        self._write(asked["Key"], None, transactional=False, committed="Error" not in parsed)

    def _TransactWriteItems(self, asked: dict[str, Any], parsed: dict[str, Any]) -> None:
        for change in asked["TransactItems"]:
            ((kind, request),) = change.items()
            after = request["Item"] if kind == "Put" else None
            self._write(request.get("Item", request.get("Key")), after, transactional=True,
                        committed="Error" not in parsed)  # fmt: skip

    def _read(self, items: Iterable[Item], request: dict[str, Any]) -> None:
        items = list(items)
        self._items |= {_place(item): item for item in items}
        size = sum(item_size(item) for item in items)
        self.reads += read_units(size, consistent=request.get("ConsistentRead", False))

    def _write(self, key: Item, after: Item | None, *, transactional: bool, committed: bool) -> None:
        before = self._items.get(_place(key))
        size = max((item_size(item) for item in (before, after) if item), default=0)
        self.writes += write_units(size, transactional=transactional) + index_units(before, after)
        if not committed:
            return
        if after is None:
            self._items.pop(_place(key), None)
            return
        self._items[_place(key)] = after
        if "#OUTBOX#" in after["pk"]["S"]:
            self.envelopes.append(Envelope.model_validate_json(after["envelope"]["S"]))


SERVICES = ("dynamodb", "s3", "kms", "stepfunctions", "scheduler", "sesv2", "events", "cognito-idp")
"""Clients that a warm process has already; making one is no part of a request."""


@contextmanager
def metered() -> Iterator[Meter]:
    """Every client made within is watched."""
    meter = Meter()
    hooks = {"before-parameter-build": meter.asked, "after-call": meter.answered}
    forget()
    events = aws.session().get_component("event_emitter")
    for name, hook in hooks.items():
        events.register_first(name, hook)
    for service in SERVICES:
        aws.client(service)
    try:
        yield meter
    finally:
        for name, hook in hooks.items():
            events.unregister(name, hook)
        forget()


def _place(item: Item) -> Place:
    return item["pk"]["S"], item["sk"]["S"]


def _nothing(_asked: dict[str, Any], _parsed: dict[str, Any]) -> None:
    """Calls that move no items consume nothing."""
