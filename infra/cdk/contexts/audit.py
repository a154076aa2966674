"""The audit context: an append-only trail of every deed, sealed into a log, anchored where nobody can change it."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy, aws_cloudwatch, aws_kms, aws_lambda_event_sources, aws_s3, aws_sqs
from constructs import Construct

from infra.cdk import nag
from infra.cdk.constructs.bounded_context import MAX_RECEIVES, READ, BoundedContext
from infra.cdk.constructs.door import TENANT, Door
from infra.cdk.constructs.person import person_door
from infra.cdk.platform.stack import Platform

PUT = (*READ, "dynamodb:PutItem")
ANCHORS = f"tenants/{TENANT}/audit/anchors/*"
TENANCY = f"PLATFORM#TENANTS#{TENANT}"
LEAST_LOCK = Duration.days(90)
"""For anything in the bucket that says nothing itself; anchors are locked by the organisation's plan."""


class Audit(BoundedContext):
    """Who keeps entries cannot seal them, who seals them cannot write them, and nobody may change or delete one: the
    only thing that is ever deleted is the mark of a late entry."""

    name = "audit"

    def __init__(self, scope: Construct, platform: Platform) -> None:
        super().__init__(scope, platform, layers=["documents"])
        self._key = self._signing_key()
        self._bucket_name = f"{self.stage.resource('anchors')}-{self.account}-{self.region}"
        self._anchors()
        api = self._api()
        seal = self.door("seal", "steps.seal", timeout=120)
        report = self.door("report", "steps.report", memory=2048, timeout=600)
        queues = {name: self._queue(name, door) for name, door in (("seal", seal), ("report", report))}
        keep = self._keeper(queues)
        self._sealer(seal)
        self._reporter(report)
        self.grant_facts(api, "audit")
        self._forgetter()
        if self.stage.is_local:  # nobody waits two minutes on a laptop, and its clock agrees with itself
            for door in (keep, seal):
                door.function.add_environment("AUDIT_SEAL_WINDOW", "2")
                door.function.add_environment("AUDIT_SEAL_GRACE", "4")

    def _api(self) -> Door:
        paths = ("log", "logs", "logs/{proxy+}", "security-events", "compliance-events", "reports", "reports/{proxy+}")
        api = self.api(*(f"/audit/{path}" for path in paths))
        self.grant_table(api, ["AUDIT", "AUDITREPORTS", "OUTBOX", "IDEMPOTENCY", "LIMITS"], PUT)
        self.grant_table(api, ["AUDITLOG", TENANCY], READ)
        return api

    def _keeper(self, queues: dict[str, aws_sqs.Queue]) -> Door:
        """The event door: it keeps entries, and asks for what is done with them later."""
        door = self.events(every=True)
        self.grant_table(door, ["AUDIT", "AUDITLATE"], ["dynamodb:PutItem"])
        self.grant_table(door, [TENANCY], READ)
        for name, queue in queues.items():
            door.function.add_environment(f"AUDIT_{name.upper()}_QUEUE_URL", queue.queue_url)
            door.allow(["sqs:SendMessage"], [queue.queue_arn])
        return door

    def _sealer(self, door: Door) -> None:
        self.grant_table(door, ["AUDIT", TENANCY], READ)
        self.grant_table(door, ["AUDITLOG", "OUTBOX", "SEEN"], PUT)
        self.grant_table(door, ["AUDITLATE"], (*READ, "dynamodb:DeleteItem"))
        self._may_sign(door)
        self._may_read_anchors(door, "s3:PutObject", "s3:PutObjectRetention")

    def _reporter(self, door: Door) -> None:
        self.grant_table(door, ["AUDIT", "AUDITLOG"], READ)
        self.grant_table(door, ["AUDITREPORTS", "OUTBOX"], PUT)
        self.grant_facts(door, "audit", write=True)
        self._may_sign(door)
        self._may_read_anchors(door)

    def _forgetter(self) -> None:
        """Takes erased persons out of the contents of entries, which the seals name by a salted digest alone: the one
        door that writes an entry anew. It reaches no block and no anchor. Files of the trail go."""
        door = person_door(self, timeout=900, memory=2048)
        self.grant_table(door, ["AUDIT", "AUDITREPORTS"], PUT)
        self.grant_table(door, ["AUDITLOG"], READ)
        self.grant_facts(door, "audit", delete=True)
        self.may_erase_versions(door, f"tenants/{TENANT}/audit/*")

    def _may_sign(self, door: Door) -> None:
        door.allow(["kms:Sign", "kms:GetPublicKey"], [self._key.key_arn])
        door.function.add_environment("AUDIT_KEY_ID", self._key.key_id)

    def _may_read_anchors(self, door: Door, *more: str) -> None:
        bucket = f"arn:{self.partition}:s3:::{self._bucket_name}"
        door.allow_data(["s3:GetObjectVersion", *more], [f"{bucket}/{ANCHORS}"])
        door.allow_data(["s3:ListBucketVersions"], [bucket], {"StringLike": {"s3:prefix": [ANCHORS]}})
        door.function.add_environment("AUDIT_BUCKET", self._bucket_name)
        named = f"{self._bucket_name}/{ANCHORS}".replace(TENANT, f"<{TENANT[2:-1]}>")
        reason = "The tenant is the session's, the object's name is the size of its log."
        nag.accept(door.data_role, reason, f"AwsSolutions-IAM5[Resource::arn:aws:s3:::{named}]")

    def _signing_key(self) -> aws_kms.Key:
        """Signs tree heads and exports. It cannot be rotated by KMS: a new one is a new fingerprint to publish."""
        return aws_kms.Key(
            self,
            "SigningKey",
            alias=self.stage.resource("audit"),
            key_spec=aws_kms.KeySpec.ECC_NIST_P256,
            key_usage=aws_kms.KeyUsage.SIGN_VERIFY,
            removal_policy=self.stage.removal_policy,
        )

    def _anchors(self) -> None:
        """The bucket. What lies there can be neither changed nor removed before its time, by nobody."""
        aws_s3.Bucket(
            self,
            "Anchors",
            bucket_name=self._bucket_name,
            encryption=aws_s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            object_lock_enabled=True,
            object_lock_default_retention=aws_s3.ObjectLockRetention.compliance(LEAST_LOCK),
            block_public_access=aws_s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=aws_s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            server_access_logs_bucket=self.platform.data.access_logs,
            server_access_logs_prefix="anchors/",
            removal_policy=RemovalPolicy.RETAIN,
        )

    def _queue(self, name: str, door: Door) -> aws_sqs.Queue:
        """Work for a door, with what cannot be done set aside and told."""
        title, seconds = name.title(), door.function.timeout or Duration.seconds(60)
        dead = aws_sqs.Queue(self, f"Dead{title}", retention_period=Duration.days(14), enforce_ssl=True)
        queue = aws_sqs.Queue(
            self,
            title,
            queue_name=self.stage.resource(f"audit-{name}"),
            visibility_timeout=Duration.seconds(seconds.to_seconds() * 6),
            enforce_ssl=True,
            dead_letter_queue=aws_sqs.DeadLetterQueue(queue=dead, max_receive_count=MAX_RECEIVES),
        )
        door.alias.add_event_source(
            aws_lambda_event_sources.SqsEventSource(queue, batch_size=1, report_batch_item_failures=True)
        )
        aws_cloudwatch.Alarm(
            self,
            f"Dead{title}Alarm",
            metric=dead.metric_approximate_number_of_messages_visible(),
            threshold=1,
            evaluation_periods=1,
            treat_missing_data=aws_cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=f"An audit {name} could not be done; a log that was changed looks like this too.",
        )
        return queue
