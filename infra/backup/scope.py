"""What belongs to one organisation, and what a restore may do with it. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from kernel.ids import is_tenant_id

Item = dict[str, Any]
Key = tuple[str, str]
KEYS = "PLATFORM#APIKEYS#"
GROWS = ("AUDIT", "AUDITLOG", "AUDITLATE", "PRIVACY")
"""Partitions that only ever grow: a restore adds what is missing there, and takes nothing back. An audit trail that
went back in time would contradict its anchors, and a person who was erased must not be forgotten to be."""
TOLD = "OUTBOX"
"""Events that were told are not told again."""


class ScopeError(Exception):
    """Something that is not the organisation's was about to be touched."""


class Scope:
    """One organisation's items and objects."""

    def __init__(self, tenant_id: str) -> None:
        if not is_tenant_id(tenant_id):
            raise ScopeError(f"{tenant_id!r} is no organisation's id.")
        self.tenant_id = tenant_id
        self.own = f"TENANT#{tenant_id}#"
        self.door = f"PLATFORM#TENANTS#{tenant_id}"
        self.prefix = f"tenants/{tenant_id}/"

    def filter(self) -> dict[str, Any]:
        """The filter of a Scan that finds the organisation's items, consistently read."""
        return {
            "ConsistentRead": True,
            "FilterExpression": (
                "begins_with(pk, :own) OR pk = :door OR (begins_with(pk, :keys) AND tenant_id = :tenant)"
            ),
            "ExpressionAttributeValues": {
                ":own": {"S": self.own},
                ":door": {"S": self.door},
                ":keys": {"S": KEYS},
                ":tenant": {"S": self.tenant_id},
            },
        }

    def holds(self, item: Mapping[str, Any]) -> bool:
        """Whether an item is the organisation's."""
        pk = str(item["pk"]["S"])
        is_key = pk.startswith(KEYS) and item.get("tenant_id", {}).get("S") == self.tenant_id
        return pk.startswith(self.own) or pk == self.door or is_key

    def is_kept(self, item: Mapping[str, Any]) -> bool:
        """Whether a backup holds it: all but the outbox."""
        return self.holds(item) and not self._is_in(item, TOLD)

    def only_grows(self, item: Mapping[str, Any]) -> bool:
        """Whether it lies where nothing is changed or removed by a restore."""
        return any(self._is_in(item, kind) for kind in GROWS)

    def demand(self, item: Mapping[str, Any]) -> None:
        """Raises ScopeError for an item of anybody else."""
        if not self.holds(item):
            raise ScopeError(f"The item {key_of(item)} is not of {self.tenant_id}.")

    def demand_object(self, key: str) -> None:
        """Raises ScopeError for an object of anybody else."""
        if not key.startswith(self.prefix) or ".." in key.split("/"):
            raise ScopeError(f"The object {key} is not of {self.tenant_id}.")

    def _is_in(self, item: Mapping[str, Any], kind: str) -> bool:
        rest = str(item["pk"]["S"]).removeprefix(self.own)
        return rest == kind or rest.startswith(f"{kind}#")


def key_of(item: Mapping[str, Any]) -> Key:
    """The item's place."""
    return item["pk"]["S"], item["sk"]["S"]


def revoked(item: Mapping[str, Any] | None) -> bool:
    """Whether an item is a credential that was taken back: a restore never gives it out again."""
    return item is not None and "revoked_at" in item


def erased_since(now: Iterable[Mapping[str, Any]], at: str) -> list[str]:
    """The people who were erased after a moment: what is restored from before names them again."""
    done = (item for item in now if item["sk"]["S"].startswith("ERASURE#") and "finished_at" in item)
    return sorted(
        item["user_id"]["S"] for item in done if item["status"]["S"] == "done" and item["finished_at"]["S"] > at
    )


def canonical(item: Mapping[str, Any]) -> bytes:
    """One spelling of an item, for comparing and digesting."""
    return json.dumps(item, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def moment(text: str) -> datetime:
    """A point in time as an operator types it. Raises ValueError for one without its offset."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time needs its offset, as 2026-01-31T12:00:00Z")
    return at.astimezone(UTC)
