"""The realtime context: the WebSocket API."""

from __future__ import annotations

from typing import cast

from aws_cdk import CfnElement, CfnOutput, aws_apigatewayv2, aws_apigatewayv2_authorizers, aws_apigatewayv2_integrations
from constructs import Construct

from contracts.developers import ApiKeyRevoked
from contracts.identity import SessionsEnded
from contracts.scans import ScanEnded, ScanPaused, ScanProgressed, ScanResumed, ScanStarted
from infra.cdk import nag
from infra.cdk.constructs.access_log import log_access
from infra.cdk.constructs.bounded_context import READ, BoundedContext
from infra.cdk.platform.stack import Platform

STAGE = "live"


class Realtime(BoundedContext):
    """Pushes what happens to those who watch."""

    name = "realtime"
    partitions = ("REALTIME",)

    def __init__(self, scope: Construct, platform: Platform) -> None:
        super().__init__(scope, platform)
        door = self.door("socket", "socket.handler")
        integration = aws_apigatewayv2_integrations.WebSocketLambdaIntegration("Socket", door.alias)
        authorizer = aws_apigatewayv2_authorizers.WebSocketLambdaAuthorizer(
            "Token", platform.socket_gatekeeper.alias, identity_source=["route.request.querystring.token"]
        )
        plain = aws_apigatewayv2.WebSocketRouteOptions(integration=integration)
        api = aws_apigatewayv2.WebSocketApi(
            self,
            "Socket",
            api_name=self.stage.resource("socket"),
            connect_route_options=aws_apigatewayv2.WebSocketRouteOptions(
                integration=integration, authorizer=authorizer
            ),
            disconnect_route_options=plain,
            default_route_options=aws_apigatewayv2.WebSocketRouteOptions(integration=integration, return_response=True),
        )
        reason = "Only $connect can have an authorizer; what it verified comes with every later frame."
        for route in ("$disconnect-Route", "$default-Route"):
            nag.accept(api.node.find_child(route), reason, "AwsSolutions-APIG4")
        stage = aws_apigatewayv2.WebSocketStage(
            self,
            "SocketStage",
            web_socket_api=api,
            stage_name=STAGE,
            auto_deploy=True,
            throttle=aws_apigatewayv2.ThrottleSettings(rate_limit=500, burst_limit=250),
        )
        log_access(self, stage, self.stage, "socket-api")
        self.grant_table(door, ["SCANS"], READ)
        ended = (SessionsEnded, ApiKeyRevoked)
        scans = (ScanStarted, ScanProgressed, ScanPaused, ScanResumed, ScanEnded)
        events = self.events(*(kind.type for kind in (*scans, *ended)))
        for each in (door, events):
            self.grant_table(each, ["PLATFORM#SESSIONS#*", "PLATFORM#APIKEYS#*", "PLATFORM#TENANTS#*"], READ)
        events.function.add_environment("SOCKET_ENDPOINT", stage.callback_url)
        stage.grant_management_api_access(events.alias)
        reference = self.get_logical_id(cast(CfnElement, api.node.default_child))
        arn = f"arn:aws:execute-api:{self.region}:{self.account}:<{reference}>/{STAGE}/*/@connections/*"
        nag.accept(events.role, "Connections come and go.", f"AwsSolutions-IAM5[Resource::{arn}]")
        self.domain = f"{api.api_id}.execute-api.{self.region}.{self.url_suffix}"
        """Where the WebSocket API itself is reached, for the edge before it."""
        CfnOutput(self, "SocketUrl", value=stage.url)
        CfnOutput(self, "WebSocketApiId", value=api.api_id)
        CfnOutput(self, "WebSocketStage", value=STAGE)
