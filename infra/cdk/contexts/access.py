"""The access context: roles, policies, teams. Its authorizers live in the platform stack, beside the gateways."""

from __future__ import annotations

from constructs import Construct

from contracts.identity import MemberRemoved
from infra.cdk.constructs.bounded_context import READ, BoundedContext
from infra.cdk.constructs.door import TENANT
from infra.cdk.constructs.person import person_door
from infra.cdk.platform.stack import Platform


class Access(BoundedContext):
    """Who may do what."""

    name = "access"
    partitions = ("ROLES", "POLICIES", "TEAMS", f"PLATFORM#TENANTS#{TENANT}")

    def __init__(self, scope: Construct, platform: Platform) -> None:
        super().__init__(scope, platform, layers=("policies",))
        api = self.api(
            *("/permissions", "/roles", "/roles/{proxy+}", "/policies", "/policies/{proxy+}"),
            *("/teams", "/teams/{proxy+}"),
        )
        events = self.events(MemberRemoved.type)
        for door in (api, events):
            self.grant_table(door, ["USERS", "SERVICEACCOUNTS"], READ)
        self.grant_table(person_door(self), ["USERS", "SERVICEACCOUNTS"], READ)
