"""The findings context: what scans found that somebody should fix."""

from __future__ import annotations

from constructs import Construct

from infra.cdk.constructs.bounded_context import READ, BoundedContext
from infra.cdk.platform.stack import Platform


class Findings(BoundedContext):
    """Findings of a tenant, the same across scans."""

    name = "findings"
    partitions = ("FINDINGS",)

    def __init__(self, scope: Construct, platform: Platform) -> None:
        super().__init__(scope, platform)
        api = self.api("/findings", "/findings/{proxy+}", "/scans/{scan_id}/findings")
        record = self.door("record", "steps.record", memory=1769, timeout=300)
        hand_in = self.door("hand-in", "steps.hand_in", timeout=300)
        for door in (api, record):
            self.grant_table(door, ["SCANS"], READ)
        self.grant_facts(record, "scans")
        self.grant_facts(hand_in, "reports", write=True)
