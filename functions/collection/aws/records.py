"""What records and watches an account: trails, keys, GuardDuty, Config."""

from __future__ import annotations

from collections.abc import Iterator

from functions.collection.aws.account import Account, Finding, Issue, Resource


def trails(account: Account, region: str) -> Iterator[Finding]:
    """Whether some trail records all regions, and how its files are kept."""
    client = account.client("cloudtrail", region)
    is_recorded = False
    for trail in client.describe_trails(includeShadowTrails=True)["trailList"]:
        resource = Resource(trail["TrailARN"], "trail", trail.get("HomeRegion", region))
        yield resource
        if trail.get("IsMultiRegionTrail") and client.get_trail_status(Name=trail["TrailARN"])["IsLogging"]:
            is_recorded = True
        if not trail.get("LogFileValidationEnabled"):
            yield Issue("aws-trail-not-validated", resource, {})
        if not trail.get("KmsKeyId"):
            yield Issue("aws-trail-not-encrypted", resource, {})
    if not is_recorded:
        yield Issue("aws-trail-missing", account.resource, {})


def keys(account: Account, region: str) -> Iterator[Finding]:
    """Symmetric keys of the tenant that stay the same for ever."""
    client = account.client("kms", region)
    for key in account.pages(client, "list_keys", "Keys"):
        about = client.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
        is_own = about.get("KeyManager") == "CUSTOMER" and about.get("KeyState") == "Enabled"
        if not is_own or about.get("KeySpec", "SYMMETRIC_DEFAULT") != "SYMMETRIC_DEFAULT":
            continue
        if not client.get_key_rotation_status(KeyId=key["KeyId"])["KeyRotationEnabled"]:
            yield Issue("aws-kms-no-rotation", Resource(about["Arn"], "kms key", region), {})


def guards(account: Account, region: str) -> Iterator[Finding]:
    """Whether GuardDuty watches the region and Config records it."""
    here = Resource(account.arn("ec2", region, "account"), "region", region)
    guard = account.client("guardduty", region)
    detectors = guard.list_detectors()["DetectorIds"]
    if not any(guard.get_detector(DetectorId=each)["Status"] == "ENABLED" for each in detectors):
        yield Issue("aws-guardduty-off", here, {"region": region})
    recorders = account.client("config", region).describe_configuration_recorder_status()
    if not any(each.get("recording") for each in recorders["ConfigurationRecordersStatus"]):
        yield Issue("aws-config-off", here, {"region": region})


AUDITS = (keys, guards)
GLOBAL_AUDITS = (trails,)
