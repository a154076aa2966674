"""Moto as the tests need it: safe for threads, and quick where it would spend a quarter of their time. What it answers
stays the same."""

from __future__ import annotations

import copy
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.serialize import AttributePicker, AttributePickerContext
from moto.dynamodb import models as dynamodb
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table
from moto.kms import utils as kms

TAGS = frozenset(("S", "N", "B", "M", "L", "BOOL", "NULL", "SS", "NS", "BS"))
"""The names of DynamoDB's types of attributes."""


@contextmanager
def tuned() -> Iterator[None]:
    """Within it, every call to moto takes its turn, keys of one size are one key, and the table is quick."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BotocoreStubber, "process_request", _in_turn(BotocoreStubber.process_request))
        patch.setattr(AttributePicker, "__call__", _attributes_first(AttributePicker.__call__))
        patch.setattr(DynamoDBBackend, "transact_write_items", _with_one_copy(DynamoDBBackend.transact_write_items))
        patch.setattr(kms.RSAPrivateKey, "__init__", _with_one_key)
        yield


def _in_turn(answer: Any) -> Any:
    """Threads race between AWS calls, as in AWS, and never within one: moto is not made for threads."""
    turn = threading.RLock()

    def process_request(stubber: BotocoreStubber, request: Any) -> Any:
        with turn:
            return answer(stubber, request)

    return process_request


def _attributes_first(pick: Any) -> Any:
    """An attribute's value, as `{"S": "x"}`, is looked at once, not under a dozen names that its type could have."""

    def __call__(picker: AttributePicker, context: AttributePickerContext) -> Any:
        value = context.obj
        if type(value) is dict and len(value) == 1 and context.key in TAGS and not TAGS.isdisjoint(value):
            return value.get(context.key)
        return pick(picker, context)

    return __call__


def _with_one_copy(transact: Any) -> Any:
    """A transaction that is cancelled leaves the table as it was: for that, moto copies the whole table for each of
    its writes. A copy of the places is enough, and of the items that are updated where they lie."""

    def transact_write_items(backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
        kept: dict[int, Table] = {}
        for write in transact_items:
            ((kind, told),) = write.items()
            table = backend.tables.get(told["TableName"])
            if table is not None:
                kept.setdefault(id(table), _places(table))
                if kind == "Update":
                    _renew(table, told["Key"])

        def deepcopy(value: Any) -> Any:
            return kept[id(value)] if id(value) in kept else copy.deepcopy(value)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(dynamodb, "copy", SimpleNamespace(deepcopy=deepcopy))
            transact(backend, transact_items)

    return transact_write_items


def _places(table: Table) -> Table:
    """The table with the same items, at places of its own."""
    places = copy.copy(table)
    places.items = defaultdict(dict, {hash_: dict(items) for hash_, items in table.items.items()})
    return places


def _renew(table: Table, key: dict[str, Any]) -> None:
    """From now on the table has a copy of an item, which may be changed where it lies."""
    items = table.items.get(DynamoType(key[table.hash_key_attr]), {})
    place = DynamoType(key[str(table.range_key_attr)])
    if place in items:
        items[place] = copy.deepcopy(items[place])


def _with_one_key(key: kms.RSAPrivateKey, key_size: int) -> None:
    """Each of KMS's keys has an RSA key at moto, even the symmetric ones, and to make one takes a tenth of a second."""
    key.key_size = key_size
    key.private_key = _key(key_size)


@cache
def _key(size: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=size)
