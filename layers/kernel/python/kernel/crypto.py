"""Envelope encryption: a data key per tenant, wrapped by KMS with the tenant in the encryption context.

A stolen item is useless without KMS, a stolen KMS grant is useless for another tenant, and a ciphertext cannot be
moved to another item or field, because both are authenticated with it.
"""

from __future__ import annotations

import base64
import os
from typing import Any

from kernel import aws
from kernel.actor import Actor
from kernel.errors import Conflict
from kernel.records import Hidden, Record
from kernel.table import Table, create

FORMAT = b"\x01"
NONCE_BYTES = 12


class DataKey(Record, pk="TENANT#{tenant_id}#KEYS", sk="DATAKEY#1"):
    """A tenant's data key as KMS wrapped it."""

    wrapped: Hidden[str]


class Envelope:
    """Encrypts and decrypts fields of a tenant's items with AES-256-GCM."""

    def __init__(self, table: Table, key_id: str | None = None, kms: Any = None) -> None:
        self._table = table
        self._key_id = key_id
        self._kms_client = kms
        self._unwrapped: dict[str, bytes] = {}

    def encrypt(self, actor: Actor, item: str, field: str, plaintext: str) -> str:
        """A field's ciphertext as base64; `item` and `field` must be the same when it is decrypted."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = os.urandom(NONCE_BYTES)
        sealed = AESGCM(self._key(actor)).encrypt(nonce, plaintext.encode(), _bound(actor, item, field))
        return base64.b64encode(FORMAT + nonce + sealed).decode()

    def decrypt(self, actor: Actor, item: str, field: str, ciphertext: str) -> str:
        """The plaintext. Raises cryptography's InvalidTag when anything was changed or moved."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        raw = base64.b64decode(ciphertext)
        if raw[:1] != FORMAT:
            raise ValueError("unknown envelope format")
        nonce, sealed = raw[1 : 1 + NONCE_BYTES], raw[1 + NONCE_BYTES :]
        return AESGCM(self._key(actor)).decrypt(nonce, sealed, _bound(actor, item, field)).decode()

    @property
    def _kms(self) -> Any:
        if self._kms_client is None:
            self._kms_client = aws.client("kms")
        return self._kms_client

    def _key(self, actor: Actor) -> bytes:
        """The tenant's data key; unwrapped once per process, made when the tenant has none."""
        if actor.tenant_id not in self._unwrapped:
            stored = self._table.get(actor, DataKey) or self._create_key(actor)
            with aws.acting_for(actor.tenant_id):
                answer = self._kms.decrypt(
                    CiphertextBlob=base64.b64decode(stored.wrapped), EncryptionContext={"tenant": actor.tenant_id}
                )
            self._unwrapped[actor.tenant_id] = answer["Plaintext"]
        return self._unwrapped[actor.tenant_id]

    def _create_key(self, actor: Actor) -> DataKey:
        with aws.acting_for(actor.tenant_id):
            answer = self._kms.generate_data_key_without_plaintext(
                KeyId=self._key_id or aws.setting("DATA_KEY_ID"),
                KeySpec="AES_256",
                EncryptionContext={"tenant": actor.tenant_id},
            )
        wrapped = base64.b64encode(answer["CiphertextBlob"]).decode()
        key = DataKey(tenant_id=actor.tenant_id, wrapped=wrapped)
        try:
            self._table.write(create(key))
        except Conflict:  # another worker was first: its key is the tenant's
            key = self._table.require(actor, DataKey)
        return key


def _bound(actor: Actor, item: str, field: str) -> bytes:
    return "\x00".join((actor.tenant_id, item, field, FORMAT.hex())).encode()
