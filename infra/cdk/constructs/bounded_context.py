"""A bounded context as a stack: its doors, what they may touch, the routes and events that lead to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from aws_cdk import (
    ArnFormat,
    Duration,
    Stack,
    aws_apigatewayv2,
    aws_apigatewayv2_integrations,
    aws_cloudwatch,
    aws_events,
    aws_events_targets,
    aws_lambda,
    aws_lambda_event_sources,
    aws_sqs,
)
from constructs import Construct

from infra.cdk import nag, packaging
from infra.cdk.constructs.door import LIVE, TENANT, Code, Door
from infra.cdk.constructs.keys import KeyBounds
from infra.cdk.platform.data import facts_bucket

if TYPE_CHECKING:
    from infra.cdk.constructs.machine import Machine
    from infra.cdk.platform.stack import Platform

READ = ("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query")
WRITE = (*READ, "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem")
API = "/api/v1"
EVERY_TENANCY, OWN_TENANCY = "PLATFORM#TENANTS#*", f"PLATFORM#TENANTS#{TENANT}"
"""What is known of tenants before one acts for any; who acts for one has no business with another's."""
MAX_RECEIVES = 5


class BoundedContext(Stack):
    """Base of the context stacks. `partitions` are the kinds of table partition that the room owns."""

    name: str
    partitions: Sequence[str] = ()
    writes: Sequence[str] = WRITE
    """What the room's doors may do in them."""

    def __init__(self, scope: Construct, platform: Platform, layers: Sequence[str] = ()) -> None:
        stage = platform.stage
        super().__init__(scope, self.name.title(), stack_name=stage.resource(self.name), env=platform.environment_)
        self.platform = platform
        self.stage = stage
        self.code = Code(
            context=self.name,
            bundle=aws_lambda.Code.from_asset(str(packaging.room(self.name))),
            layers=platform.layers(layers),
            environment={
                "TABLE_NAME": platform.data.table.table_name,
                "FACTS_BUCKET": platform.data.facts.bucket_name,
                "POWERTOOLS_LOG_LEVEL": "INFO",
            },
        )

    def door(
        self,
        name: str,
        handler: str,
        *,
        memory: int = 1024,
        timeout: int = 29,
        snap_start: bool = True,
        layers: Sequence[str] = (),
    ) -> Door:
        """A function of the room that reads and writes the room's own partitions; with layers that the others do not
        need."""
        code = (
            replace(self.code, layers=[*self.code.layers, *self.platform.layers(layers)[2:]]) if layers else self.code
        )
        door = Door(
            self,
            self.stage,
            code,
            name,
            f"functions.{self.name}.{handler}",
            memory=memory,
            timeout=timeout,
            snap_start=snap_start,
        )
        if self.partitions:
            self.grant_table(door, (*self.partitions, "OUTBOX", "IDEMPOTENCY", "SEEN", "LIMITS"), self.writes)
        return door

    def api(self, *paths: str, public: Sequence[str] = (), memory: int = 1024) -> Door:
        """The HTTP door, behind the authorizer except for the paths in `public`."""
        door = self.door("api", "api.handler", memory=memory)
        self._signs_cursors(door)
        self._route(door, paths, public)
        return door

    def protocol(
        self,
        name: str,
        handler: str,
        prefix: str,
        paths: Sequence[str],
        *,
        layers: Sequence[str] = (),
        memory: int = 1024,
    ) -> Door:
        """An HTTP door that speaks somebody else's protocol under a prefix of its own, or needs layers that the others
        do not, behind the authorizer."""
        door = self.door(name, handler, layers=layers, memory=memory)
        self._signs_cursors(door)
        self._route(door, paths, (), prefix)
        return door

    def _signs_cursors(self, door: Door) -> None:
        secret = self.platform.data.cursor_secret.secret_arn
        door.allow(["secretsmanager:GetSecretValue"], [secret])
        door.function.add_environment("CURSOR_SECRET_ARN", secret)

    def events(self, *types: str, every: bool = False, timeout: int = 60, batch_size: int = 10) -> Door:
        """The event door: a rule on the bus, a queue with a dead-letter queue, and the consumer behind it, which must
        get through `batch_size` events within its time-out."""
        door = self.door("events", "events.handler", timeout=timeout)
        pattern = aws_events.EventPattern(
            source=aws_events.Match.prefix("palisade."), detail_type=None if every else list(types)
        )
        self._subscribe(
            *(door, "Events", pattern),
            bus=self.platform.bus,
            batch_size=batch_size,
            alarm=f"Events that {self.name} could not take in wait in the dead-letter queue.",
        )
        return door

    def executions(self, machine: Machine, setting: str) -> Door:
        """The door that hears which executions of a machine broke off: Step Functions tells the account's own bus."""
        door = self.door("executions", "steps.executions")
        door.function.add_environment(setting, machine.arn)
        pattern = aws_events.EventPattern(
            source=["aws.states"],
            detail_type=["Step Functions Execution Status Change"],
            detail={"stateMachineArn": [machine.arn], "status": ["ABORTED", "FAILED", "TIMED_OUT"]},
        )
        alarm = f"What {self.name} waits for has broken off, and could not be ended: see the dead-letter queue."
        self._subscribe(door, "Executions", pattern, bus=None, batch_size=10, alarm=alarm)
        return door

    def _subscribe(
        self,
        door: Door,
        name: str,
        pattern: aws_events.EventPattern,
        *,
        bus: aws_events.IEventBus | None,
        batch_size: int,
        alarm: str,
    ) -> None:
        """Lead what fits a pattern to a door, through a queue; what it cannot take in is set aside and told."""
        dead = aws_sqs.Queue(self, f"Dead{name}", retention_period=Duration.days(14), enforce_ssl=True)
        seconds = (door.function.timeout or Duration.seconds(60)).to_seconds()
        queue = aws_sqs.Queue(
            self,
            name,
            queue_name=self.stage.resource(f"{self.name}-{name.lower()}"),
            visibility_timeout=Duration.seconds(seconds * 6),
            enforce_ssl=True,
            dead_letter_queue=aws_sqs.DeadLetterQueue(queue=dead, max_receive_count=MAX_RECEIVES),
        )
        aws_events.Rule(
            self,
            "Subscription" if name == "Events" else f"{name}Subscription",
            event_bus=bus,
            event_pattern=pattern,
            targets=[aws_events_targets.SqsQueue(queue, dead_letter_queue=dead)],
        )
        door.alias.add_event_source(
            aws_lambda_event_sources.SqsEventSource(queue, batch_size=batch_size, report_batch_item_failures=True)
        )
        aws_cloudwatch.Alarm(
            self,
            f"Dead{name}Alarm",
            metric=dead.metric_approximate_number_of_messages_visible(),
            threshold=1,
            evaluation_periods=1,
            treat_missing_data=aws_cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=alarm,
        )

    def grant_table(self, door: Door, partitions: Sequence[str], actions: Sequence[str]) -> None:
        """Allow a door the partitions of some kinds, of the tenant it works for, and nothing else of the table. What
        belongs to no tenant it may reach as itself too, since a tenant is not always known."""
        keys = [pattern for kind in partitions for pattern in _partition_keys(kind)]
        bounds = KeyBounds(self.platform.data.table, self.platform.data.key)
        bounds.allow(door.allow_data, [key.replace(EVERY_TENANCY, OWN_TENANCY) for key in keys], actions)
        shared = [key for key in keys if TENANT not in key]
        if shared:
            bounds.allow(door.allow, shared, actions)

    def grant_data_key(self, door: Door, *, create: bool = False) -> None:
        """Allow a door to unwrap its tenant's data key, and to make the first one of a tenant."""
        key = self.platform.data.key
        actions = ["kms:Decrypt", *(["kms:GenerateDataKeyWithoutPlaintext"] if create else [])]
        door.allow_data(actions, [key.key_arn], {"StringEquals": {"kms:EncryptionContext:tenant": TENANT}})
        door.function.add_environment("DATA_KEY_ID", key.key_id)

    def grant_facts(self, door: Door, area: str, *, write: bool = False, delete: bool = False) -> None:
        """Allow a door one area (`scans`, `reports`) under its tenant's prefix of the facts bucket."""
        bucket = f"arn:{self.partition}:s3:::{facts_bucket(self, self.stage)}"
        objects = f"{bucket}/tenants/{TENANT}/{area}/*"
        actions = ["s3:GetObject", *(["s3:PutObject"] if write else []), *(["s3:DeleteObject"] if delete else [])]
        door.allow_data(actions, [objects])
        prefix = f"tenants/{TENANT}/{area}/*"
        door.allow_data(["s3:ListBucket"], [bucket], {"StringLike": {"s3:prefix": [prefix]}})
        reason = "The tenant is the session's, the object's name is the scan's."
        named = objects.partition(":::")[2].replace(TENANT, f"<{TENANT[2:-1]}>")
        nag.accept(door.data_role, reason, f"AwsSolutions-IAM5[Resource::arn:aws:s3:::{named}]")

    def may_erase_versions(self, door: Door, objects: str) -> None:
        """Remove objects for good, in all their versions."""
        bucket = f"arn:{self.partition}:s3:::{facts_bucket(self, self.stage)}"
        door.allow_data(["s3:DeleteObject", "s3:DeleteObjectVersion"], [f"{bucket}/{objects}"])
        door.allow_data(["s3:ListBucketVersions"], [bucket], {"StringLike": {"s3:prefix": [objects]}})
        named = f"{facts_bucket(self, self.stage)}/{objects}".replace(TENANT, f"<{TENANT[2:-1]}>")
        reason = "The tenant is the session's; all that it has, or had, is erased."
        nag.accept(door.data_role, reason, f"AwsSolutions-IAM5[Resource::arn:aws:s3:::{named}]")

    def function_arn(self, context: str, door: str) -> str:
        """The live alias of another context's door, by the naming rule (no export ties the stacks together)."""
        name = self.stage.resource(f"{context}-{door}")
        return self.format_arn(
            service="lambda",
            resource="function",
            resource_name=f"{name}:{LIVE}",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )

    def _route(self, door: Door, paths: Sequence[str], public: Sequence[str], prefix: str = API) -> None:
        """Lead paths to the door, with every method: the room itself answers 405 where it does not know one."""
        integration = aws_apigatewayv2_integrations.HttpLambdaIntegration(door.name, door.alias)
        for guarded, entries in ((False, public), (True, paths)):
            for path in entries:
                route = aws_apigatewayv2.HttpRoute(
                    self,
                    path if prefix == API else prefix + path,
                    http_api=self.platform.http_api,
                    route_key=aws_apigatewayv2.HttpRouteKey.with_(prefix + path, aws_apigatewayv2.HttpMethod.ANY),
                    integration=integration,
                    authorizer=self.platform.authorizer if guarded else aws_apigatewayv2.HttpNoneAuthorizer(),
                )
                if not guarded:
                    nag.accept(route, "It is for those who are not logged in.", "AwsSolutions-APIG4")


def _partition_keys(kind: str) -> tuple[str, ...]:
    """The leading keys of a kind of partition: a platform one as it is, a tenant's with and without a subdivision."""
    if kind.startswith("PLATFORM#"):
        return (kind,)
    return (f"TENANT#{TENANT}#{kind}", f"TENANT#{TENANT}#{kind}#*")
