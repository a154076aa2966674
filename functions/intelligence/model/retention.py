"""How long facts are kept: by the plan, unless the organisation says otherwise. What goes are facts; counts stay."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

import msgspec
from pydantic import Field

from contracts.scans import ENDED, ScanBrief
from functions.intelligence.model.parts import Index
from kernel import clock
from kernel.records import Record, Resource

PLAN_DAYS: Final = {"free": 90, "starter": 180, "professional": 365, "business": 730}
"""Days by plan; one that is not named keeps facts until they are deleted."""
SLOTS: Final = 24
"""Each hour's clock looks after the organisations of one slot."""


class Retention(Record, pk="TENANT#{tenant_id}#INTELLIGENCE", sk="RETENTION"):
    """How long an organisation keeps its facts. Days count from the end of the scan that found them."""

    days: int | None = Field(default=None, description="What the organisation chose; absent: as the plan says.")
    plan_days: int | None = Field(default=None, description="What the plan says; absent: until a scan is deleted.")
    applied_days: int | None = Field(default=None, description="What holds; absent: until a scan is deleted.")
    changed_by: str = ""
    changed_at: str = ""

    def under(self, plan: str) -> Retention:
        """The same as it is under a plan."""
        self.plan_days = PLAN_DAYS.get(plan)
        self.applied_days = self.plan_days if self.days is None else self.days
        return self


class Keeper(Record, pk="PLATFORM#RETENTION#{slot}", sk="{tenant}", platform=True):
    """That an organisation has facts, which the clock looks after in the hour of its slot."""

    slot: int
    tenant: str


class RetiringScan(Resource):
    """A scan whose facts go."""

    scan_id: str
    name: str
    ended_at: str
    observations: int = Field(description="How many facts it found; the number stays.")


class RetentionPlan(Resource):
    """What would go now: the facts of these scans, and what the graph knows from them alone. The scans themselves,
    their counts and their findings stay."""

    days: int | None
    before: str | None = Field(description="Facts of scans that ended before this instant go; absent: none do.")
    scans: list[RetiringScan]
    observations: int


def keeper_of(tenant_id: str) -> Keeper:
    """The mark of an organisation with facts."""
    slot = int.from_bytes(hashlib.sha256(tenant_id.encode()).digest()[:4], "big") % SLOTS
    return Keeper(tenant_id=tenant_id, tenant=tenant_id, slot=slot)


def plan(scans: Iterable[tuple[ScanBrief, Index | None]], days: int | None, now: datetime) -> RetentionPlan:
    """What goes of these scans and their indexes when facts are kept for so many days. A scan that ended before its
    first wave was reduced has no facts."""
    if days is None:
        return RetentionPlan(days=None, before=None, scans=[], observations=0)
    before = clock.timestamp(now - timedelta(days=days))
    found = [
        RetiringScan(
            scan_id=brief.scan_id,
            name=brief.name,
            ended_at=brief.finished_at or brief.created_at,
            observations=sum(manifest.stored for manifest in index.manifests),
        )
        for brief, index in scans
        if index is not None and index.manifests and is_due(brief, before) and not index.retired_at
    ]
    return RetentionPlan(days=days, before=before, scans=found, observations=sum(each.observations for each in found))


def is_due(brief: ScanBrief, before: str) -> bool:
    """Whether a scan ended before an instant."""
    return brief.status in ENDED and (brief.finished_at or brief.created_at) < before


def retired(index: Index, at: str) -> Index:
    """An index whose facts are gone: what was counted stays."""
    counts = [
        msgspec.structs.replace(
            manifest,
            observations=(),
            entities=(),
            relations=(),
            frontier=(),
            weaknesses=None,
            detections=None,
            state="",
            objects=(),
            segments=(),
        )
        for manifest in index.manifests
    ]
    return Index(manifests=counts, retired_at=at)
