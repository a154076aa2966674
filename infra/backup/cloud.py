"""The account as an operator sees it: the stage's table, buckets and key, and one organisation's part of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from infra.backup.scope import Item, Key, Scope, key_of

SEGMENTS = 4
"""How many parts of the table are read at once."""
CREATED_SECONDS = 3600
"""For how long a restored table is waited for."""


class CloudError(Exception):
    """The account does not have, or does not allow, what this needs."""


@dataclass(frozen=True)
class Cloud:
    """Clients, and the names of what they work on."""

    dynamodb: Any
    s3: Any
    kms: Any
    table: str
    facts: str
    backups: str
    key_id: str


@dataclass(frozen=True)
class Stored:
    """An object's version as it was at some time."""

    key: str
    version: str
    etag: str
    size: int


@dataclass
class State:
    """All that an organisation had at one moment."""

    items: dict[Key, Item] = field(default_factory=dict)
    objects: dict[str, Stored] = field(default_factory=dict)


def items_of(cloud: Cloud, scope: Scope, table: str | None = None) -> dict[Key, Item]:
    """The organisation's items, of the platform's table or another one. It reads all of the table: 128 units for each
    megabyte."""

    def read(segment: int) -> list[Item]:
        request = {"TableName": table or cloud.table, "Segment": segment, "TotalSegments": SEGMENTS, **scope.filter()}
        found: list[Item] = []
        while True:
            answer = cloud.dynamodb.scan(**request)
            found += [item for item in answer["Items"] if scope.is_kept(item)]
            if "LastEvaluatedKey" not in answer:
                return found
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    with ThreadPoolExecutor(SEGMENTS) as pool:
        return {key_of(item): item for part in pool.map(read, range(SEGMENTS)) for item in part}


def objects_of(cloud: Cloud, scope: Scope, at: datetime | None = None) -> dict[str, Stored]:
    """The organisation's objects as they are, or as they were at a moment: of each key the last version until then,
    unless that was its deletion."""
    newest: dict[str, tuple[datetime, Stored | None]] = {}
    for entry, is_version in _versions(cloud, scope):
        changed = entry["LastModified"]
        if at is not None and changed > at:
            continue
        known = newest.get(entry["Key"])
        if known is not None and (known[0] > changed or (known[0] == changed and not entry["IsLatest"])):
            continue
        stored = Stored(entry["Key"], entry["VersionId"], entry["ETag"], entry["Size"]) if is_version else None
        newest[entry["Key"]] = (changed, stored)
    return {key: stored for key, (_, stored) in sorted(newest.items()) if stored is not None}


def _versions(cloud: Cloud, scope: Scope) -> Iterator[tuple[dict[str, Any], bool]]:
    """Every version and every deletion below the organisation's prefix."""
    request: dict[str, Any] = {"Bucket": cloud.facts, "Prefix": scope.prefix}
    while True:
        answer = cloud.s3.list_object_versions(**request)
        yield from ((entry, True) for entry in answer.get("Versions", ()))
        yield from ((entry, False) for entry in answer.get("DeleteMarkers", ()))
        if not answer.get("IsTruncated"):
            return
        request |= {"KeyMarker": answer["NextKeyMarker"], "VersionIdMarker": answer["NextVersionIdMarker"]}


def copy_of_table(cloud: Cloud, at: datetime, name: str) -> None:
    """The whole table as it was at a moment, as another table that is waited for. DynamoDB gives no part of one."""
    cloud.dynamodb.restore_table_to_point_in_time(
        SourceTableName=cloud.table, TargetTableName=name, RestoreDateTime=at, UseLatestRestorableTime=False
    )
    deadline = time.monotonic() + CREATED_SECONDS
    while cloud.dynamodb.describe_table(TableName=name)["Table"]["TableStatus"] != "ACTIVE":
        if time.monotonic() > deadline:
            raise CloudError(f"The table {name} was not ready in time. Look at it, and delete it.")
        time.sleep(5)
