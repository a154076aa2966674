"""The audit trail on the local cloud: real conditional puts into a locked bucket, real signatures, a real delay."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.audit.gateways import Anchors, KmsSigner, Queues
from functions.audit.store import Store
from infra.local import emulator
from kernel import aws as clients
from kernel.table import Table
from palisade.audit.verify import verify
from tests.audit.places import Place, travelling
from tests.iam.policies import anchors_bucket
from tests.kit import create_table, forget
from tests.memory_facts import memory_facts

pytestmark = pytest.mark.emulator
Aws = Callable[[str], Any]
BUCKET = anchors_bucket()


@pytest.fixture
def place(handle: emulator.Handle, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """The room on the emulator, but for the files it makes."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", handle.endpoint)
    forget()
    create_table(aws("dynamodb"), "audit-contract")
    aws("s3").create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
    key = aws("kms").create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["KeyId"]
    facts = memory_facts()
    with travelling():
        made = Place(store=Store(Table("audit-contract"), facts))
    made.facts, made.signer, made.bucket = facts, KmsSigner(key), Anchors(BUCKET)  # type: ignore[assignment]
    yield made
    aws("dynamodb").delete_table(TableName="audit-contract")
    forget()


def test_a_log_is_sealed_signed_locked_exported_and_verified(place: Place, aws: Aws) -> None:
    with travelling() as time:
        for _ in range(3):
            place.keep(*(place.deed() for _ in range(20)), place.deed(timedelta(seconds=300)))
            time.shift(130)
            place.seal()
            place.seal()
        since = datetime(2026, 6, 1, 12, 2, tzinfo=UTC)
        whole, part = verify(place.export()), verify(place.export(since=since))
    assert (whole.faults, whole.entries, whole.anchors) == ([], 63, 3)
    assert part.faults == []
    assert (part.first, part.entries, part.anchors) == (21, 42, 3)
    versions = aws("s3").list_object_versions(Bucket=BUCKET)["Versions"]
    assert len(versions) == 3
    for each in versions:
        with pytest.raises(aws("s3").exceptions.ClientError, match="AccessDenied"):
            aws("s3").delete_object(Bucket=BUCKET, Key=each["Key"], VersionId=each["VersionId"])


def test_the_sealer_is_woken_later(handle: emulator.Handle, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", handle.endpoint)
    monkeypatch.setenv("AUDIT_SEAL_WINDOW", "1")
    monkeypatch.setenv("AUDIT_SEAL_GRACE", "1")
    clients.client.cache_clear()
    url = aws("sqs").create_queue(QueueName="seals-of-the-contract")["QueueUrl"]
    monkeypatch.setenv("AUDIT_SEAL_QUEUE_URL", url)
    Queues().seal("org_1")
    assert "Messages" not in aws("sqs").receive_message(QueueUrl=url)
    (message,) = aws("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
    assert json.loads(message["Body"])["tenant_id"] == "org_1"
