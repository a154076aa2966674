"""What callers send to the notifications API."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from functions.notifications.model import Channels


class ChangePreferences(BaseModel):
    """What a person wants to be told, and where; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    scan_ended: Channels | None = None
    critical_finding: Channels | None = None
