"""What an organisation can be restored from, or a backup made of: the present, a backup, or a point in time."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from infra.backup.cloud import Cloud, State, Stored, copy_of_table, items_of, objects_of
from infra.backup.scope import Scope, key_of
from infra.backup.vault import Tampered, Vault, sha256
from kernel import clock
from kernel.ids import new_id

PASSES = 4


class Body(NamedTuple):
    """An object's content, and what it is put with."""

    content: bytes
    content_type: str
    metadata: dict[str, str]


class Moving(Exception):
    """The organisation changed while it was read. Suspend it, or take a backup of a point in time."""


class Source(Protocol):
    """A state, and the contents of its objects."""

    at: str
    state: State

    def body(self, key: str) -> Body:
        """An object's content."""


class Versions:
    """Contents from the facts bucket, by version."""

    def __init__(self, cloud: Cloud, at: str, state: State) -> None:
        self._cloud, self.at, self.state = cloud, at, state

    def body(self, key: str) -> Body:
        """An object's content as it was."""
        stored = self.state.objects[key]
        named = {"VersionId": stored.version} if stored.version != "null" else {}
        answer = self._cloud.s3.get_object(Bucket=self._cloud.facts, Key=key, **named)
        return Body(answer["Body"].read(), answer.get("ContentType", ""), answer.get("Metadata", {}))


def present(cloud: Cloud, scope: Scope) -> Versions:
    """The organisation as it is. It is read until two passes, one after the other, find the same: what both found was
    there together. Raises Moving."""
    at = clock.timestamp()
    before = State(items_of(cloud, scope), objects_of(cloud, scope))
    for _ in range(PASSES - 1):
        at = clock.timestamp()
        now = State(items_of(cloud, scope), objects_of(cloud, scope))
        if now == before:
            return Versions(cloud, at, now)
        before = now
    raise Moving("The organisation changes while it is read. Suspend it, or take a backup of a point in time.")


@contextmanager
def past(cloud: Cloud, scope: Scope, at: datetime) -> Iterator[Versions]:
    """The organisation as it was at a moment of the last 35 days (items) and 30 days (objects)."""
    name = f"{cloud.table}-{new_id('pit')[-26:].lower()}"
    copy_of_table(cloud, at, name)
    try:
        state = State(items_of(cloud, scope, name), objects_of(cloud, scope, at))
        yield Versions(cloud, clock.timestamp(at), state)
    finally:
        cloud.dynamodb.delete_table(TableName=name)


class Backup:
    """A backup that was taken. Raises Tampered when its manifest is not the one that was written."""

    def __init__(self, cloud: Cloud, scope: Scope, backup_id: str) -> None:
        self._vault = Vault(cloud, scope)
        self.backup_id = backup_id
        self.manifest: dict[str, Any] = json.loads(self._vault.read(backup_id, "manifest"))
        seal = self.manifest.pop("seal")
        if self._vault.seal(self.manifest) != seal or self.manifest["tenant_id"] != scope.tenant_id:
            raise Tampered(f"The manifest of {backup_id} is not the one that was written.")
        self.at: str = self.manifest["at"]
        self._objects = {each["key"]: each for each in self.manifest["objects"]}
        self.state = State(
            {key_of(item): item for item in self._items()},
            {key: Stored(key, "", each["etag"], each["size"]) for key, each in self._objects.items()},
        )

    def body(self, key: str) -> Body:
        """An object's content. Raises Tampered."""
        known = self._objects[key]
        content = self._vault.read(self.backup_id, known["part"])
        if sha256(content) != known["sha256"]:
            raise Tampered(f"The object {key} in {self.backup_id} is not the one that was written.")
        return Body(content, known["content_type"], known["metadata"])

    def _items(self) -> Iterator[dict[str, Any]]:
        for part in self.manifest["items"]["parts"]:
            packed = self._vault.read(self.backup_id, part["name"])
            if sha256(packed) != part["sha256"]:
                raise Tampered(f"The part {part['name']} of {self.backup_id} is not the one that was written.")
            yield from (json.loads(line) for line in gzip.decompress(packed).splitlines())
