"""Whether a scan's facts are what was written: every object that its index names, by size and SHA-256."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from functions.intelligence.model.parts import Written

MAX_BYTES: Final = 64 * 1024 * 1024
"""Bytes that are looked at in one go, unless a single object has more."""


class Wrong(StrEnum):
    """What can be wrong with an object."""

    MISSING = "missing"
    CHANGED = "changed"


class Damage(msgspec.Struct, frozen=True):
    """An object that is not what was written. Sizes are bytes, `found_size` absent where there is nothing."""

    key: str
    problem: Wrong
    expected_size: int
    found_size: int | None = None


def some(objects: Sequence[Written], begin: int, limit: int) -> Sequence[Written]:
    """The next objects to look at: `limit` of them, or as many as have `MAX_BYTES` together, at least one."""
    size = 0
    for number, each in enumerate(objects[begin : begin + limit]):
        size += each.size
        if number and size > MAX_BYTES:
            return objects[begin : begin + number]
    return objects[begin : begin + limit]


def damages(objects: Iterable[Written], bodies: Iterable[bytes | None]) -> list[Damage]:
    """What is wrong with objects of which these are the bodies, None where there is none."""
    found = []
    for each, body in zip(objects, bodies, strict=True):
        if body is None:
            found.append(Damage(each.key, Wrong.MISSING, each.size))
        elif hashlib.sha256(body).hexdigest() != each.sha256:
            found.append(Damage(each.key, Wrong.CHANGED, each.size, len(body)))
    return found
