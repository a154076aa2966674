"""A door: one Lambda function of a room, reached through its live alias, with a role of its own for what belongs to
no tenant, and a data role that it assumes for one tenant at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from aws_cdk import Duration, aws_cloudwatch, aws_iam, aws_lambda, aws_logs
from constructs import Construct

from infra.cdk import nag
from infra.cdk.stage import Stage

LIVE = "live"
TENANT = "${aws:PrincipalTag/tenant}"
"""In a data role's policy: the tenant for whom it was assumed."""
TENANT_IDS = "org_*"


@dataclass(frozen=True)
class Code:
    """What a door runs: the room's bundle and the layers under it."""

    context: str
    bundle: aws_lambda.Code
    layers: Sequence[aws_lambda.ILayerVersion]
    environment: dict[str, str]


class Door(Construct):
    """A function and its alias. It may do nothing but log until the context grants it something."""

    def __init__(
        self,
        scope: Construct,
        stage: Stage,
        code: Code,
        name: str,
        handler: str,
        *,
        memory: int = 1024,
        timeout: int = 29,
        snap_start: bool = True,
    ) -> None:
        super().__init__(scope, f"{_title(name)}Door")
        self.name = f"{code.context}-{name}"
        logs = self._logs(stage, f"/palisade/{stage.name}/{code.context}/{name}")
        self.role = self._role(logs)
        self.function = aws_lambda.Function(
            self,
            "Function",
            function_name=stage.resource(self.name),
            runtime=aws_lambda.Runtime.PYTHON_3_13,
            architecture=aws_lambda.Architecture.ARM_64,
            code=code.bundle,
            handler=handler,
            layers=list(code.layers),
            role=self.role,
            memory_size=memory,
            timeout=Duration.seconds(timeout),
            tracing=aws_lambda.Tracing.ACTIVE,
            log_group=logs,
            logging_format=aws_lambda.LoggingFormat.JSON,
            snap_start=aws_lambda.SnapStartConf.ON_PUBLISHED_VERSIONS if snap_start else None,
            environment={**stage.environment, **code.environment, "CONTEXT": code.context},
        )
        self.alias = aws_lambda.Alias(self, "Live", alias_name=LIVE, version=self.function.current_version)
        self._data_role: aws_iam.Role | None = None
        self._watch()

    def allow(
        self, actions: Sequence[str], resources: Sequence[str], conditions: dict[str, object] | None = None
    ) -> None:
        """Grant the door's role what it needs, and no more."""
        self.role.add_to_policy(
            aws_iam.PolicyStatement(actions=list(actions), resources=list(resources), conditions=conditions)
        )

    def allow_data(
        self, actions: Sequence[str], resources: Sequence[str], conditions: dict[str, object] | None = None
    ) -> None:
        """Grant the door's data role something of its tenant; `TENANT` in it names whom it was assumed for."""
        self.data_role.add_to_policy(
            aws_iam.PolicyStatement(actions=list(actions), resources=list(resources), conditions=conditions)
        )

    @property
    def data_role(self) -> aws_iam.Role:
        """The role for tenants' data: only this door may assume it, and only with the tenant as session tag."""
        if self._data_role is None:
            self._data_role = self._tenant_role()
            self.function.add_environment("DATA_ROLE_ARN", self._data_role.role_arn)
        return self._data_role

    def _tenant_role(self) -> aws_iam.Role:
        role = aws_iam.Role(
            self, "DataRole", assumed_by=self.role, description=f"Data of one tenant, for the door {self.name}"
        )
        assume = ["sts:AssumeRole", "sts:TagSession"]
        tagged = {
            "StringLike": {"aws:RequestTag/tenant": TENANT_IDS},
            "Null": {"aws:RequestTag/tenant": "false"},
            "ForAllValues:StringEquals": {"aws:TagKeys": ["tenant"]},
        }
        trust = cast(aws_iam.CfnRole, role.node.default_child)
        trust.assume_role_policy_document = aws_iam.PolicyDocument(
            statements=[
                aws_iam.PolicyStatement(
                    actions=assume, principals=[aws_iam.ArnPrincipal(self.role.role_arn)], conditions=tagged
                )
            ]
        )
        self.allow(assume, [role.role_arn], tagged)
        return role

    def _logs(self, stage: Stage, name: str) -> aws_logs.LogGroup:
        return aws_logs.LogGroup(
            self,
            "Logs",
            log_group_name=name,
            retention=_retention(stage),
            removal_policy=stage.removal_policy,
        )

    def _role(self, logs: aws_logs.LogGroup) -> aws_iam.Role:
        role = aws_iam.Role(
            self, "Role", assumed_by=aws_iam.ServicePrincipal("lambda.amazonaws.com"), description=f"Door {self.name}"
        )
        logs.grant_write(role)
        nag.accept(role, "X-Ray knows no resources to name.", "AwsSolutions-IAM5[Resource::*]")
        return role

    def _watch(self) -> None:
        aws_cloudwatch.Alarm(
            self,
            "Errors",
            metric=self.alias.metric_errors(period=Duration.minutes(5)),
            threshold=1,
            evaluation_periods=1,
            treat_missing_data=aws_cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=f"The door {self.name} fails.",
        )


def _title(name: str) -> str:
    return "".join(part.title() for part in name.split("-"))


def _retention(stage: Stage) -> aws_logs.RetentionDays:
    return {
        7: aws_logs.RetentionDays.ONE_WEEK,
        30: aws_logs.RetentionDays.ONE_MONTH,
        90: aws_logs.RetentionDays.THREE_MONTHS,
        365: aws_logs.RetentionDays.ONE_YEAR,
    }[stage.log_days]
