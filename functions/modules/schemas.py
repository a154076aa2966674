"""What callers send to the modules API."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Configure(BaseModel):
    """A module's configuration, by the module's own schema. A secret that is sent masked stays as it is."""

    model_config = ConfigDict(extra="forbid")

    config: dict[str, Any] = Field(max_length=50)
