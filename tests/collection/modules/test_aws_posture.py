# ruff: noqa: E501 - policies read best in one line
"""The settings of an account are judged: one where everything is wrong, and one where it is right."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
import time_machine
from moto import mock_aws
from moto.sts.exceptions import STSClientError
from moto.sts.models import STSBackend

from contracts.observations import ObservationType
from contracts.targets import parse
from functions.collection.aws.account import Account, Issue, account_number, external_id, known_regions
from functions.collection.aws.checks import CHECKS
from functions.collection.aws.identity import root_user
from functions.collection.aws.policies import allows_anybody, allows_everything, refuses_plain_http
from functions.collection.engine import Batch, run_batch
from functions.collection.modules.aws_posture import AwsPosture
from tests.collection.world import AT, SCAN, MemoryBlobs, observed, session
from tests.kit import own_session

REGION, ACCOUNT = "eu-central-1", "123456789012"
EVERYBODY = {"Statement": {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}}
BLOCKED = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
CODE = b"PK\x05\x06" + b"\x00" * 18


pytestmark = pytest.mark.filterwarnings(r"ignore:Exception\(Refused\)")  # its code is IAM's, which moto does not know


class Refused(STSClientError):
    """What STS says to whom a role does not trust."""

    def __init__(self) -> None:
        super().__init__("AccessDenied", "not authorized to perform: sts:AssumeRole")


def asking_for_external_id(assume: Any) -> Any:
    """Roles ask for the external id of T1, as moto's do not; the one that is called careless asks for none."""

    def assume_role(self: Any, **asked: Any) -> Any:
        if asked["external_id"] != "palisade-T1" and not asked["role_arn"].endswith("careless"):
            raise Refused
        return assume(self, **asked)

    return assume_role


@pytest.fixture(name="cloud", autouse=True)
def fresh_cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty AWS in memory."""
    for name, value in (("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", "x"), ("AWS_DEFAULT_REGION", REGION)):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(STSBackend, "assume_role", asking_for_external_id(STSBackend.assume_role))
    with own_session(), mock_aws():
        yield


def of(service: str) -> Any:
    return boto3.client(service, region_name=REGION)  # type: ignore[call-overload]


async def judged(**config: Any) -> Any:
    async with session(f"aws:{ACCOUNT}") as outside:
        outside.tenant_id = "T1"
        observation = observed("cloud_resource", f"aws:{ACCOUNT}")
        batch = Batch(SCAN, [observation], {"regions": [REGION], **config})
        return await run_batch(
            AwsPosture(), batch, session=outside, blobs=MemoryBlobs(), deadline=float("inf"), now=lambda: AT
        )


def checks(result: Any) -> set[str]:
    return {o.attributes["check"] for o in result.observations if o.type == "misconfiguration"}


def everything_wrong() -> None:
    """An account whose owner made every mistake that the emulation knows."""
    iam, s3, ec2, kms = of("iam"), of("s3"), of("ec2"), of("kms")
    iam.create_user(UserName="ann")
    iam.create_login_profile(UserName="ann", Password="x" * 20)
    administrator = iam.create_policy(PolicyName="AdministratorAccess", PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}))  # fmt: skip
    iam.attach_user_policy(UserName="ann", PolicyArn=administrator["Policy"]["Arn"])
    iam.create_policy(PolicyName="all", PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}))  # fmt: skip
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
    }
    role = iam.create_role(RoleName="open", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    s3.create_bucket(Bucket="open", ACL="public-read", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_policy(Bucket="open", Policy=json.dumps({"Version": "2012-10-17", **EVERYBODY}))
    group = ec2.create_security_group(GroupName="open", Description="x")["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 20, "ToPort": 25, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
        {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]},
        {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])  # fmt: skip
    volume = ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=8)["VolumeId"]
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    ec2.modify_snapshot_attribute(
        SnapshotId=snapshot, Attribute="createVolumePermission", OperationType="add", GroupNames=["all"]
    )
    instance = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    image = ec2.create_image(InstanceId=instance, Name="shop")["ImageId"]
    ec2.modify_image_attribute(ImageId=image, LaunchPermission={"Add": [{"Group": "all"}]})
    of("rds").create_db_instance(
        DBInstanceIdentifier="shop", Engine="postgres", DBInstanceClass="db.t3.micro", MasterUsername="a",
        MasterUserPassword="x" * 12, AllocatedStorage=20, PubliclyAccessible=True, BackupRetentionPeriod=0,
    )  # fmt: skip
    s3.create_bucket(Bucket="trail", CreateBucketConfiguration={"LocationConstraint": REGION})
    of("cloudtrail").create_trail(Name="trail", S3BucketName="trail")
    kms.create_key()
    of("lambda").create_function(
        FunctionName="f", Runtime="python3.13", Role=role, Handler="a.b", Code={"ZipFile": CODE}
    )
    of("lambda").add_permission(FunctionName="f", StatementId="s", Action="lambda:InvokeFunction", Principal="*")


BEYOND_THE_EMULATION = {
    "aws-root-access-key", "aws-access-key-old", "aws-access-key-unused",
}  # fmt: skip
"""What the emulation never shows as wrong by itself; each is tried in a test of its own or by its rule."""


async def test_every_mistake_is_named_with_its_resource() -> None:
    everything_wrong()
    result = await judged()
    assert [entry.message for entry in result.log] == []
    assert set(CHECKS) - checks(result) <= BEYOND_THE_EMULATION, sorted(set(CHECKS) - checks(result))
    by_check = {o.attributes["check"]: o for o in result.observations if o.type == "misconfiguration"}
    assert by_check["aws-s3-public-acl"].attributes["asset"] == "arn:aws:s3:::open"
    assert by_check["aws-sg-admin-open"].attributes["evidence"]["ports"] == [22]
    assert by_check["aws-sg-database-open"].attributes["evidence"]["ports"] == [5432]
    assert by_check["aws-rds-public"].attributes["controls"] == [
        "CIS AWS Foundations 3.0.0 2.3.3",
        "NIST SP 800-53 r5 SC-7",
    ]
    kinds = {o.attributes["kind"] for o in result.observations if o.type == "cloud_resource"}
    assert {"account", "s3 bucket", "ec2 instance", "rds instance", "iam role", "iam user", "lambda function"} <= kinds
    assert result.stats.rejected == 0


async def test_what_is_set_right_is_not_named() -> None:
    ec2, kms = of("ec2"), of("kms")
    of("iam").update_account_password_policy(MinimumPasswordLength=14, PasswordReusePrevention=24)
    of("s3control").put_public_access_block(AccountId=ACCOUNT, PublicAccessBlockConfiguration=BLOCKED)
    s3 = of("s3")
    s3.create_bucket(Bucket="closed", ACL="public-read", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_encryption(Bucket="closed", ServerSideEncryptionConfiguration={
        "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]})  # fmt: skip
    s3.put_bucket_versioning(Bucket="closed", VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_policy(Bucket="closed", Policy=json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}))  # fmt: skip
    ec2.enable_ebs_encryption_by_default()
    for network in ec2.describe_vpcs()["Vpcs"]:
        ec2.create_flow_logs(ResourceIds=[network["VpcId"]], ResourceType="VPC", TrafficType="ALL",
                             LogDestinationType="s3", LogDestination="arn:aws:s3:::closed")  # fmt: skip
    for group in ec2.describe_security_groups()["SecurityGroups"]:
        if group["IpPermissionsEgress"]:
            ec2.revoke_security_group_egress(GroupId=group["GroupId"], IpPermissions=group["IpPermissionsEgress"])
        if group["IpPermissions"]:
            ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=group["IpPermissions"])
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.enable_key_rotation(KeyId=key)
    trail = of("cloudtrail")
    trail.create_trail(
        Name="trail", S3BucketName="closed", IsMultiRegionTrail=True, EnableLogFileValidation=True, KmsKeyId=key
    )
    trail.start_logging(Name="trail")
    of("guardduty").create_detector(Enable=True)
    config = of("config")
    config.put_configuration_recorder(ConfigurationRecorder={"name": "r", "roleARN": f"arn:aws:iam::{ACCOUNT}:role/r"})
    config.put_delivery_channel(DeliveryChannel={"name": "c", "s3BucketName": "closed"})
    config.start_configuration_recorder(ConfigurationRecorderName="r")
    result = await judged()
    assert checks(result) <= {"aws-root-mfa-off"}  # the emulation's root user never has a second factor
    assert [entry.message for entry in result.log] == []


async def test_keys_that_grow_old_are_named() -> None:
    with time_machine.travel("2025-01-01"):
        of("iam").create_user(UserName="bob")
        of("iam").create_access_key(UserName="bob")
    with time_machine.travel("2025-06-01"):
        assert {"aws-access-key-old", "aws-access-key-unused"} <= checks(await judged())
    with time_machine.travel("2025-02-01"):
        assert not {"aws-access-key-old", "aws-access-key-unused"} & checks(await judged())


def test_a_key_of_the_root_user_is_named() -> None:
    """The emulation's root user has none: the answer is as the service documents it."""

    class Told:
        def get_account_summary(self) -> dict[str, Any]:
            return {"SummaryMap": {"AccountMFAEnabled": 1, "AccountAccessKeysPresent": 1}}

    account = Account(ACCOUNT, "aws", {})
    account.client = lambda *_: Told()  # type: ignore[method-assign]
    found = [item.check for item in root_user(account, REGION) if isinstance(item, Issue)]
    assert found == ["aws-root-access-key"]


async def test_an_audit_that_is_refused_is_named_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.exceptions import ClientError

    from functions.collection.modules import aws_posture

    def refused(account: Any, region: str) -> Iterator[Any]:
        yield account.resource
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "secret words"}}, "ListUsers")

    monkeypatch.setattr(aws_posture, "GLOBAL", (refused,))
    result = await judged()
    assert any(entry.message == f"refused in {REGION} could not be read: AccessDenied" for entry in result.log)
    assert not any("secret words" in entry.message for entry in result.log)
    assert "aws-guardduty-off" in checks(result)
    assert any(o.attributes.get("kind") == "account" for o in result.observations)


async def test_a_role_that_cannot_be_taken_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.exceptions import ClientError

    from functions.collection.modules import aws_posture

    def refuses(*_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "x"}}, "AssumeRole")

    monkeypatch.setattr(aws_posture, "open_account", refuses)
    result = await judged()
    assert result.observations == []
    assert any("palisade-T1" in entry.message and "AccessDenied" in entry.message for entry in result.log)


async def test_a_role_that_any_tenant_could_take_is_not_used() -> None:
    result = await judged(role="palisade-posture-careless")
    assert result.observations == []
    assert any("any tenant" in entry.message and "palisade-T1" in entry.message for entry in result.log)


async def test_a_role_is_not_taken_for_another_tenant() -> None:
    async with session(f"aws:{ACCOUNT}") as outside:
        outside.tenant_id = "T2"
        batch = Batch(SCAN, [observed("cloud_resource", f"aws:{ACCOUNT}")], {"regions": [REGION]})
        result = await run_batch(AwsPosture(), batch, session=outside, blobs=MemoryBlobs(), deadline=float("inf"))
    assert result.observations == []


async def test_regions_and_roles_cannot_lead_elsewhere() -> None:
    result = await judged(regions=["evil.example/#", REGION])
    assert any("no regions" in entry.message for entry in result.log)
    with pytest.raises(ValueError, match="role"):
        await judged(role="admin")
    with pytest.raises(ValueError, match="no AWS account"):
        account_number("aws:1234567890123")
    assert "eu-central-1" in known_regions("aws")
    assert external_id("T1") == "palisade-T1"


def test_an_account_is_a_target() -> None:
    target = parse(f"aws:{ACCOUNT}")
    assert (target.type, target.value) == (ObservationType.CLOUD_RESOURCE, f"aws:{ACCOUNT}")
    for text in ("aws:12345678901", "aws:1234567890123", "AWS:123456789012 ", "azure:123456789012"):
        with pytest.raises(ValueError):  # noqa: PT011 - each is refused in its own words
            parse(text)


@pytest.mark.parametrize(
    ("policy", "anybody", "everything", "refuses"),
    [
        (EVERYBODY, True, True, False),
        (json.dumps(EVERYBODY), True, True, False),
        ({"Statement": [{**EVERYBODY["Statement"], "Condition": {"StringEquals": {"aws:SourceVpce": "x"}}}]}, False, True, False),
        ({"Statement": [{"Effect": "Allow", "Principal": {"AWS": ["arn:x", "*"]}, "Action": "s3:*", "Resource": "*"}]},
         True, False, False),
        ({"Statement": [{"Effect": "Allow", "Principal": {"Service": "x"}, "Action": "*", "Resource": "arn:x"}]},
         False, False, False),
        ({"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
                         "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}, False, False, True),
        ("not json", False, False, False),
        (None, False, False, False),
        ({"Statement": "x"}, False, False, False),
    ],
)  # fmt: skip
def test_policies_are_read(policy: Any, anybody: bool, everything: bool, refuses: bool) -> None:
    assert (allows_anybody(policy), allows_everything(policy), refuses_plain_http(policy)) == (
        anybody,
        everything,
        refuses,
    )


def test_every_check_names_a_control() -> None:
    assert len(CHECKS) >= 20
    assert all(check.controls and check.remedy for check in CHECKS.values())
