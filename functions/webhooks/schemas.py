"""What callers send to the webhooks API."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Url = Annotated[str, Field(min_length=8, max_length=2048, pattern=r"^https?://[^\s\x00-\x1f]+$")]
EventTypes = Annotated[
    list[Annotated[str, Field(max_length=80)]], Field(min_length=1, max_length=100, examples=[["ScanEnded.v1"]])
]
Description = Annotated[str, Field(max_length=200)]


class RegisterWebhook(BaseModel):
    """An endpoint to call."""

    model_config = ConfigDict(extra="forbid")

    url: Url
    event_types: EventTypes = ["*"]
    description: Description = ""


class ChangeWebhook(RegisterWebhook):
    """An endpoint as it shall be; enabling it again clears its record of failures."""

    enabled: bool = True
