"""What callers send to the collection API, and what they get of their own modules."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from contracts.collection import OwnModule
from kernel.records import Resource

MAX_TEMPLATE = 60_000


class RegisterTemplate(BaseModel):
    """A template, as YAML."""

    model_config = ConfigDict(extra="forbid")

    template: Annotated[str, Field(min_length=1, max_length=MAX_TEMPLATE)]


class RollBack(BaseModel):
    """The version to go back to."""

    model_config = ConfigDict(extra="forbid")

    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]


class OwnModuleView(Resource):
    """A module of the organisation's own with the text of one version."""

    module: OwnModule
    number: str
    text: str
