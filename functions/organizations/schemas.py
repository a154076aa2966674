"""What callers send to the organizations API."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from kernel.text import Line


class ChangeOrganization(BaseModel):
    """What an administrator may change."""

    model_config = ConfigDict(extra="forbid")

    name: Line
