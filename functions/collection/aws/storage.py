"""Buckets, volumes, images and databases of an account."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from functions.collection.aws.account import Account, Finding, Issue, Resource
from functions.collection.aws.policies import allows_anybody, refuses_plain_http

BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
EVERYBODY = ("global/AllUsers", "global/AuthenticatedUsers")
_ABSENT = frozenset(
    {
        "NoSuchPublicAccessBlockConfiguration", "NoSuchBucketPolicy", "ServerSideEncryptionConfigurationNotFoundError",
        "NoSuchBucket",
    }
)  # fmt: skip


def buckets(account: Account, region: str) -> Iterator[Finding]:
    """Every bucket, and the account's own barrier before them."""
    control, client = account.client("s3control", region), account.client("s3", region)
    barrier = _or_none(lambda: control.get_public_access_block(AccountId=account.number))
    settings = (barrier or {}).get("PublicAccessBlockConfiguration", {})
    is_blocked = all(settings.get(name) for name in BLOCKS)
    if not is_blocked:
        yield Issue("aws-s3-account-block-off", account.resource, {name: bool(settings.get(name)) for name in BLOCKS})
    for bucket in client.list_buckets()["Buckets"]:
        name = bucket["Name"]
        resource = Resource(f"arn:{account.partition}:s3:::{name}", "s3 bucket", "", {"name": name})
        yield resource
        yield from _bucket(client, name, resource, is_blocked)


def _bucket(client: Any, name: str, resource: Resource, is_blocked: bool) -> Iterator[Finding]:
    own = _or_none(lambda: client.get_public_access_block(Bucket=name)) or {}
    settings = own.get("PublicAccessBlockConfiguration", {})
    policy = (_or_none(lambda: client.get_bucket_policy(Bucket=name)) or {}).get("Policy")
    if not is_blocked and not settings.get("IgnorePublicAcls"):
        grants = client.get_bucket_acl(Bucket=name)["Grants"]
        open_to = [g["Permission"] for g in grants if str(g["Grantee"].get("URI", "")).endswith(EVERYBODY)]
        if open_to:
            yield Issue("aws-s3-public-acl", resource, {"permissions": sorted(open_to)})
    if not is_blocked and not settings.get("RestrictPublicBuckets") and allows_anybody(policy):
        yield Issue("aws-s3-public-policy", resource, {})
    if _or_none(lambda: client.get_bucket_encryption(Bucket=name)) is None:
        yield Issue("aws-s3-unencrypted", resource, {})
    if not refuses_plain_http(policy):
        yield Issue("aws-s3-plain-http", resource, {})
    if client.get_bucket_versioning(Bucket=name).get("Status") != "Enabled":
        yield Issue("aws-s3-unversioned", resource, {})


def volumes(account: Account, region: str) -> Iterator[Finding]:
    """Volumes, snapshots and machine images."""
    client = account.client("ec2", region)
    if not client.get_ebs_encryption_by_default()["EbsEncryptionByDefault"]:
        yield Issue("aws-ebs-default-off", _in_region(account, region), {"region": region})
    for volume in account.pages(client, "describe_volumes", "Volumes"):
        if not volume.get("Encrypted"):
            arn = account.arn("ec2", region, f"volume/{volume['VolumeId']}")
            yield Issue("aws-ebs-unencrypted", Resource(arn, "ebs volume", region), {"size_gb": volume.get("Size")})
    public = account.pages(
        client, "describe_snapshots", "Snapshots", OwnerIds=[account.number], RestorableByUserIds=["all"]
    )
    for snapshot in public:
        if not _is_public(client, snapshot["SnapshotId"]):
            continue
        arn = account.arn("ec2", region, f"snapshot/{snapshot['SnapshotId']}")
        yield Issue("aws-ebs-snapshot-public", Resource(arn, "ebs snapshot", region), {})
    for image in client.describe_images(Owners=[account.number]).get("Images", ()):
        if image.get("Public"):
            arn = account.arn("ec2", region, f"image/{image['ImageId']}")
            yield Issue("aws-ami-public", Resource(arn, "machine image", region), {"name": image.get("Name", "")})


def databases(account: Account, region: str) -> Iterator[Finding]:
    """Databases: public addresses, encryption, backups."""
    client = account.client("rds", region)
    for database in account.pages(client, "describe_db_instances", "DBInstances"):
        address = database.get("Endpoint", {}).get("Address", "")
        attributes = {"engine": database.get("Engine", ""), "address": address}
        resource = Resource(database["DBInstanceArn"], "rds instance", region, attributes)
        yield resource
        if database.get("PubliclyAccessible"):
            yield Issue("aws-rds-public", resource, {"address": address})
        if not database.get("StorageEncrypted"):
            yield Issue("aws-rds-unencrypted", resource, {})
        if not database.get("BackupRetentionPeriod"):
            yield Issue("aws-rds-no-backups", resource, {})


def _is_public(client: Any, snapshot: str) -> bool:
    shared = client.describe_snapshot_attribute(SnapshotId=snapshot, Attribute="createVolumePermission")
    return any(each.get("Group") == "all" for each in shared.get("CreateVolumePermissions", ()))


def _in_region(account: Account, region: str) -> Resource:
    return Resource(account.arn("ec2", region, "account"), "region", region)


def _or_none(call: Any) -> dict[str, Any] | None:
    """What a call answers, or None where the setting was never made."""
    from botocore.exceptions import ClientError

    try:
        found: dict[str, Any] = call()
    except ClientError as error:
        if error.response["Error"]["Code"] in _ABSENT:
            return None
        raise
    return found


AUDITS = (volumes, databases)
GLOBAL_AUDITS = (buckets,)
