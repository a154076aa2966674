"""The developers context: API keys and service accounts."""

from __future__ import annotations

from constructs import Construct

from contracts.access import RoleChanged, TeamMemberAdded, TeamMemberRemoved
from contracts.identity import MemberRemoved, MemberRolesChanged
from infra.cdk.constructs.bounded_context import READ, BoundedContext
from infra.cdk.constructs.person import person_door
from infra.cdk.platform.stack import Platform


class Developers(BoundedContext):
    """What programs show instead of a session."""

    name = "developers"
    partitions = ("APIKEYS", "SERVICEACCOUNTS", "PLATFORM#APIKEYS#*")

    def __init__(self, scope: Construct, platform: Platform) -> None:
        super().__init__(scope, platform)
        api = self.api("/api-keys", "/api-keys/{proxy+}", "/service-accounts", "/service-accounts/{proxy+}")
        followed = (RoleChanged, MemberRolesChanged, MemberRemoved, TeamMemberAdded, TeamMemberRemoved)
        events = self.events(*(kind.type for kind in followed))
        for door in (api, events):
            self.grant_table(door, ["USERS", "ROLES", "TEAMS"], READ)
        person_door(self)
        self.grant_data_key(api, create=True)
        self.grant_table(api, ["KEYS"], [*READ, "dynamodb:PutItem"])
