"""The intelligence context: reduces waves to a graph, correlates, answers questions about a scan's facts."""

from __future__ import annotations

from constructs import Construct

from infra.cdk.constructs.bounded_context import READ, BoundedContext
from infra.cdk.platform.stack import Platform

VIEWS = ("observations", "entities", "graph", "timeline", "integrity")


class Intelligence(BoundedContext):
    """The knowledge graph of each scan."""

    name = "intelligence"
    partitions = ("INTELLIGENCE",)

    def __init__(self, scope: Construct, platform: Platform) -> None:
        super().__init__(scope, platform)
        api = self.api(*(f"/scans/{{scan_id}}/{view}" for view in VIEWS), memory=1769)
        reduce = self.door("reduce", "steps.reduce", memory=3008, timeout=600, snap_start=False)
        hand_in = self.door("hand-in", "steps.hand_in", memory=1769, timeout=300, snap_start=False)
        for door in (api, reduce, hand_in):
            self.grant_table(door, ["SCANS"], READ)
        self.grant_facts(api, "scans", write=True)
        self.grant_facts(reduce, "scans", write=True)
        self.grant_facts(hand_in, "scans")
        self.grant_facts(hand_in, "reports", write=True)
