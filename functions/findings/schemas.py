"""What callers send to the findings API."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from functions.findings.model import Status


class ChangeFinding(BaseModel):
    """Where a finding shall stand. Accepting a risk or calling it false needs a reason."""

    model_config = ConfigDict(extra="forbid")

    status: Status
    reason: Annotated[str, Field(max_length=2000)] = ""
