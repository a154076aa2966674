"""The organizations context: tenants."""

from __future__ import annotations

from constructs import Construct

from infra.cdk.constructs.bounded_context import BoundedContext
from infra.cdk.constructs.door import TENANT
from infra.cdk.platform.stack import Platform


class Organizations(BoundedContext):
    """Tenants: found by an operator, named by their administrators."""

    name = "organizations"
    partitions = ("ORGANIZATIONS", f"PLATFORM#TENANTS#{TENANT}")

    def __init__(self, scope: Construct, platform: Platform) -> None:
        super().__init__(scope, platform)
        self.api("/organizations", "/organizations/{proxy+}")
        self.door("create-organization", "steps.create_organization")
