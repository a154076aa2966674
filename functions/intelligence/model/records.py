"""The context's items in the table: everything that is small."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from pydantic import BaseModel, Field

from kernel.records import Hidden, Record

EVERYBODY = "everybody"
"""The audience of scans that no team keeps to itself."""


class GraphHead(Record, pk="TENANT#{tenant_id}#INTELLIGENCE", sk="GRAPH#{audience}"):
    """Where one audience's graph is by now. Whoever writes a new generation does so on the condition that this is
    the one that was read."""

    audience: str
    generation: int = 0
    snapshot: str = Field(default="", description="The key of the snapshot; empty until something was learnt.")
    outline: str = Field(default="", description="The key of the snapshot's outline.")
    updated_at: str = ""

    @property
    def team_id(self) -> str | None:
        """The team that alone sees this graph; None where everybody does."""
        return None if self.audience == EVERYBODY else self.audience


class ImportStatus(StrEnum):
    """Where an import stands."""

    AWAITING = "awaiting"
    """The file is not uploaded yet."""
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"
    """Nothing was taken in; the faults say why."""


class FileFault(BaseModel):
    """What is wrong with a file."""

    line: int = Field(description="The line, or the number of the item; 0: the file as a whole.")
    detail: str


class ScanImport(Record, pk="TENANT#{tenant_id}#INTELLIGENCE", sk="IMPORT#{import_id}"):
    """A file of facts that becomes a scan. While it awaits the file, `upload_url` takes it by PUT, for fifteen minutes
    from when it was read."""

    location: ClassVar[str | None] = "/imports/{import_id}"

    import_id: str
    scan_id: str = Field(description="The scan that it becomes; it is there when the import is ready.")
    name: str
    format: str
    team_id: str | None = None
    status: ImportStatus = ImportStatus.AWAITING
    upload_url: str | None = None
    observations: int = 0
    skipped: dict[str, int] = Field(default_factory=dict, description="What the file has and there is no type for.")
    faults: list[FileFault] = Field(default_factory=list)
    created_by: str
    created_at: str
    finished_at: str | None = None
    waves: Hidden[int] = 0
    targets: Hidden[tuple[str, ...]] = ()
    modules: Hidden[dict[str, str]] = Field(default_factory=dict)
