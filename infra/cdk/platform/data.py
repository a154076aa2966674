"""Where the platform keeps things: the table, the facts bucket, the key, the secrets."""

from __future__ import annotations

from aws_cdk import Duration, Stack, aws_dynamodb, aws_kms, aws_s3, aws_secretsmanager
from constructs import Construct

from infra.cdk import nag
from infra.cdk.constructs.keys import INDEXES
from infra.cdk.stage import Stage

EDGE_REGION = "us-east-1"
"""Where CloudFront's firewall has to be."""


class Data(Construct):
    """One table keyed by tenant, one bucket of facts, one key that wraps the tenants' data keys."""

    def __init__(self, scope: Construct, stage: Stage) -> None:
        super().__init__(scope, "Data")
        self.key = aws_kms.Key(
            self,
            "Key",
            alias=stage.resource("data"),
            enable_key_rotation=True,
            removal_policy=stage.removal_policy,
        )
        self.table = self._table(stage)
        self.access_logs = private_bucket(self, "AccessLogs", stage)
        self.facts = private_bucket(self, "Facts", stage, self.access_logs, physical_name=facts_bucket(self, stage))
        self.facts.add_lifecycle_rule(
            abort_incomplete_multipart_upload_after=Duration.days(2),
            noncurrent_version_expiration=Duration.days(30),
        )
        self.cursor_secret = self._cursor_secret(stage)
        self.edge_secret = None if stage.is_local else self._edge_secret(stage)

    def _cursor_secret(self, stage: Stage) -> aws_secretsmanager.Secret:
        secret = aws_secretsmanager.Secret(
            self,
            "CursorSecret",
            secret_name=stage.resource("cursors"),
            description="Signs the cursors of lists; replacing it ends the lists that are being read.",
            generate_secret_string=aws_secretsmanager.SecretStringGenerator(
                password_length=48, exclude_punctuation=True
            ),
        )
        reason = "It protects the place in a list, not data; rotating it would end lists that are being read."
        nag.accept(secret, reason, "AwsSolutions-SMG4")
        return secret

    def _edge_secret(self, stage: Stage) -> aws_secretsmanager.Secret:
        """What the edge proves itself with to the API. The edge lies in another region than the API may."""
        region = Stack.of(self).region
        secret = aws_secretsmanager.Secret(
            self,
            "EdgeSecret",
            secret_name=stage.resource(stage.edge_proof),
            description="Shows the API that a request came through the edge.",
            generate_secret_string=aws_secretsmanager.SecretStringGenerator(
                password_length=48, exclude_punctuation=True
            ),
            replica_regions=[] if region == EDGE_REGION else [aws_secretsmanager.ReplicaRegion(region=EDGE_REGION)],
        )
        reason = "It is changed by a deployment, which gives the edge the new one; see the guide to operation."
        nag.accept(secret, reason, "AwsSolutions-SMG4")
        return secret

    def _table(self, stage: Stage) -> aws_dynamodb.TableV2:
        return aws_dynamodb.TableV2(
            self,
            "Table",
            table_name=stage.resource("table"),
            partition_key=_string("pk"),
            sort_key=_string("sk"),
            global_secondary_indexes=[
                aws_dynamodb.GlobalSecondaryIndexPropsV2(
                    index_name=index, partition_key=_string(f"{index}pk"), sort_key=_string(f"{index}sk")
                )
                for index in INDEXES
            ],
            billing=aws_dynamodb.Billing.on_demand(),
            encryption=aws_dynamodb.TableEncryptionV2.customer_managed_key(self.key),
            point_in_time_recovery_specification=aws_dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            time_to_live_attribute="expires_at",
            dynamo_stream=aws_dynamodb.StreamViewType.NEW_IMAGE,
            deletion_protection=stage.keeps_data,
            removal_policy=stage.removal_policy,
        )


def private_bucket(
    scope: Construct, name: str, stage: Stage, logs: aws_s3.IBucket | None = None, physical_name: str | None = None
) -> aws_s3.Bucket:
    """An encrypted, versioned bucket that speaks TLS only; one that takes logs keeps them as long as the stage does."""
    return aws_s3.Bucket(
        scope,
        name,
        bucket_name=physical_name,
        encryption=aws_s3.BucketEncryption.S3_MANAGED,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        versioned=True,
        block_public_access=aws_s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=aws_s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        server_access_logs_bucket=logs,
        server_access_logs_prefix=f"{name.lower()}/" if logs else None,
        lifecycle_rules=None if logs else [aws_s3.LifecycleRule(expiration=Duration.days(stage.log_days))],
        removal_policy=stage.removal_policy,
    )


def facts_bucket(scope: Construct, stage: Stage) -> str:
    """The facts bucket's name, which policies name too: bucket names are shared by all accounts."""
    stack = Stack.of(scope)
    return f"{stage.resource('facts')}-{stack.account}-{stack.region}"


def _string(name: str) -> aws_dynamodb.Attribute:
    return aws_dynamodb.Attribute(name=name, type=aws_dynamodb.AttributeType.STRING)
