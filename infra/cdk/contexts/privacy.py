"""The privacy context: copies of what is known of people, their erasure, the erasure of tenants, and the bucket in
which operators keep backups."""

from __future__ import annotations

from aws_cdk import Duration, aws_iam
from constructs import Construct

from contracts.organizations import OrganizationClosed
from contracts.privacy import ERASING, EXPORTING, PersonalDataRequested, PersonErasureRequested
from infra.cdk.constructs.bounded_context import READ, BoundedContext
from infra.cdk.constructs.door import TENANT, Door
from infra.cdk.constructs.keys import KeyBounds
from infra.cdk.constructs.machine import Machine
from infra.cdk.platform.data import facts_bucket, private_bucket
from infra.cdk.platform.stack import Platform

TENANCY = f"PLATFORM#TENANTS#{TENANT}"
PROOFS = "PLATFORM#ERASURES"
IN_SHARED = ("APIKEYS", "BACKUPKEYS", "CHALLENGES", "CLOSING", "DOMAINS", "PEOPLE", "RETENTION", "SESSIONS", "TENANTS")
SHARED = tuple(f"PLATFORM#{kind}#*" for kind in IN_SHARED)
SETTLES_SECONDS = 120
BACKUP_DAYS = 400


class Privacy(BoundedContext):
    """Who looks through the whole table sees keys alone; who removes what was found reaches one tenant."""

    name = "privacy"
    partitions = ("PRIVACY",)

    def __init__(self, scope: Construct, platform: Platform) -> None:
        super().__init__(scope, platform)
        api = self.api("/privacy/{proxy+}")
        self.grant_table(api, ["USERS", TENANCY], READ)
        self.grant_facts(api, "privacy", delete=True)
        self.may_erase_versions(api, f"tenants/{TENANT}/privacy/*")
        finish_export = self.door("finish-export", "steps.finish_export", memory=2048, timeout=300)
        self.grant_facts(finish_export, "privacy", write=True)
        begin = self.door("begin", "steps.begin")
        self.grant_table(begin, ["USERS", TENANCY], READ)
        finish_erasure = self.door("finish-erasure", "steps.finish_erasure", timeout=60)
        self.grant_facts(finish_erasure, "privacy", delete=True)
        self.may_erase_versions(finish_erasure, f"tenants/{TENANT}/privacy/*")
        sweep, erase = (
            self.door(name, f"steps.{name.replace('-', '_')}", memory=2048, timeout=900)
            for name in ("sweep", "erase-tenant")
        )
        self._looks_through_everything(sweep)
        self._looks_through_everything(erase)
        self._leaves_the_trail_alone(sweep)
        self._ends_tenants(erase)
        self._machines(
            {"FinishExport": finish_export, "Begin": begin, "Sweep": sweep, "Finish": finish_erasure, "Erase": erase}
        )
        self._backups()

    def _machines(self, doors: dict[str, Door]) -> None:
        rooms = {room.title(): self.function_arn(room, "person") for room in (*EXPORTING, *ERASING)}
        own = {name: door.alias.function_arn for name, door in doors.items()}
        people = self.function_arn("identity", "forget-organization")
        settle = {"SettleSeconds": 2 if self.stage.is_local else SETTLES_SECONDS}
        machines = {
            "export": ({**rooms, "Finish": own["FinishExport"]}, {}),
            "erasure": ({**rooms, **{name: own[name] for name in ("Begin", "Sweep", "Finish")}}, settle),
            "tenant": ({"People": people, "Erase": own["Erase"]}, settle),
        }
        events = self.events(PersonalDataRequested.type, PersonErasureRequested.type, OrganizationClosed.type)
        for name, (tasks, numbers) in machines.items():
            machine = Machine(self, f"Privacy-{name}", f"privacy/{name}.asl.json", tasks=tasks, numbers=numbers)
            events.function.add_environment(f"PRIVACY_{name.upper()}_MACHINE_ARN", machine.arn)
            events.allow(["states:StartExecution"], [machine.arn])

    def _looks_through_everything(self, door: Door) -> None:
        """The door's own role sees the keys of all items and nothing else of them; its data role may read and change
        whatever is one tenant's. No request leads here, but the state machines alone."""
        table, key = self.platform.data.table, self.platform.data.key
        door.allow(
            ["dynamodb:Scan"],
            [table.table_arn],
            {
                "ForAllValues:StringEquals": {"dynamodb:Attributes": ["pk", "sk", "tenant_id"]},
                "StringEquals": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
                "Null": {"dynamodb:Attributes": "false"},
            },
        )
        bounds = KeyBounds(table, key)
        bounds.allow(
            door.allow_data,
            [f"TENANT#{TENANT}#*"],
            (*READ, "dynamodb:PutItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"),
        )
        bounds.allow(door.allow, [PROOFS], READ)
        self.may_erase_versions(door, f"tenants/{TENANT}/*")
        bucket = f"arn:{self.partition}:s3:::{facts_bucket(self, self.stage)}"
        door.allow_data(["s3:GetObject", "s3:PutObject"], [f"{bucket}/tenants/{TENANT}/*"])
        door.allow_data(["s3:ListBucket"], [bucket], {"StringLike": {"s3:prefix": [f"tenants/{TENANT}/*"]}})

    def _leaves_the_trail_alone(self, door: Door) -> None:
        """Who forgets people touches neither the audit trail, which has a door of its own for that, nor keys."""
        kinds = ("AUDIT", "AUDITLOG", "AUDITLATE", "KEYS")
        keys = [f"TENANT#{TENANT}#{kind}{rest}" for kind in kinds for rest in ("", "#*")]
        door.data_role.add_to_policy(
            aws_iam.PolicyStatement(
                effect=aws_iam.Effect.DENY,
                actions=["dynamodb:PutItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"],
                resources=[self.platform.data.table.table_arn],
                conditions={"ForAnyValue:StringLike": {"dynamodb:LeadingKeys": keys}},
            )
        )

    def _ends_tenants(self, door: Door) -> None:
        """What lies with no tenant and is one's all the same, and the proof."""
        bounds = KeyBounds(self.platform.data.table, self.platform.data.key)
        bounds.allow(door.allow, SHARED, ["dynamodb:DeleteItem"])
        bounds.allow(door.allow, [PROOFS], [*READ, "dynamodb:PutItem"])

    def _backups(self) -> None:
        """Backups of single tenants, written by operators; every part is encrypted with the tenant's own backup key."""
        bucket = private_bucket(
            self,
            "Backups",
            self.stage,
            self.platform.data.access_logs,
            physical_name=f"{self.stage.resource('backups')}-{self.account}-{self.region}",
        )
        bucket.add_lifecycle_rule(
            expiration=Duration.days(BACKUP_DAYS), noncurrent_version_expiration=Duration.days(30)
        )
