"""API keys and service accounts, and the rules that hold for them. Pure."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from contracts.developers import ServiceAccountBrief
from kernel import clock
from kernel.records import Record

MAX_KEYS = 300
"""Keys of an organisation that are not revoked."""
MAX_KEYS_OF_ONE = 20
"""Keys of one owner: all of them, with their records, change in one transaction."""
MAX_ACCOUNTS = 100
REVOKED_KEPT_SECONDS = 90 * 86400


class KeyStatus(StrEnum):
    """Whether a key opens anything."""

    ACTIVE = "active"
    ENDED = "ended"
    REVOKED = "revoked"


class ApiKey(Record, pk="TENANT#{tenant_id}#APIKEYS", sk="KEY#{key_id}"):
    """A key as its organisation sees it."""

    location: ClassVar[str | None] = "/api-keys/{key_id}"

    key_id: str
    name: str
    user_id: str = Field(description="Who the key acts as: a person, or a service account.")
    created_by: str
    created_at: str
    permissions: tuple[str, ...]
    networks: tuple[str, ...] = Field(default=(), description="CIDRs that it may be used from; empty: anywhere.")
    ends_at: str | None = None
    requests_per_second: float | None = None
    rotated_at: str | None = None
    old_until: str | None = Field(default=None, description="Until when the secret before the last rotation is good.")
    revoked_at: str | None = None
    revoked_because: str | None = None
    status: KeyStatus = KeyStatus.ACTIVE
    last_used_at: str | None = None

    def settle(self, used_at: str | None) -> ApiKey:
        """The key as it stands now: whether it has ended, and when it was last used."""
        if self.status is KeyStatus.ACTIVE and self.has_ended:
            self.status = KeyStatus.ENDED
        self.last_used_at = used_at
        return self

    @property
    def has_ended(self) -> bool:
        """Whether its time is over."""
        return self.ends_at is not None and clock.parse(self.ends_at) <= clock.now()

    @property
    def is_live(self) -> bool:
        """Whether it was not revoked."""
        return self.revoked_at is None


class NewApiKey(ApiKey):
    """A key just made or rotated, with the text that is shown this once."""

    confidential: ClassVar[bool] = True

    token: str = Field(description="Goes into `Authorization: Bearer`. It is not shown again.")


class Owner(Record, pk="TENANT#{tenant_id}#APIKEYS", sk="OWNER#{user_id}"):
    """Counts the changes to an owner's keys. A new key carries its condition, and so does what takes rights from an
    owner: a key that is made while its owner leaves is refused, or goes with him."""

    user_id: str


class ServiceAccount(ServiceAccountBrief):
    """A principal that is no person, and owns keys."""

    location: ClassVar[str | None] = "/service-accounts/{account_id}"

    description: str = ""
    created_by: str
    created_at: str


class TakenName(Record, pk="TENANT#{tenant_id}#SERVICEACCOUNTS", sk="NAME#{digest}"):
    """That a name is taken among the tenant's service accounts."""

    digest: str
    owner: str


class Person(Record, pk="TENANT#{tenant_id}#USERS", sk="USER#{user_id}"):
    """What this context reads of a person; the item belongs to identity."""

    user_id: str
    email: str | None = None
    roles: tuple[str, ...] = ()


def taken_name(tenant_id: str, name: str, owner: str) -> TakenName:
    """The mark of a name; upper and lower case do not make two."""
    digest = hashlib.blake2b(name.casefold().encode(), digest_size=16).hexdigest()
    return TakenName(tenant_id=tenant_id, digest=digest, owner=owner)
