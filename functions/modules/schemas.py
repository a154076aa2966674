"""What callers send to the modules API."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from kernel.attributes import to_attribute

MAX_BYTES = 32_768


def _storable(config: dict[str, Any]) -> dict[str, Any]:
    to_attribute(config)
    if len(json.dumps(config, ensure_ascii=False).encode()) > MAX_BYTES:
        raise ValueError(f"a configuration has at most {MAX_BYTES:,} bytes")
    return config


class Configure(BaseModel):
    """A module's configuration, by the module's own schema. A secret that is sent masked stays as it is."""

    model_config = ConfigDict(extra="forbid")

    config: Annotated[dict[str, Any], Field(max_length=50), AfterValidator(_storable)]
