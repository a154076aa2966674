"""Exports and erasures. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from contracts.privacy import ERASING, EXPORTING
from kernel.records import Hidden, Record

GRACE_DAYS = 7
"""How long an erasure can be taken back, unless the request says otherwise."""


class ExportStatus(StrEnum):
    """Where an export stands."""

    RUNNING = "running"
    READY = "ready"
    INCOMPLETE = "incomplete"
    """A context did not hand in its part: there is nothing to download."""


class ErasureStatus(StrEnum):
    """Where an erasure stands."""

    SCHEDULED = "scheduled"
    CANCELLED = "cancelled"
    RUNNING = "running"
    DONE = "done"
    INCOMPLETE = "incomplete"


class PersonExport(Record, pk="TENANT#{tenant_id}#PRIVACY", sk="EXPORT#{export_id}"):
    """A copy of everything about a person. `download_url` is made when the export is read, and good for fifteen
    minutes."""

    location: ClassVar[str | None] = "/privacy/exports/{export_id}"

    export_id: str
    user_id: str
    status: ExportStatus = ExportStatus.RUNNING
    progress: int = Field(default=0, ge=0, le=100, description="Percent of the contexts that have handed in.")
    missing: tuple[str, ...] = Field(default=EXPORTING, description="Contexts that have not handed in their part.")
    created_by: str
    created_at: str
    finished_at: str | None = None
    size: int | None = Field(default=None, description="Bytes.")
    digest: str | None = Field(default=None, description="The file's SHA-256.")
    download_url: str | None = None

    def stands(self, handed_in: frozenset[str]) -> PersonExport:
        """The export as it stands when these contexts have handed in."""
        self.missing = tuple(room for room in EXPORTING if room not in handed_in)
        self.progress = 100 * (len(EXPORTING) - len(self.missing)) // len(EXPORTING)
        return self


class Erasure(Record, pk="TENANT#{tenant_id}#PRIVACY", sk="ERASURE#{erasure_id}"):
    """That a person is to be forgotten, and how far that is."""

    location: ClassVar[str | None] = "/privacy/erasures/{erasure_id}"

    erasure_id: str
    user_id: str
    status: ErasureStatus = ErasureStatus.SCHEDULED
    begins_at: str
    progress: int = Field(default=0, ge=0, le=100, description="Percent of the contexts that are done.")
    missing: tuple[str, ...] = Field(default=ERASING, description="Contexts that are not done.")
    counts: dict[str, int] = Field(default_factory=dict, description="How much was erased, by context.")
    created_by: str
    created_at: str
    finished_at: str | None = None

    def stands(self, done: frozenset[str]) -> Erasure:
        """The erasure as it stands when these contexts are done."""
        self.missing = tuple(room for room in ERASING if room not in done)
        self.progress = 100 * (len(ERASING) - len(self.missing)) // len(ERASING)
        return self


class Erasing(Record, pk="TENANT#{tenant_id}#PRIVACY", sk="ERASING#{user_id}"):
    """That a person is being erased: once at a time."""

    user_id: str
    erasure_id: str


class Member(Record, pk="TENANT#{tenant_id}#USERS", sk="USER#{user_id}"):
    """What this context reads of a person; the item belongs to identity."""

    user_id: str
    email: str
    name: str = ""
    roles: Hidden[tuple[str, ...]] = ()


class Administrators(Record, pk="TENANT#{tenant_id}#USERS", sk="ADMINISTRATORS"):
    """How many administer the organisation; the item belongs to identity."""

    count: int = 0
