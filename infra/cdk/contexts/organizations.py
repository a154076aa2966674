"""The organizations context: tenants, what they use, and their end."""

from __future__ import annotations

from aws_cdk import aws_iam, aws_scheduler
from constructs import Construct

from contracts.identity import MemberRemoved, UserCreated
from contracts.organizations import DelegationEnded, DelegationGranted, OrganizationFounded
from contracts.scans import ScanDeleted, ScanEnded, ScanQueued
from infra.cdk.constructs.bounded_context import READ, BoundedContext
from infra.cdk.constructs.door import TENANT
from infra.cdk.constructs.person import person_door
from infra.cdk.platform.stack import Platform

COUNTED = (UserCreated, MemberRemoved, ScanQueued, ScanEnded, ScanDeleted)
OWN = (OrganizationFounded, DelegationGranted, DelegationEnded)


class Organizations(BoundedContext):
    """Tenants: founded by people or an operator, led by their administrators, ended by a clock."""

    name = "organizations"
    partitions = (
        *("ORGANIZATIONS", "USAGE", "DELEGATIONS", "CUSTOMERS"),
        *(f"PLATFORM#TENANTS#{TENANT}", "PLATFORM#CLOSING#*"),
    )

    def __init__(self, scope: Construct, platform: Platform) -> None:
        super().__init__(scope, platform)
        api = self.api("/organizations", "/organizations/{proxy+}", "/plans")
        self.grant_table(api, ["USERS", "PLATFORM#TENANTS#*"], READ)
        events = self.events(*(kind.type for kind in (*COUNTED, *OWN)))
        self.grant_facts(events, "scans")
        self.door("create-organization", "steps.create_organization")
        self.door("set-status", "steps.set_status")
        person_door(self)
        self._clock()

    def _clock(self) -> None:
        """Once an hour, end what is due."""
        door = self.door("schedule", "schedule.handler", timeout=120)
        role = aws_iam.Role(self, "ClockRole", assumed_by=aws_iam.ServicePrincipal("scheduler.amazonaws.com"))
        door.alias.grant_invoke(role)
        aws_scheduler.CfnSchedule(
            self,
            "Clock",
            name=self.stage.resource("grace-periods"),
            schedule_expression="rate(1 hour)",
            flexible_time_window=aws_scheduler.CfnSchedule.FlexibleTimeWindowProperty(
                mode="FLEXIBLE", maximum_window_in_minutes=15
            ),
            target=aws_scheduler.CfnSchedule.TargetProperty(
                arn=door.alias.function_arn, role_arn=role.role_arn, input="{}"
            ),
        )
