"""Files of the trail that people ask for: reports to read, and exports that can be verified."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from pydantic import BaseModel, Field

from kernel.events import Category
from kernel.records import Record


class AuditReportFormat(StrEnum):
    """What a file of the trail can be; `export` is the one that `palisade audit verify` checks."""

    CSV = "csv"
    JSON = "json"
    PDF = "pdf"
    EXPORT = "export"


SUFFIXES = {
    AuditReportFormat.CSV: ("csv", "text/csv; charset=utf-8"),
    AuditReportFormat.JSON: ("json", "application/json"),
    AuditReportFormat.PDF: ("pdf", "application/pdf"),
    AuditReportFormat.EXPORT: ("jsonl.gz", "application/gzip"),
}
"""Each format's suffix and media type."""
MOST_ENTRIES = {AuditReportFormat.CSV: 200_000, AuditReportFormat.JSON: 200_000, AuditReportFormat.PDF: 5_000}
"""The newest so many are told; the file says when there are more."""


class AuditReportStatus(StrEnum):
    """Where a report stands."""

    QUEUED = "queued"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"


class AuditFilters(BaseModel):
    """Which entries are meant; all that are given must hold."""

    actor: str | None = None
    action: str | None = None
    resource: str | None = None
    category: Category | None = None

    def given(self) -> dict[str, str]:
        """Those that are given."""
        return self.model_dump(mode="json", exclude_none=True)


class AuditReport(Record, pk="TENANT#{tenant_id}#AUDITREPORTS", sk="REPORT#{report_id}"):
    """A file of the trail. `download_url` is made when the report is read, and good for fifteen minutes."""

    location: ClassVar[str | None] = "/audit/reports/{report_id}"

    report_id: str
    format: AuditReportFormat
    since: str
    until: str
    filters: AuditFilters = AuditFilters()
    status: AuditReportStatus = AuditReportStatus.QUEUED
    progress: int = Field(default=0, ge=0, le=100, description="Percent.")
    created_by: str
    created_at: str
    finished_at: str | None = None
    entries: int | None = Field(default=None, description="How many entries it tells.")
    size: int | None = Field(default=None, description="Bytes.")
    digest: str | None = Field(default=None, description="The file's SHA-256.")
    reason: str | None = Field(default=None, description="Why it could not be made.")
    download_url: str | None = None

    @property
    def file_name(self) -> str:
        """What the download is saved as."""
        return f"palisade-audit-{self.since[:10]}-{self.until[:10]}.{SUFFIXES[self.format][0]}"

    def object_key(self) -> str:
        """Where the file lies in the facts bucket."""
        return f"tenants/{self.tenant_id}/audit/{self.report_id}/{self.file_name}"
