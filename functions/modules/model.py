"""Modules as a tenant sees them: the face, and what the tenant has set."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any, ClassVar

from pydantic import BaseModel, Field

from contracts.collection import ModuleStint
from contracts.modules import ModuleFace, ModuleSetting
from kernel.records import Record, Resource

MASK = "••••••"


class ModuleView(Resource):
    """A module of the catalogue, or of the tenant's own, with the tenant's settings; secret values are masked."""

    location: ClassVar[str | None] = "/modules/{name}"

    name: str
    face: ModuleFace
    enabled: bool
    config: dict[str, Any] = Field(description="What was set; what was not set has the default of the schema.")
    own: bool = Field(default=False, description="Written by the organisation; its versions are under /templates.")
    version: int = 0


class ModuleStats(Record, pk="TENANT#{tenant_id}#MODULES", sk="STATS#{name}#{day}#{number}"):
    """What one version of a module did on one day (UTC). `durations` count its tasks by the time they took: up to
    10 ms, 20 ms, 40 ms and so on."""

    name: str
    day: str
    number: str
    scans: int = 0
    tasks: int = 0
    observations: int = 0
    found_first: int = 0
    errors: int = 0
    seconds: float = 0.0
    packets: int = 0
    durations: list[int] = Field(default_factory=list)

    def add(self, stint: ModuleStint) -> None:
        """Take in what it did in one scan."""
        self.scans += 1
        self.tasks += stint.tasks
        self.observations += stint.observations
        self.found_first += stint.found_first
        self.errors += stint.errors
        self.seconds = round(self.seconds + stint.seconds, 3)
        self.packets += stint.packets
        self.durations = [sum(pair) for pair in zip_longest(self.durations, stint.durations, fillvalue=0)]


class Figures(BaseModel):
    """What a module did. `yield_per_task` is observations for each task, `error_rate` errors for each; times are of one
    task, rounded up to the class they fall into (10 ms, 20 ms, 40 ms …)."""

    scans: int
    tasks: int
    observations: int
    found_first: int = Field(description="Facts that it was the first to find in their scans.")
    errors: int
    seconds: float
    packets: int
    yield_per_task: float
    error_rate: float
    p50_seconds: float | None
    p95_seconds: float | None


class DayFigures(Figures):
    """The same of one day and version."""

    day: str
    version: str


class Analytics(Resource):
    """How a module works for the organisation: all together, by version, and day by day."""

    name: str
    days: int
    total: Figures
    by_version: dict[str, Figures]
    by_day: list[DayFigures]


def analyse(name: str, days: int, kept: Sequence[ModuleStats]) -> Analytics:
    """The figures of some days."""
    versions = sorted({each.number for each in kept})
    return Analytics(
        name=name,
        days=days,
        total=figures(kept),
        by_version={number: figures([each for each in kept if each.number == number]) for number in versions},
        by_day=[DayFigures(day=e.day, version=e.number, **figures([e]).model_dump()) for e in kept],
    )


def figures(kept: Sequence[ModuleStats]) -> Figures:
    """Several days as one."""
    tasks = sum(each.tasks for each in kept)
    found, errors = sum(each.observations for each in kept), sum(each.errors for each in kept)
    durations = [sum(counts) for counts in zip_longest(*(each.durations for each in kept), fillvalue=0)]
    return Figures(
        scans=sum(each.scans for each in kept),
        tasks=tasks,
        observations=found,
        found_first=sum(each.found_first for each in kept),
        errors=errors,
        seconds=round(sum(each.seconds for each in kept), 3),
        packets=sum(each.packets for each in kept),
        yield_per_task=round(found / tasks, 3) if tasks else 0.0,
        error_rate=round(errors / tasks, 4) if tasks else 0.0,
        p50_seconds=quantile(durations, 0.5),
        p95_seconds=quantile(durations, 0.95),
    )


def quantile(durations: Sequence[int], share: float) -> float | None:
    """The upper bound, in seconds, of the class in which a share of the tasks is reached."""
    wanted, seen = sum(durations) * share, 0
    for number, count in enumerate(durations):
        seen += count
        if count and seen >= wanted:
            return 0.01 * 2.0**number
    return None


def view(face: ModuleFace, setting: ModuleSetting | None, *, own: bool = False) -> ModuleView:
    """A module for people."""
    config = setting.config if setting else {}
    secrets = face.secret_fields()
    return ModuleView(
        name=face.name,
        face=face,
        enabled=setting.enabled if setting else True,
        own=own,
        config={name: MASK if name in secrets else value for name, value in config.items()},
        version=setting.version if setting else 0,
    )
