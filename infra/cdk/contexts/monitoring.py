"""The monitoring context: health, and the description of the API."""

from __future__ import annotations

from constructs import Construct

from infra.cdk.constructs.bounded_context import BoundedContext
from infra.cdk.platform.stack import Platform

PATHS = ("/health", "/ready", "/openapi.json", "/docs")


class Monitoring(BoundedContext):
    """Open to everybody: it tells nothing of any tenant."""

    name = "monitoring"

    def __init__(self, scope: Construct, platform: Platform) -> None:
        super().__init__(scope, platform)
        api = self.api(public=PATHS)
        api.function.add_environment("BUS_NAME", platform.bus.event_bus_name)
        api.allow(["dynamodb:DescribeTable"], [platform.data.table.table_arn])
        api.allow(["s3:ListBucket"], [platform.data.facts.bucket_arn])
        api.allow(["events:DescribeEventBus"], [platform.bus.event_bus_arn])
