"""What callers send to the reports API."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from kernel.text import Line


class CreateReport(BaseModel):
    """A report of a scan."""

    model_config = ConfigDict(extra="forbid")

    scan_id: Annotated[str, Field(min_length=1, max_length=64)]
    format: Annotated[str, Field(max_length=10, json_schema_extra={"enum": ["pdf", "json", "csv", "xlsx"]})] = "pdf"
    title: Line = "Security assessment report"
    classification: Line = "Confidential"
