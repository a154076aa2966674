"""A state machine of a context: its definition from state_machines/, its tasks, its role."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from aws_cdk import ArnFormat, aws_iam, aws_logs, aws_stepfunctions
from constructs import Construct

from infra.cdk import nag
from infra.cdk.packaging import ROOT

if TYPE_CHECKING:
    from infra.cdk.constructs.bounded_context import BoundedContext


class Machine(Construct):
    """A standard state machine. `tasks` (ARNs) and `numbers` fill the `${…}` holes of its definition."""

    def __init__(
        self, scope: BoundedContext, name: str, path: str, tasks: Mapping[str, str], numbers: Mapping[str, int]
    ) -> None:
        super().__init__(scope, f"{name}Machine")
        physical = scope.stage.resource(name.lower())
        self.arn = scope.format_arn(
            service="states",
            resource="stateMachine",
            resource_name=physical,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        self._execution_arns = self.arn.replace(":stateMachine:", ":execution:") + "/*"
        self.role = aws_iam.Role(self, "Role", assumed_by=aws_iam.ServicePrincipal("states.amazonaws.com"))
        nag.accept(self.role, "X-Ray and log delivery know no resources to name.", "AwsSolutions-IAM5[Resource::*]")
        self.allow(["lambda:InvokeFunction"], list(tasks.values()))
        definition = (ROOT / "state_machines" / path).read_text()
        for hole, number in numbers.items():
            definition = definition.replace(f'"${{{hole}}}"', str(number))
        self.machine = aws_stepfunctions.StateMachine(
            self,
            "Machine",
            state_machine_name=physical,
            definition_body=aws_stepfunctions.DefinitionBody.from_string(json.dumps(json.loads(definition))),
            definition_substitutions=dict(tasks),
            role=self.role,
            tracing_enabled=True,
            logs=aws_stepfunctions.LogOptions(
                destination=aws_logs.LogGroup(
                    self,
                    "Logs",
                    log_group_name=f"/aws/vendedlogs/states/{physical}",
                    retention=aws_logs.RetentionDays.ONE_MONTH,
                    removal_policy=scope.stage.removal_policy,
                ),
                level=aws_stepfunctions.LogLevel.ALL,
            ),
        )

    def allow(self, actions: Sequence[str], resources: Sequence[str]) -> None:
        """Grant the machine's role what it needs."""
        self.role.add_to_policy(aws_iam.PolicyStatement(actions=list(actions), resources=list(resources)))

    def allow_map(self) -> None:
        """What a distributed Map needs: to start and follow its own child executions."""
        self.allow(["states:StartExecution"], [self.arn])
        self.allow(["states:DescribeExecution", "states:StopExecution"], [self._execution_arns])
        reason = "The names of child executions are made by the Map."
        nag.accept(self.role, reason, f"AwsSolutions-IAM5[Resource::{self._execution_arns}]")
