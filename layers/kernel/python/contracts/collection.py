"""Collection publishes the modules that tenants write themselves, and what modules did in each scan."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, Field

from contracts.modules import ModuleFace
from kernel.events import Event
from kernel.records import Record


class OwnModule(Record, pk="TENANT#{tenant_id}#TEMPLATES", sk="MODULE#{name}"):
    """A module that a tenant wrote as a template: its present version. It belongs to the collection context; who
    defines scans and who lists modules may read it."""

    location: ClassVar[str | None] = "/templates/{name}"

    name: str
    active: str = Field(description="The version that new scans run.")
    face: ModuleFace
    versions: list[str] = Field(description="Every version, oldest first.")
    updated_by: str
    updated_at: str


class OwnModuleVersion(Record, pk="TENANT#{tenant_id}#TEMPLATES", sk="VERSION#{name}#{number}"):
    """One version of a tenant's own module; it never changes, so that a scan runs what it pinned."""

    name: str
    number: str
    face: ModuleFace
    text: str
    created_by: str
    created_at: str


class OwnModuleChanged(Event, context="collection"):
    """A tenant wrote a module, another version of it, or went back to an earlier one."""

    name: str
    active: str
    before: str | None = None


class OwnModuleDeleted(Event, context="collection"):
    """A tenant's own module was removed."""

    name: str


class ModuleStint(BaseModel):
    """What one version of a module did in one scan. `found_first` are the facts that it was the first to find;
    `durations` count its tasks by how long they took: up to 10 ms, 20 ms, 40 ms and so on."""

    module: str
    version: str
    batches: int
    tasks: int
    observations: int
    found_first: int
    errors: int
    seconds: float
    packets: int
    durations: list[int]


class ModulesRan(Event, context="collection"):
    """A scan has ended: what its modules did."""

    scan_id: str
    stints: list[ModuleStint]
