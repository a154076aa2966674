"""The collection context: plans waves and runs batches of modules."""

from __future__ import annotations

from constructs import Construct

from contracts.scans import (
    ScanDeleted,
    ScanEnded,
    ScanPaused,
    ScanPauseRequested,
    ScanResumed,
    ScanStopRequested,
)
from infra.cdk import nag
from infra.cdk.constructs.bounded_context import READ, BoundedContext
from infra.cdk.constructs.door import Door
from infra.cdk.platform.data import facts_bucket
from infra.cdk.platform.stack import Platform

TEMPLATES = ("/templates", "/templates/{proxy+}")


class Collection(BoundedContext):
    """The only context whose functions talk to targets."""

    name = "collection"
    partitions = ("COLLECTION", "TEMPLATES")

    def __init__(self, scope: Construct, platform: Platform) -> None:
        super().__init__(scope, platform)
        api = self.api("/scans/{scan_id}/progress", "/scans/{scan_id}/log", "/scans/{scan_id}/estimate", *TEMPLATES)
        api.function.add_environment("MAP_CONCURRENCY", str(self.stage.map_concurrency))
        plan = self.door("plan", "steps.plan", memory=1769, timeout=300, snap_start=False)
        run_batch = self.door(
            "run-batch", "steps.run_batch", memory=1769, timeout=290, snap_start=False, layers=["protocols", "files"]
        )
        plan.function.add_environment("MAP_CONCURRENCY", str(self.stage.map_concurrency))
        loss = self.door("record-loss", "steps.record_loss")
        close = self.door("close", "steps.close", timeout=120)
        hand_in = self.door("hand-in", "steps.hand_in", timeout=300)
        heard = (ScanPauseRequested, ScanPaused, ScanResumed, ScanStopRequested, ScanEnded, ScanDeleted)
        events = self.events(*(kind.type for kind in heard), timeout=300)
        for door in (api, plan, run_batch, events):
            self.grant_table(door, ["SCANS"], READ)
        for door in (plan, run_batch, loss, close):
            self.grant_facts(door, "scans", write=True)
        for door in (api, hand_in):
            self.grant_facts(door, "scans")
        self.grant_facts(hand_in, "reports", write=True)
        self.grant_facts(events, "scans", write=True, delete=True)
        self.grant_data_key(run_batch)
        self.grant_table(run_batch, ["KEYS"], READ)
        self._provide_advisories(run_batch)
        self._may_read_accounts(run_batch)

    def _provide_advisories(self, door: Door) -> None:
        """The snapshot of public advisories that the operator keeps in the facts bucket: it belongs to no tenant."""
        place = f"{facts_bucket(self, self.stage)}/platform/advisories"
        door.allow(["s3:GetObject"], [f"arn:{self.partition}:s3:::{place}/*"])
        door.function.add_environment("ADVISORIES", f"s3://{place}")
        reason = "A snapshot of public advisories, in as many pieces as it has."
        nag.accept(door.role, reason, f"AwsSolutions-IAM5[Resource::arn:aws:s3:::{place}/*]")

    def _may_read_accounts(self, door: Door) -> None:
        """Take the roles that tenants made in their accounts for their settings to be read."""
        roles = f"arn:{self.partition}:iam::*:role/palisade-posture*"
        door.allow(["sts:AssumeRole"], [roles])
        reason = "The account is the tenant's; its role trusts this one under an external id that names the tenant."
        nag.accept(door.role, reason, f"AwsSolutions-IAM5[Resource::{roles}]")
