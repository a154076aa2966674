"""The audit context: an append-only trail of every command."""

from __future__ import annotations

from constructs import Construct

from infra.cdk.constructs.bounded_context import READ, BoundedContext
from infra.cdk.platform.stack import Platform


class Audit(BoundedContext):
    """Its doors may create entries and read them; none may change or delete one."""

    name = "audit"
    partitions = ("AUDIT",)
    writes = (*READ, "dynamodb:PutItem")

    def __init__(self, scope: Construct, platform: Platform) -> None:
        super().__init__(scope, platform)
        self.api("/audit/logs", "/audit/logs/{proxy+}")
        self.events(every=True)
