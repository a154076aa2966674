"""What the audit room has of AWS's beyond the table: a key, a locked bucket, two queues."""

from __future__ import annotations

import pytest

from kernel import aws
from tests.iam.policies import anchors_bucket

BUCKET = anchors_bucket()


def set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make them, and the settings that name them."""
    key = aws.client("kms").create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["KeyId"]
    aws.client("s3").create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
    queues = [aws.client("sqs").create_queue(QueueName=f"audit-{name}")["QueueUrl"] for name in ("seals", "reports")]
    for name, value in {
        "AUDIT_KEY_ID": key,
        "AUDIT_BUCKET": BUCKET,
        "AUDIT_SEAL_QUEUE_URL": queues[0],
        "AUDIT_REPORT_QUEUE_URL": queues[1],
    }.items():
        monkeypatch.setenv(name, value)
