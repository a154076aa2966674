"""Where backups lie: every part encrypted with a key of the organisation's own, which KMS wraps.

That key is an item outside the organisation's partitions, so that it outlives their loss; with the erasure of the
organisation it is destroyed, and all its backups with it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import time
from functools import cached_property
from typing import Any

from infra.backup.cloud import Cloud, CloudError
from infra.backup.scope import Scope, canonical

FORMAT = b"\x01"
NONCE_BYTES = 12
ERASURES = "PLATFORM#ERASURES"


class Tampered(Exception):
    """A part of a backup is not what was written."""


class Vault:
    """The backups of one organisation."""

    def __init__(self, cloud: Cloud, scope: Scope) -> None:
        self._cloud, self._scope = cloud, scope

    def write(self, backup_id: str, part: str, plain: bytes, **notes: str) -> None:
        """One part; writing it again replaces it."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = os.urandom(NONCE_BYTES)
        sealed = AESGCM(self._key).encrypt(nonce, plain, self._bound(backup_id, part))
        self._cloud.s3.put_object(
            Bucket=self._cloud.backups, Key=self._place(backup_id, part), Body=FORMAT + nonce + sealed, Metadata=notes
        )

    def read(self, backup_id: str, part: str) -> bytes:
        """A part as it was written. Raises Tampered, or CloudError when there is none."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            answer = self._cloud.s3.get_object(Bucket=self._cloud.backups, Key=self._place(backup_id, part))
        except self._cloud.s3.exceptions.NoSuchKey:
            raise CloudError(f"The backup {backup_id} has no part {part}.") from None
        raw = answer["Body"].read()
        try:
            return AESGCM(self._key).decrypt(
                raw[1 : 1 + NONCE_BYTES], raw[1 + NONCE_BYTES :], self._bound(backup_id, part)
            )
        except InvalidTag:
            raise Tampered(f"The part {part} of {backup_id} was changed, or is another organisation's.") from None

    def notes(self, backup_id: str, part: str) -> dict[str, str] | None:
        """What was noted with a part; None when it was not written."""
        try:
            answer = self._cloud.s3.head_object(Bucket=self._cloud.backups, Key=self._place(backup_id, part))
        except self._cloud.s3.exceptions.ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NotFound"):
                return None
            raise
        notes: dict[str, str] = answer["Metadata"]
        return notes

    def list(self) -> list[str]:
        """The ids of all whole backups, the oldest first."""
        pages = self._cloud.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._cloud.backups, Prefix=f"{self._scope.tenant_id}/"
        )
        keys = (entry["Key"] for page in pages for entry in page.get("Contents", ()))
        return sorted(key.split("/")[1] for key in keys if key.endswith("/manifest"))

    def seal(self, manifest: dict[str, Any]) -> str:
        """What shows that a manifest is ours."""
        return hmac.new(self._key, b"manifest\x00" + canonical(manifest), hashlib.sha256).hexdigest()

    @cached_property
    def _key(self) -> bytes:
        """The organisation's backup key; made with its first backup. Raises CloudError for an erased organisation."""
        tenant_id, table = self._scope.tenant_id, self._cloud.table
        erased = {"pk": {"S": ERASURES}, "sk": {"S": f"TENANT#{tenant_id}"}}
        if "Item" in self._cloud.dynamodb.get_item(TableName=table, Key=erased, ConsistentRead=True):
            raise CloudError(f"{tenant_id} was erased, and the key of its backups with it.")
        place = {"pk": {"S": f"PLATFORM#BACKUPKEYS#{tenant_id}"}, "sk": {"S": "KEY"}}
        found = self._cloud.dynamodb.get_item(TableName=table, Key=place, ConsistentRead=True).get("Item")
        context = {"tenant": tenant_id, "purpose": "backup"}
        if found is None:
            made = self._cloud.kms.generate_data_key_without_plaintext(
                KeyId=self._cloud.key_id, KeySpec="AES_256", EncryptionContext=context
            )
            found = {**place, "wrapped": {"B": made["CiphertextBlob"]}, "created_at": {"N": str(int(time.time()))}}
            self._cloud.dynamodb.put_item(TableName=table, Item=found, ConditionExpression="attribute_not_exists(pk)")
        answer = self._cloud.kms.decrypt(CiphertextBlob=found["wrapped"]["B"], EncryptionContext=context)
        key: bytes = answer["Plaintext"]
        return key

    def _place(self, backup_id: str, part: str) -> str:
        return f"{self._scope.tenant_id}/{backup_id}/{part}"

    def _bound(self, backup_id: str, part: str) -> bytes:
        return "\x00".join((self._scope.tenant_id, backup_id, part)).encode()


def sha256(data: bytes) -> str:
    """The digest of a part."""
    return hashlib.sha256(data).hexdigest()
