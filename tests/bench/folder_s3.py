"""The facts bucket as a folder, so that what lies there is not held against the memory of who is measured."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, unquote

from botocore.exceptions import ClientError

from kernel.facts import Facts


class NoSuchKey(Exception):
    """There is no such object."""


class FolderS3:
    """An S3 client over a folder, as far as `Facts` uses one; it counts what is read."""

    exceptions = SimpleNamespace(ClientError=ClientError, NoSuchKey=NoSuchKey)

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.gets = 0
        self.bytes = 0

    def put_object(self, *, Key: str, Body: bytes, **_options: Any) -> None:
        self._file(Key).write_bytes(Body)

    def get_object(self, *, Key: str, Range: str = "bytes=0-", **_options: Any) -> dict[str, Any]:
        first, _, last = Range.removeprefix("bytes=").partition("-")
        try:
            with self._file(Key).open("rb") as file:
                file.seek(int(first))
                body = file.read(int(last) - int(first) + 1 if last else -1)
        except FileNotFoundError:
            raise NoSuchKey(Key) from None
        self.gets += 1
        self.bytes += len(body)
        return {"Body": io.BytesIO(body)}

    def delete_objects(self, *, Delete: dict[str, Any], **_options: Any) -> None:
        for entry in Delete["Objects"]:
            self._file(entry["Key"]).unlink(missing_ok=True)

    def get_paginator(self, _operation: str) -> FolderS3:
        return self

    def paginate(self, *, Prefix: str, **_options: Any) -> Iterator[dict[str, Any]]:
        keys = sorted(unquote(file.name) for file in self._folder.iterdir())
        yield {"Contents": [{"Key": key} for key in keys if key.startswith(Prefix)]}

    def _file(self, key: str) -> Path:
        return self._folder / quote(key, safe="")


def folder_facts(folder: Path) -> Facts:
    """A bucket in a folder that is there."""
    return Facts("palisade-facts", FolderS3(folder))
