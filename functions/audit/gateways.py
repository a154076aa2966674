"""What the log leans on outside the table: a key that nobody can take along, a bucket that nobody can rewrite, and the
queue of work."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Protocol

from functions.audit.model.canonical import canonical
from functions.audit.model.log import Statement
from kernel import aws, clock
from kernel.actor import Actor
from kernel.facts import Facts


class Signer(Protocol):
    """Signs statements."""

    def sign(self, statement: dict[str, Any]) -> Statement:
        """A statement with its signature and the public key."""


class KmsSigner:
    """ECDSA on P-256 with SHA-256; the key never leaves KMS."""

    def __init__(self, key_id: str | None = None) -> None:
        self._key_id = key_id or aws.setting("AUDIT_KEY_ID")

    @cached_property
    def public_key(self) -> str:
        """The public key (DER, SubjectPublicKeyInfo) as base64."""
        answer = aws.client("kms").get_public_key(KeyId=self._key_id)
        return base64.b64encode(answer["PublicKey"]).decode()

    def sign(self, statement: dict[str, Any]) -> Statement:
        """A statement with its signature and the public key."""
        answer = aws.client("kms").sign(
            KeyId=self._key_id, Message=canonical(statement), MessageType="RAW", SigningAlgorithm="ECDSA_SHA_256"
        )
        signature = base64.b64encode(answer["Signature"]).decode()
        return Statement(statement=statement, signature=signature, key=self.public_key)


class Anchors(Facts):
    """The bucket of anchors. Each is locked in compliance mode: until then not even the account's owner removes it."""

    def __init__(self, bucket: str | None = None, client: Any = None) -> None:
        super().__init__(bucket or aws.setting("AUDIT_BUCKET"), client)

    def drop(self, actor: Actor, anchor: Statement, until: datetime) -> Statement:
        """Put an anchor and lock it; the one that lies there if one of its size does."""
        key = self._key(actor, anchor.statement["size"])
        self._own(actor, key)
        try:
            with aws.acting_for(actor.tenant_id):
                self.client.put_object(
                    Bucket=self.bucket,
                    Key=key,
                    Body=anchor.model_dump_json().encode(),
                    ContentType="application/json",
                    IfNoneMatch="*",
                    ObjectLockMode="COMPLIANCE",
                    ObjectLockRetainUntilDate=until,
                )
        except self.client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] not in ("PreconditionFailed", "412"):
                raise
            return self._first(actor, key)
        return anchor

    def from_size(self, actor: Actor, size: int) -> Iterator[Statement]:
        """Every anchor of a tree of this size or larger, the smallest first: every version of every one, so that
        neither a delete marker nor a second version hides the first."""
        prefix = self._key(actor, 0).rpartition("/")[0] + "/"
        after = {"KeyMarker": self._key(actor, size - 1)} if size else {}
        for key, version in self._versions(actor, Prefix=prefix, **after):
            yield self._read(actor, key, version)

    def _first(self, actor: Actor, key: str) -> Statement:
        """The oldest version, which is the one that was locked; versions are listed from the newest."""
        versions = [version for found, version in self._versions(actor, Prefix=key) if found == key]
        return self._read(actor, key, versions[-1])

    def _versions(self, actor: Actor, **request: Any) -> Iterator[tuple[str, str]]:
        while True:
            with aws.acting_for(actor.tenant_id):
                answer = self.client.list_object_versions(Bucket=self.bucket, **request)
            for each in answer.get("Versions", ()):
                yield each["Key"], each["VersionId"]
            if not answer.get("IsTruncated"):
                return
            request |= {"KeyMarker": answer["NextKeyMarker"], "VersionIdMarker": answer["NextVersionIdMarker"]}

    def _read(self, actor: Actor, key: str, version: str) -> Statement:
        with aws.acting_for(actor.tenant_id):
            body = self.client.get_object(Bucket=self.bucket, Key=key, VersionId=version)["Body"].read()
        return Statement.model_validate_json(body)

    @staticmethod
    def _key(actor: Actor, size: int) -> str:
        return f"tenants/{actor.tenant_id}/audit/anchors/{size:015}.json"


class Bucket(Protocol):
    """Where anchors lie."""

    def drop(self, actor: Actor, anchor: Statement, until: datetime) -> Statement:
        """Put an anchor and lock it; the one that lies there if one of its size does."""

    def from_size(self, actor: Actor, size: int) -> Iterator[Statement]:
        """Every anchor of a tree of this size or larger, the smallest first."""


class Work(Protocol):
    """The queues of what is done later."""

    def seal(self, tenant_id: str) -> None:
        """A tenant has entries that are not sealed."""

    def make(self, tenant_id: str, report_id: str) -> None:
        """A report was ordered."""


class Queues:
    """Work on SQS. Sealing is asked for once in a while for each tenant, however much is kept meanwhile."""

    def __init__(self) -> None:
        self._asked: dict[str, int] = {}

    def seal(self, tenant_id: str) -> None:
        """A tenant has entries that are not sealed: seal them when all that was born by now has been kept."""
        window = int(time.time()) // seal_window()
        if self._asked.get(tenant_id) == window:
            return
        delay = int(seal_grace().total_seconds()) + seal_window()
        self._send("AUDIT_SEAL_QUEUE_URL", delay, tenant_id=tenant_id)
        if len(self._asked) > 10_000:
            self._asked.clear()
        self._asked[tenant_id] = window

    def make(self, tenant_id: str, report_id: str) -> None:
        """A report was ordered."""
        self._send("AUDIT_REPORT_QUEUE_URL", 0, tenant_id=tenant_id, report_id=report_id)

    def _send(self, queue: str, delay: int, **work: str) -> None:
        aws.client("sqs").send_message(
            QueueUrl=aws.setting(queue), MessageBody=json.dumps(work | {"at": clock.timestamp()}), DelaySeconds=delay
        )


def seal_window() -> int:
    """Seconds of which one request to seal is enough."""
    return int(os.environ.get("AUDIT_SEAL_WINDOW", "60"))


def seal_grace() -> timedelta:
    """How old an entry's id must be before the log passes it. What is kept within half of it is on time; the other
    half is for clocks that disagree."""
    return timedelta(seconds=int(os.environ.get("AUDIT_SEAL_GRACE", "60")))
