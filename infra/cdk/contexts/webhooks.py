"""The webhooks context: events to partners' endpoints."""

from __future__ import annotations

from constructs import Construct

from infra.cdk.constructs.bounded_context import READ, BoundedContext
from infra.cdk.constructs.machine import Machine
from infra.cdk.platform.stack import Platform

WAITS = 5
"""Events at once: an endpoint may take fifteen seconds for each, and the door has two minutes."""


class Webhooks(BoundedContext):
    """Signed deliveries, tried again for a day."""

    name = "webhooks"
    partitions = ("WEBHOOKS",)

    def __init__(self, scope: Construct, platform: Platform) -> None:
        super().__init__(scope, platform)
        api = self.api("/webhooks", "/webhooks/{proxy+}")
        events = self.events(every=True, timeout=120, batch_size=WAITS)
        retry = self.door("retry", "steps.retry")
        machine = Machine(
            self, "Delivery", "webhooks/delivery.asl.json", tasks={"Retry": retry.alias.function_arn}, numbers={}
        )
        for door in (api, events, retry):
            door.function.add_environment("DELIVERY_MACHINE_ARN", machine.arn)
            door.allow(["states:StartExecution"], [machine.arn])
            self.grant_data_key(door, create=door is api)
            self.grant_table(door, ["KEYS"], READ)
        self.grant_table(api, ["KEYS"], ["dynamodb:PutItem"])
