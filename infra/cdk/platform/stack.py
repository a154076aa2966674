"""The platform stack: what every context stack is given."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import (
    CfnOutput,
    Duration,
    Environment,
    Stack,
    aws_apigatewayv2,
    aws_events,
    aws_iam,
    aws_lambda,
    aws_lambda_event_sources,
    aws_sqs,
)
from constructs import Construct

from infra.cdk import nag, packaging
from infra.cdk.constructs.access_log import log_access
from infra.cdk.constructs.door import TENANT, Code, Door
from infra.cdk.constructs.keys import KeyBounds
from infra.cdk.platform.dashboard import Dashboard
from infra.cdk.platform.data import Data, private_bucket
from infra.cdk.platform.directory import Directory
from infra.cdk.platform.schemas import EventSchemas
from infra.cdk.stage import Stage
from kernel.viewer import PROOF, VIEWER

RELAY_BATCH = 100
REMEMBERED_SECONDS = 20
"""How long the gateway takes the authorizer's word; with the authorizer's own memory of 25 s, a revoked session works
for 45 s at most."""


class Platform(Stack):
    """Data, bus, relay, directory, HTTP API and authorizer."""

    def __init__(self, scope: Construct, stage: Stage, environment: Environment) -> None:
        super().__init__(scope, "Platform", stack_name=stage.resource("platform"), env=environment)
        self.stage = stage
        self.environment_ = environment
        self.data = Data(self, stage)
        self.bus = aws_events.EventBus(self, "Bus", event_bus_name=stage.resource("events"), kms_key=None)
        self._layers = {} if stage.is_local else self._dependency_layers()
        self.relay = self._relay()
        self.pre_token = self._identity_door("pre-token", "triggers.pre_token")
        self.directory = Directory(self, stage, self.pre_token.alias)
        self.gatekeeper = self._entrance("authorizer", "triggers.authorize")
        self.socket_gatekeeper = self._entrance("socket-authorizer", "triggers.authorize_socket")
        for door in (self.gatekeeper, self.socket_gatekeeper):
            door.function.add_environment("USER_POOL_ID", self.directory.pool.user_pool_id)
            door.function.add_environment("USER_POOL_CLIENT_ID", self.directory.client.user_pool_client_id)
            self.know_viewers(door)
        self.http_api = self._http_api()
        self.authorizer = self._authorizer()
        Dashboard(self, stage, self.http_api, self.data.table)
        if not stage.is_local:  # nobody looks for schemas on a laptop
            EventSchemas(self, stage)
        self._outputs()

    def layers(self, names: Sequence[str] = ()) -> list[aws_lambda.ILayerVersion]:
        """The layers of a room: the kernel, the runtime and what it names; none on a laptop, where the functions
        run on the project's own environment and sources."""
        if not self._layers:
            return []
        return [self._layers[name] for name in ("kernel", "runtime", *names)]

    def _dependency_layers(self) -> dict[str, aws_lambda.ILayerVersion]:
        folders = {
            "kernel": packaging.kernel_layer(),
            "runtime": packaging.dependency_layer("runtime"),
            "documents": packaging.dependency_layer("documents"),
            "policies": packaging.dependency_layer("policies"),
            "scim": packaging.dependency_layer("scim"),
            "protocols": packaging.dependency_layer("protocols"),
            "files": packaging.dependency_layer("files"),
        }
        return {
            name: aws_lambda.LayerVersion(
                self,
                f"{name.title()}Layer",
                code=aws_lambda.Code.from_asset(str(folder)),
                compatible_runtimes=[aws_lambda.Runtime.PYTHON_3_13],
                compatible_architectures=[aws_lambda.Architecture.ARM_64],
            )
            for name, folder in folders.items()
        }

    def _relay(self) -> Door:
        """Publishes the outbox: from the table's stream to the bus, in order, until it has worked."""
        bundle = packaging.room("identity") if self.stage.is_local else packaging.kernel_layer() / "python"
        code = Code(
            "relay", aws_lambda.Code.from_asset(str(bundle)), self.layers(), {"BUS_NAME": self.bus.event_bus_name}
        )
        door = Door(self, self.stage, code, "relay", "kernel.outbox.relay", timeout=60)
        dead = aws_sqs.Queue(self, "DeadRelay", retention_period=Duration.days(14), enforce_ssl=True)
        nag.accept(dead, "It is the stream's dead-letter queue.", "AwsSolutions-SQS3")
        door.alias.add_event_source(
            aws_lambda_event_sources.DynamoEventSource(
                self.data.table,
                starting_position=aws_lambda.StartingPosition.TRIM_HORIZON,
                batch_size=RELAY_BATCH,
                report_batch_item_failures=True,
                bisect_batch_on_error=True,
                retry_attempts=20,
                on_failure=aws_lambda_event_sources.SqsDlq(dead),
                filters=[
                    aws_lambda.FilterCriteria.filter(
                        {
                            "eventName": aws_lambda.FilterRule.is_equal("INSERT"),
                            "dynamodb": {"Keys": {"sk": {"S": aws_lambda.FilterRule.begins_with("EVENT#")}}},
                        }
                    )
                ],
            )
        )
        door.allow(["events:PutEvents"], [self.bus.event_bus_arn])
        return door

    def _identity_door(self, name: str, handler: str) -> Door:
        """The trigger before each token; its code is the identity room's. It learns where to look for the person as
        itself, and looks with the credentials of that organisation."""
        code = Code(
            "identity",
            aws_lambda.Code.from_asset(str(packaging.room("identity"))),
            self.layers(),
            {"TABLE_NAME": self.data.table.table_name},
        )
        door = Door(self, self.stage, code, name, f"functions.identity.{handler}", timeout=10)
        bounds = KeyBounds(self.data.table, self.data.key)
        known = [f"PLATFORM#{kind}#*" for kind in ("PEOPLE", "TENANTS", "ACCOUNTS")]
        bounds.allow(door.allow, known, ["dynamodb:GetItem"])
        theirs = [f"TENANT#{TENANT}#{kind}" for kind in ("USERS", "ROLES", "TEAMS", "DELEGATIONS")]
        bounds.allow(door.allow_data, theirs, ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"])
        return door

    def _entrance(self, name: str, handler: str) -> Door:
        """An authorizer; its code is the access room's. It reads who may enter before it knows for whom to act, and
        tells a tenant whom it refused."""
        bundle = aws_lambda.Code.from_asset(str(packaging.room("access")))
        table = self.data.table
        code = Code("access", bundle, self.layers(["policies"]), {"TABLE_NAME": table.table_name})
        door = Door(self, self.stage, code, name, f"functions.access.{handler}", timeout=10)
        bounds = KeyBounds(table, self.data.key)
        seen = ["PLATFORM#SESSIONS#*", "PLATFORM#APIKEYS#*"]
        bounds.allow(door.allow, [*seen, "PLATFORM#TENANTS#*"], ["dynamodb:GetItem", "dynamodb:Query"])
        bounds.allow(door.allow, seen, ["dynamodb:PutItem"])
        outbox = [f"TENANT#{TENANT}#OUTBOX#*"]
        bounds.allow(door.allow_data, outbox, ["dynamodb:PutItem"])
        return door

    def know_viewers(self, door: Door) -> None:
        """Let a door believe the edge about who asks; without an edge there is nothing to believe."""
        if self.data.edge_secret is not None:
            door.allow(["secretsmanager:GetSecretValue"], [self.data.edge_secret.secret_arn])
            door.function.add_environment("EDGE_SECRET_ARN", self.data.edge_secret.secret_arn)

    def _http_api(self) -> aws_apigatewayv2.HttpApi:
        api = aws_apigatewayv2.HttpApi(
            self, "Api", api_name=self.stage.resource("api"), create_default_stage=False, description="Palisade"
        )
        stage = aws_apigatewayv2.HttpStage(
            self,
            "ApiStage",
            http_api=api,
            stage_name="$default",
            auto_deploy=True,
            throttle=aws_apigatewayv2.ThrottleSettings(rate_limit=2000, burst_limit=1000),
        )
        log_access(self, stage, self.stage, "http-api")
        return api

    def _authorizer(self) -> aws_apigatewayv2.IHttpRouteAuthorizer:
        """The authorizer of every guarded route. It is made here once: the context stacks only refer to it. What it
        says holds for one viewer, as the edge names him with its proof: the gateway turns away who came around it
        without these; who invents them is judged by his own address, as the proof is wrong."""
        edge = [f"$request.header.{name}" for name in (VIEWER, PROOF)]
        viewer = ["$context.identity.sourceIp"] if self.stage.is_local else edge
        authorizer = aws_apigatewayv2.HttpAuthorizer(
            self,
            "TokenAuthorizer",
            http_api=self.http_api,
            authorizer_name=self.stage.resource("authorizer"),
            type=aws_apigatewayv2.HttpAuthorizerType.LAMBDA,
            authorizer_uri=(
                f"arn:{self.partition}:apigateway:{self.region}:lambda:path/2015-03-31/functions/"
                f"{self.gatekeeper.alias.function_arn}/invocations"
            ),
            identity_source=[
                "$request.header.Authorization",
                *viewer,
                "$context.httpMethod",
                "$context.path",
            ],
            payload_format_version=aws_apigatewayv2.AuthorizerPayloadVersion.VERSION_2_0,
            enable_simple_responses=True,
            results_cache_ttl=Duration.seconds(REMEMBERED_SECONDS),
        )
        self.gatekeeper.alias.add_permission(
            "ApiMayAsk",
            principal=aws_iam.ServicePrincipal("apigateway.amazonaws.com"),
            source_arn=self.format_arn(
                service="execute-api", resource=self.http_api.api_id, resource_name="authorizers/*"
            ),
        )
        return aws_apigatewayv2.HttpAuthorizer.from_http_authorizer_attributes(
            self, "SharedAuthorizer", authorizer_id=authorizer.authorizer_id, authorizer_type="CUSTOM"
        )

    def _outputs(self) -> None:
        for name, value in {
            "HttpApiUrl": self.http_api.api_endpoint,
            "HttpApiId": self.http_api.api_id,
            "TableName": self.data.table.table_name,
            "FactsBucket": self.data.facts.bucket_name,
            "UserPoolId": self.directory.pool.user_pool_id,
            "UserPoolClientId": self.directory.client.user_pool_client_id,
        }.items():
            CfnOutput(self, name, value=value)
        if self.stage.is_local:  # in AWS the web app lies at the edge
            web = private_bucket(self, "Web", self.stage, self.data.access_logs)
            CfnOutput(self, "WebBucket", value=web.bucket_name)
