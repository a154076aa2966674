"""Tenants."""

from __future__ import annotations

from typing import ClassVar

from kernel.records import Record


class Organization(Record, pk="TENANT#{tenant_id}#ORGANIZATIONS", sk="ORGANIZATION"):
    """A tenant: its partition is its own, and there is one in it."""

    location: ClassVar[str | None] = "/organizations/{organization_id}"

    organization_id: str
    name: str
    created_at: str
