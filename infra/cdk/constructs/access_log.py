"""The access log of an API's stage."""

from __future__ import annotations

import json
from typing import cast

from aws_cdk import aws_apigatewayv2, aws_logs
from constructs import Construct

from infra.cdk.stage import Stage

LOGGED = (
    "requestId",
    "requestTime",
    "httpMethod",
    "path",
    "routeKey",
    "status",
    "responseLatency",
    "identity.sourceIp",
)


def log_access(scope: Construct, api_stage: Construct, stage: Stage, name: str) -> None:
    """Log every request of an HTTP or WebSocket stage: who, what, how it went; never its query, which may hold a
    token."""
    logs = aws_logs.LogGroup(
        scope,
        "AccessLog",
        log_group_name=f"/palisade/{stage.name}/{name}",
        retention=aws_logs.RetentionDays.ONE_MONTH,
        removal_policy=stage.removal_policy,
    )
    configuration = cast(aws_apigatewayv2.CfnStage, api_stage.node.default_child)
    configuration.access_log_settings = aws_apigatewayv2.CfnStage.AccessLogSettingsProperty(
        destination_arn=logs.log_group_arn, format=json.dumps({name: f"$context.{name}" for name in LOGGED})
    )
