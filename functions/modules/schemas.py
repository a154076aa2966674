"""What callers send to the modules API."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from contracts.modules import CostClass
from contracts.observations import Invasiveness, ObservationType
from functions.modules.model import ModuleView
from kernel.attributes import to_attribute

MAX_BYTES = 32_768


def _storable(config: dict[str, Any]) -> dict[str, Any]:
    to_attribute(config)
    if len(json.dumps(config, ensure_ascii=False).encode()) > MAX_BYTES:
        raise ValueError(f"a configuration has at most {MAX_BYTES:,} bytes")
    return config


class ModuleParameters(BaseModel):
    """Which modules are asked for; what is absent asks nothing."""

    q: Annotated[str, Field(max_length=100, description="A part of the name or the summary, in any case.")] = ""
    consumes: ObservationType | None = None
    produces: ObservationType | None = None
    invasiveness: Invasiveness | None = None
    cost_class: CostClass | None = None
    enabled: bool | None = None
    own: bool | None = None

    def fits(self, module: ModuleView) -> bool:
        """Whether a module is asked for."""
        face = module.face
        return (
            self.q.lower() in f"{face.name} {face.summary}".lower()
            and (self.consumes is None or self.consumes in face.consumes)
            and (self.produces is None or self.produces in face.produces)
            and self.invasiveness in (None, face.invasiveness)
            and self.cost_class in (None, face.cost_class)
            and self.enabled in (None, module.enabled)
            and self.own in (None, module.own)
        )


class Configure(BaseModel):
    """A module's configuration, by the module's own schema. A secret that is sent masked stays as it is."""

    model_config = ConfigDict(extra="forbid")

    config: Annotated[dict[str, Any], Field(max_length=50), AfterValidator(_storable)]
