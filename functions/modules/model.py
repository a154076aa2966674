"""Modules as a tenant sees them: the face, and what the tenant has set."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from contracts.modules import ModuleFace, ModuleSetting
from kernel.records import Resource

MASK = "••••••"


class ModuleView(Resource):
    """A module of the catalogue with the tenant's settings; secret values are masked."""

    location: ClassVar[str | None] = "/modules/{name}"

    name: str
    face: ModuleFace
    enabled: bool
    config: dict[str, Any] = Field(description="What was set; what was not set has the default of the schema.")
    version: int = 0


def view(face: ModuleFace, setting: ModuleSetting | None) -> ModuleView:
    """A module for people."""
    config = setting.config if setting else {}
    secrets = face.secret_fields()
    return ModuleView(
        name=face.name,
        face=face,
        enabled=setting.enabled if setting else True,
        config={name: MASK if name in secrets else value for name, value in config.items()},
        version=setting.version if setting else 0,
    )
