"""Developers: the API keys that partners' programs show instead of a session, and the service accounts behind them.

A key's text is `plsd_<key id>_<secret>`. The secret is 256 random bits in base 62 and a CRC-32 of all before it, so
that a scanner of leaked secrets can tell a key from what merely looks like one, and a mistyped key costs no look-up.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import zlib

from pydantic import Field

from kernel.events import Category, Event
from kernel.ids import ULID_PATTERN
from kernel.records import Hidden, Record

KEY_PREFIX = "plsd_"
SERVICE_PREFIX = "svc"
"""The ids of service accounts begin with it: they stand where a user's id does."""
SECRET_BITS = 256
SECRET_DIGITS = 43
CHECK_DIGITS = 6
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_KEY = re.compile(rf"{KEY_PREFIX}(key_{ULID_PATTERN})_([0-9A-Za-z]{{{SECRET_DIGITS + CHECK_DIGITS}}})")


class ApiKeyRecord(Record, pk="PLATFORM#APIKEYS#{key_id}", sk="KEY", platform=True):
    """What the authorizer reads of a key: `plsd_<key_id>_<secret>`. Only hashes are kept: a secret has 256 random
    bits, so one SHA-256 is enough. The key acts as `user_id` in the organisation `tenant_id`."""

    key_id: str
    user_id: str
    email: str | None = None
    hashes: Hidden[tuple[str, ...]] = Field(description="SHA-256 (hex) of the secrets that are good, the newest first.")
    old_until: int = Field(default=0, description="Unix time until which the second hash counts: rotation's overlap.")
    permissions: tuple[str, ...]
    roles: tuple[str, ...] = Field(default=(), description="The owner's, for policies; they give the key nothing.")
    teams: tuple[str, ...] = Field(default=(), description="The owner's.")
    ends_at: int = Field(default=0, description="Unix time of expiry; 0: never.")
    networks: tuple[str, ...] = Field(default=(), description="CIDRs that it may be used from; empty: anywhere.")
    requests_per_second: float | None = Field(default=None, description="Its own limit, below the plan's.")
    revoked_at: str | None = None
    last_used_at: str | None = None

    def is_shown_by(self, secret: str, now: float) -> bool:
        """Whether a secret is one of the key's good ones; takes as long for a wrong one."""
        shown = digest(secret)
        newest = hmac.compare_digest(shown, self.hashes[0]) if self.hashes else False
        older = hmac.compare_digest(shown, self.hashes[1]) if len(self.hashes) > 1 else False
        return newest or (older and now < self.old_until)


class ServiceAccountBrief(Record, pk="TENANT#{tenant_id}#SERVICEACCOUNTS", sk="ACCOUNT#{account_id}"):
    """A principal that is no person: what others need to know of it."""

    account_id: str
    name: str
    roles: tuple[str, ...]
    enabled: bool = True


def new_key_text(key_id: str) -> tuple[str, str]:
    """A fresh key: its text, which is shown once, and the secret in it."""
    body = _base62(secrets.randbits(SECRET_BITS), SECRET_DIGITS)
    secret = body + _check(key_id, body)
    return f"{KEY_PREFIX}{key_id}_{secret}", secret


def parse(text: str) -> tuple[str, str] | None:
    """Id and secret of a key's text; None for what no key of ours can be."""
    match = _KEY.fullmatch(text)
    if match is None:
        return None
    key_id, secret = match.groups()
    body, check = secret[:SECRET_DIGITS], secret[SECRET_DIGITS:]
    return (key_id, secret) if hmac.compare_digest(_check(key_id, body), check) else None


def digest(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _check(key_id: str, body: str) -> str:
    return _base62(zlib.crc32(f"{KEY_PREFIX}{key_id}_{body}".encode()), CHECK_DIGITS)


def _base62(number: int, digits: int) -> str:
    text = ""
    for _ in range(digits):
        number, digit = divmod(number, len(_ALPHABET))
        text = _ALPHABET[digit] + text
    return text


class ApiKeyCreated(Event, context="developers", category=Category.SECURITY):
    """A program can act as somebody."""

    key_id: str
    name: str
    user_id: str
    permissions: list[str]
    networks: list[str]
    ends_at: str | None = None


class ApiKeyChanged(Event, context="developers", category=Category.SECURITY):
    """What a key may do, or from where and until when, was changed; `reason` says what did it when no person did."""

    key_id: str
    name: str
    user_id: str
    permissions: list[str]
    before: list[str]
    networks: list[str]
    ends_at: str | None = None
    reason: str | None = None


class ApiKeyRotated(Event, context="developers", category=Category.SECURITY):
    """A key has a new secret; the old one is good until `old_until`."""

    key_id: str
    name: str
    user_id: str
    old_until: str


class ApiKeyRevoked(Event, context="developers", category=Category.SECURITY):
    """A key opens nothing any more."""

    key_id: str
    name: str
    user_id: str
    reason: str


class KeyGrantRefused(Event, context="developers", category=Category.SECURITY):
    """Somebody tried to give a key or a service account permissions that he, or its owner, does not hold."""

    what: str
    permissions: list[str]


class ServiceAccountCreated(Event, context="developers", category=Category.SECURITY):
    """There is a principal that is no person."""

    account_id: str
    name: str
    roles: list[str]


class ServiceAccountChanged(Event, context="developers", category=Category.SECURITY):
    """A service account was renamed, given other roles, disabled or enabled."""

    account_id: str
    name: str
    roles: list[str]
    before: list[str]
    enabled: bool
    was_enabled: bool


class ServiceAccountDeleted(Event, context="developers", category=Category.SECURITY):
    """A service account is gone."""

    account_id: str
    name: str
