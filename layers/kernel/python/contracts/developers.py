"""Developers: the API keys that partners' programs show instead of a session."""

from __future__ import annotations

from pydantic import Field

from kernel.records import Hidden, Record

KEY_PREFIX = "plsd_"


class ApiKeyRecord(Record, pk="PLATFORM#APIKEYS#{key_id}", sk="KEY", platform=True):
    """What the authorizer reads of a key: `plsd_<key_id>_<secret>`. Only hashes are kept: a secret has 256 random
    bits, so one SHA-256 is enough. The key acts as `user_id` in the organisation `tenant_id`."""

    key_id: str
    user_id: str
    email: str | None = None
    hashes: Hidden[tuple[str, ...]] = Field(description="SHA-256 (hex) of the secrets that are good.")
    old_until: int = Field(default=0, description="Unix time until which the second hash counts: rotation's overlap.")
    permissions: tuple[str, ...]
    ends_at: int = Field(default=0, description="Unix time of expiry; 0: never.")
    networks: tuple[str, ...] = Field(default=(), description="CIDRs that it may be used from; empty: anywhere.")
    requests_per_second: float | None = Field(default=None, description="Its own limit, below the plan's.")
    revoked_at: str | None = None
    last_used_at: str | None = None
