"""Envelope encryption: a ciphertext is good for one field of one item of one tenant, as long as the key lives."""

from __future__ import annotations

import base64

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel import aws
from kernel.crypto import DataKey, Envelope
from kernel.table import Table, create
from tests.faults import counted, hooked
from tests.kit import actor

example = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@example
@given(st.text(), st.text(max_size=10), st.text(max_size=10))
def test_what_was_sealed_is_opened(table: Table, plaintext: str, item: str, field: str) -> None:
    who, envelope = actor(tenant_id="org_01J9ZQZZZZZZZZZZZZZZZZZZZZ"), Envelope(table)
    sealed = envelope.encrypt(who, item, field, plaintext)
    assert envelope.decrypt(who, item, field, sealed) == plaintext
    assert Envelope(table).decrypt(who, item, field, sealed) == plaintext


def test_the_same_text_is_never_sealed_the_same_way(table: Table) -> None:
    who, envelope = actor(), Envelope(table)
    sealed = {envelope.encrypt(who, "item", "field", "text") for _ in range(50)}
    assert len(sealed) == 50


def test_a_ciphertext_cannot_be_moved(table: Table) -> None:
    who, stranger, envelope = actor(), actor(), Envelope(table)
    sealed = envelope.encrypt(who, "item", "field", "text")
    for person, item, field in ((who, "item", "other"), (who, "other", "field"), (stranger, "item", "field")):
        with pytest.raises(InvalidTag):
            envelope.decrypt(person, item, field, sealed)


@example
@given(st.data())
def test_a_ciphertext_cannot_be_changed(table: Table, data: st.DataObject) -> None:
    who, envelope = actor(tenant_id="org_01J9ZQZZZZZZZZZZZZZZZZZZZZ"), Envelope(table)
    raw = bytearray(base64.b64decode(envelope.encrypt(who, "item", "field", "text")))
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises((InvalidTag, ValueError)):
        envelope.decrypt(who, "item", "field", base64.b64encode(raw).decode())


def test_another_tenants_wrapped_key_cannot_be_used(table: Table) -> None:
    """KMS itself refuses: the tenant is in the encryption context."""
    who, thief = actor(), actor()
    Envelope(table).encrypt(who, "item", "field", "text")
    stolen = table.require(who, DataKey)
    table.write(create(DataKey(tenant_id=thief.tenant_id, wrapped=stolen.wrapped)))
    kms = aws.client("kms")
    with pytest.raises(kms.exceptions.InvalidCiphertextException):
        Envelope(table).encrypt(thief, "item", "field", "text")


def test_two_workers_that_make_the_key_at_once_share_one(table: Table) -> None:
    """A second worker creates the key between the first one's look and its write."""
    who = actor()
    rival: list[str] = []

    def interrupt(model: object, **_keywords: object) -> None:
        if getattr(model, "name", "") == "GenerateDataKeyWithoutPlaintext" and not rival:
            rival.append("")
            rival[0] = Envelope(Table()).encrypt(who, "item", "field", "rival's")

    with hooked(interrupt, "before-call"):
        mine = Envelope(Table()).encrypt(who, "item", "field", "mine")
    fresh = Envelope(table)
    assert fresh.decrypt(who, "item", "field", mine) == "mine"
    assert fresh.decrypt(who, "item", "field", rival[0]) == "rival's"


def test_an_erased_key_makes_the_tenants_secrets_unreadable(table: Table) -> None:
    who, other = actor(), actor()
    sealed = Envelope(table).encrypt(who, "item", "field", "text")
    kept = Envelope(table).encrypt(other, "item", "field", "text")
    aws.client("dynamodb").delete_item(
        TableName=table.name, Key={name: {"S": text} for name, text in DataKey.key(who).items()}
    )
    with pytest.raises(InvalidTag):
        Envelope(table).decrypt(who, "item", "field", sealed)
    assert Envelope(table).decrypt(other, "item", "field", kept) == "text"


def test_the_key_is_unwrapped_once_per_process(table: Table) -> None:
    who = actor()
    sealed = Envelope(table).encrypt(who, "item", "field", "text")
    with counted() as calls:
        envelope = Envelope(Table())
        for _ in range(5):
            envelope.decrypt(who, "item", "field", sealed)
    assert calls == ["GetItem", "Decrypt"]


def test_no_key_material_is_stored_in_the_clear(table: Table) -> None:
    who, envelope = actor(), Envelope(table)
    envelope.encrypt(who, "item", "field", "text")
    key = envelope._key(who)
    stored = str(aws.client("dynamodb").scan(TableName=table.name)["Items"])
    assert base64.b64encode(key).decode() not in stored
    assert key.hex() not in stored


def test_an_unknown_format_is_said(table: Table) -> None:
    with pytest.raises(ValueError, match="unknown envelope format"):
        Envelope(table).decrypt(actor(), "item", "field", base64.b64encode(b"\x02" + b"x" * 40).decode())
