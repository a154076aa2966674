"""The scans context: its API, its clock, and the state machine that runs a scan."""

from __future__ import annotations

from aws_cdk import aws_iam, aws_scheduler
from constructs import Construct

from contracts.organizations import OrganizationStatusChanged
from contracts.scans import (
    ScanContinued,
    ScanDeleted,
    ScanEnded,
    ScanPaused,
    ScanPauseRequested,
    ScanQueued,
    ScanResumed,
    ScanStopRequested,
    ScheduleChanged,
    ScheduleDeleted,
)
from infra.cdk import nag
from infra.cdk.constructs.bounded_context import READ, BoundedContext
from infra.cdk.constructs.door import TENANT, Door
from infra.cdk.constructs.machine import Machine
from infra.cdk.constructs.person import person_door
from infra.cdk.platform.data import facts_bucket
from infra.cdk.platform.stack import Platform

TENANCY = f"PLATFORM#TENANTS#{TENANT}"
HEARD = (
    *(
        ScanQueued,
        ScanPauseRequested,
        ScanPaused,
        ScanResumed,
        ScanStopRequested,
        ScanContinued,
        ScanEnded,
        ScanDeleted,
    ),
    *(ScheduleChanged, ScheduleDeleted, OrganizationStatusChanged),
)


class Scans(BoundedContext):
    """Define, run and repeat scans."""

    name = "scans"
    partitions = ("SCANS", "TARGETS", "SCHEDULES")

    def __init__(self, scope: Construct, platform: Platform) -> None:
        super().__init__(scope, platform)
        clock = self.door("schedule", "schedule.handler")
        machine = self._machine()
        api = self.api(
            *("/scans", "/scans/{proxy+}", "/targets", "/targets/{proxy+}", "/schedules", "/schedules/{proxy+}")
        )
        for door in (api, clock):
            self.grant_table(door, ["MODULES", "TEMPLATES", "TEAMS"], READ)
        events = self.events(*(kind.type for kind in HEARD))
        for door in (events, clock):
            self.grant_table(door, [TENANCY], READ)
        events.function.add_environment("SCAN_MACHINE_ARN", machine.arn)
        events.allow(["states:StartExecution"], [machine.arn])
        events.allow(["states:SendTaskSuccess"], [machine.arn])
        self._may_look_at_executions(events, machine)
        self.executions(machine, "SCAN_MACHINE_ARN")
        person_door(self)
        self.door("adopt", "steps.adopt")
        self._scheduler(events, clock)

    def _may_look_at_executions(self, door: Door, machine: Machine) -> None:
        """Whether the executions of its scans still go on."""
        executions = machine.arn.replace(":stateMachine:", ":execution:") + ":*"
        door.allow(["states:DescribeExecution"], [executions])
        nag.accept(door.role, "An execution is named after its scan.", f"AwsSolutions-IAM5[Resource::{executions}]")

    def _machine(self) -> Machine:
        gate, park, fail = (self.door(name, f"steps.{name}") for name in ("gate", "park", "fail"))
        machine = Machine(
            self,
            "Scan",
            "scans/scan.asl.json",
            tasks={
                "Gate": gate.alias.function_arn,
                "Park": park.alias.function_arn,
                "Fail": fail.alias.function_arn,
                "Plan": self.function_arn("collection", "plan"),
                "RunBatch": self.function_arn("collection", "run-batch"),
                "Close": self.function_arn("collection", "close"),
                "RecordLoss": self.function_arn("collection", "record-loss"),
                "Reduce": self.function_arn("intelligence", "reduce"),
                "RecordFindings": self.function_arn("findings", "record"),
            },
            numbers={},
        )
        plans = f"arn:{self.partition}:s3:::{facts_bucket(self, self.stage)}/tenants/*/scans/*/plans/*"
        machine.allow(["s3:GetObject"], [plans])
        reason = "Tenant and scan are named by the execution's input."
        nag.accept(machine.role, reason, f"AwsSolutions-IAM5[Resource::arn:aws:s3:::{plans.partition(':::')[2]}]")
        machine.allow_map()
        park.allow(["states:SendTaskSuccess"], [machine.arn])
        return machine

    def _scheduler(self, events: Door, clock: Door) -> None:
        group = aws_scheduler.CfnScheduleGroup(self, "Schedules", name=self.stage.resource("schedules"))
        role = aws_iam.Role(self, "ClockRole", assumed_by=aws_iam.ServicePrincipal("scheduler.amazonaws.com"))
        clock.alias.grant_invoke(role)
        for name, value in {
            "SCHEDULE_GROUP": str(group.name),
            "SCHEDULE_TARGET_ARN": clock.alias.function_arn,
            "SCHEDULE_ROLE_ARN": role.role_arn,
        }.items():
            events.function.add_environment(name, value)
        schedules = self.format_arn(service="scheduler", resource="schedule", resource_name=f"{group.name}/*")
        nag.accept(events.role, "A schedule is named after its record.", f"AwsSolutions-IAM5[Resource::{schedules}]")
        events.allow(["scheduler:CreateSchedule", "scheduler:UpdateSchedule", "scheduler:DeleteSchedule"], [schedules])
        events.allow(
            ["iam:PassRole"], [role.role_arn], {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}
        )
