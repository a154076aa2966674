"""A key's text: recognised by its checksum, kept as a hash, good while its secret is."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from contracts.developers import ApiKeyRecord, digest, new_key_text, parse
from kernel.ids import new_id

KEY_ID = new_id("key")
TEXT, SECRET = new_key_text(KEY_ID)
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def record(*secrets: str, old_until: int = 0) -> ApiKeyRecord:
    hashes = tuple(digest(secret) for secret in secrets)
    return ApiKeyRecord(
        tenant_id="org_1", key_id=KEY_ID, user_id="u", hashes=hashes, permissions=(), old_until=old_until
    )


def test_a_text_holds_the_id_and_256_bits() -> None:
    assert re.fullmatch(r"plsd_key_[0-9A-Z]{26}_[0-9A-Za-z]{49}", TEXT)
    assert parse(TEXT) == (KEY_ID, SECRET)
    assert len({new_key_text(KEY_ID)[1][:43] for _ in range(200)}) == 200
    assert 62**43 > 2**256


@given(st.integers(len("plsd_key_"), len(TEXT) - 1), st.sampled_from(ALPHABET))
def test_a_text_with_one_wrong_letter_is_no_key(place: int, letter: str) -> None:
    wrong = TEXT[:place] + letter + TEXT[place + 1 :]
    assert (parse(wrong) is None) == (wrong != TEXT)


@given(st.text(max_size=120))
def test_other_text_is_no_key(text: str) -> None:
    assert parse(text) is None
    assert parse(TEXT + text) is None or not text
    assert parse(text + TEXT) is None or not text


def test_the_secret_of_another_key_does_not_fit_this_id() -> None:
    other, secret = new_id("key"), new_key_text(new_id("key"))[1]
    assert parse(f"plsd_{other}_{secret}") is None


def test_only_the_good_secrets_open() -> None:
    _, new = new_key_text(KEY_ID)
    _, old = new_key_text(KEY_ID)
    rotated = record(new, old, old_until=1000)
    assert rotated.is_shown_by(new, 5000)
    assert rotated.is_shown_by(old, 999)
    assert not rotated.is_shown_by(old, 1000)
    assert not rotated.is_shown_by(SECRET, 0)
    assert not record().is_shown_by(SECRET, 0)
    assert not record(new, old).is_shown_by(old, 1)
