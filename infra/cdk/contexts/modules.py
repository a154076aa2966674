"""The modules context: the registry of scan modules."""

from __future__ import annotations

from constructs import Construct

from contracts.collection import ModulesRan
from infra.cdk.constructs.bounded_context import READ, BoundedContext
from infra.cdk.platform.stack import Platform


class Modules(BoundedContext):
    """What tenants set for their modules."""

    name = "modules"
    partitions = ("MODULES",)

    def __init__(self, scope: Construct, platform: Platform) -> None:
        super().__init__(scope, platform)
        api = self.api("/modules", "/modules/{proxy+}")
        self.grant_data_key(api, create=True)
        self.grant_table(api, ["KEYS"], (*READ, "dynamodb:PutItem"))
        self.grant_table(api, ["TEMPLATES"], READ)
        self.events(ModulesRan.type)
