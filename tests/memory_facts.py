"""The facts bucket in memory, as far as `Facts` uses S3."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from kernel.facts import Facts


class NoSuchKey(Exception):
    """There is no such object."""


class MemoryS3:
    """An S3 client over a dict."""

    exceptions = SimpleNamespace(ClientError=ClientError, NoSuchKey=NoSuchKey)

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.before_call: Callable[[], None] = lambda: None

    def put_object(self, *, Key: str, Body: bytes, **_options: Any) -> None:
        self.before_call()
        self.objects[Key] = Body

    def get_object(self, *, Key: str, Range: str = "bytes=0-", **_options: Any) -> dict[str, Any]:
        self.before_call()
        if Key not in self.objects:
            raise NoSuchKey(Key)
        first, _, last = Range.removeprefix("bytes=").partition("-")
        body = self.objects[Key]
        return {"Body": io.BytesIO(body[int(first) : int(last) + 1 if last else len(body)])}

    def delete_objects(self, *, Delete: dict[str, Any], **_options: Any) -> None:
        self.before_call()
        for entry in Delete["Objects"]:
            self.objects.pop(entry["Key"], None)

    def get_paginator(self, _operation: str) -> MemoryS3:
        return self

    def paginate(self, *, Prefix: str, **_options: Any) -> Iterator[dict[str, Any]]:
        self.before_call()
        found = (key for key in sorted(self.objects) if key.startswith(Prefix))
        yield {"Contents": [{"Key": key, "Size": len(self.objects[key])} for key in found]}


def memory_facts() -> Facts:
    """An empty bucket in memory."""
    return Facts("palisade-facts", MemoryS3())
