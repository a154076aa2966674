"""Identifiers: a type prefix and a ULID, so that they sort by birth and no id is a prefix of another."""

from __future__ import annotations

import re

from ulid import ULID

ULID_PATTERN = r"[0-7][0-9A-HJKMNP-TV-Z]{25}"
_TENANT = re.compile(rf"^org_{ULID_PATTERN}$")


def new_id(prefix: str) -> str:
    """A fresh id such as `scan_01J9ZQ…`."""
    return f"{prefix}_{ULID()}"


def is_tenant_id(text: str) -> bool:
    """Whether a text has the form of a tenant id."""
    return _TENANT.fullmatch(text) is not None
