"""Scans publish their life as events, and a brief that the contexts behind a scan may read."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from contracts.scope import Scope
from kernel.errors import Invalid
from kernel.events import Event
from kernel.records import Hidden, Record


class ScanStatus(StrEnum):
    """Where a scan stands."""

    CREATED = "created"
    QUEUED = "queued"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FINISHED = "finished"
    FAILED = "failed"


ENDED = frozenset({ScanStatus.STOPPED, ScanStatus.FINISHED, ScanStatus.FAILED})


class Tally(BaseModel):
    """How much a scan has done so far."""

    model_config = ConfigDict(frozen=True)

    waves: int = 0
    tasks: int = 0
    observations: int = 0
    entities: int = 0
    findings: int = 0
    errors: int = 0
    packets: int = 0
    bytes: int = 0
    dollars: float = 0.0
    seconds: float = Field(default=0.0, description="How long it ran, without its pauses.")


class Budget(BaseModel):
    """What a scan may use before it ends by itself and says so. Packets are estimated from what is sent and received,
    dollars from list prices (see `functions.collection.spending`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    minutes: Annotated[float, Field(le=10_080, json_schema_extra={"exclusiveMinimum": 0})] = 240
    tasks: Annotated[int, Field(le=10_000_000, json_schema_extra={"exclusiveMinimum": 0})] = 1_000_000
    observations: Annotated[int, Field(le=10_000_000, json_schema_extra={"exclusiveMinimum": 0})] = 1_000_000
    packets: Annotated[int, Field(le=10**11, json_schema_extra={"exclusiveMinimum": 0})] = 10**9
    bytes: Annotated[int, Field(le=10**14, json_schema_extra={"exclusiveMinimum": 0})] = 10**12
    dollars: Annotated[float, Field(le=100_000, json_schema_extra={"exclusiveMinimum": 0})] = 50.0

    @field_validator("*")
    @classmethod
    def _above_zero(cls, value: float) -> float:
        if not value > 0:
            raise EmptyBudget(errors=[{"pointer": "/budget", "detail": "Each limit must be above zero."}])
        return value


class Politeness(BaseModel):
    """How a scan treats one host."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    requests_per_second: float | None = Field(
        default=None, ge=0.01, le=10_000, description="Of all workers together; absent: as fast as the host answers."
    )
    concurrency: int = Field(default=10, ge=1, le=200, description="Web requests in flight, of one worker.")
    connections: int = Field(default=50, ge=1, le=1000, description="Connection attempts in flight, of one worker.")
    in_flight: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="Web requests and connection attempts in flight, of all workers of the scan together; absent: as "
        "many as each worker may have. Fewer than there are workers make fewer work at once.",
    )
    respect_robots: bool = Field(default=False, description="Leave out what robots.txt (RFC 9309) forbids.")
    retries: int = Field(default=2, ge=0, le=5, description="Further attempts when a host is overloaded or silent.")


class EmptyBudget(Invalid):
    """A budget of zero or less would run nothing."""

    slug, title = "empty-budget", "A budget must be above zero"


class ScanBrief(Record, pk="TENANT#{tenant_id}#SCANS", sk="SCAN#{scan_id}"):
    """What collection and intelligence need to know of a scan; the item itself belongs to the scans context."""

    scan_id: str
    name: str
    team_id: str | None = Field(default=None, description="The team that sees it; absent: everybody.")
    status: ScanStatus
    targets: tuple[str, ...]
    scope: Scope = Scope()
    modules: dict[str, str] = Field(default_factory=dict, description="Module name to pinned version.")
    module_configs: Hidden[dict[str, dict[str, Any]]] = Field(default_factory=dict)
    pace: float = Field(default=1.0, description="Share of each module's rate and concurrency that is used.")
    profile: str = ""
    politeness: Politeness = Politeness()
    baseline_id: str | None = Field(default=None, description="The earlier scan whose unchanged results it takes over.")
    fresh_minutes: int = Field(
        default=0, description="Tasks that the earlier scan did within so long are not repeated."
    )
    budget: Budget = Budget()
    ends_at: Hidden[str | None] = Field(default=None, description="When running batches hand over, at the latest.")
    tally: Tally = Tally()
    reason: str | None = Field(default=None, description="Why the scan rests, or ended before all was done.")
    wave: int = 0
    created_at: str
    started_at: str | None = None
    finished_at: str | None = None


class ScanCreated(Event, context="scans"):
    """A scan was defined."""

    scan_id: str
    name: str
    targets: list[str]
    profile: str


class ScanQueued(Event, context="scans"):
    """A scan shall run."""

    scan_id: str
    name: str


class ScanStarted(Event, context="scans"):
    """A scan's first wave began."""

    scan_id: str
    name: str


class ScanProgressed(Event, context="scans"):
    """A wave was committed."""

    scan_id: str
    name: str
    wave: int
    tally: Tally


class ScanPauseRequested(Event, context="scans"):
    """A scan shall park."""

    scan_id: str
    name: str
    wave: int = Field(default=0, description="The wave that it had got to.")


class ScanStopRequested(Event, context="scans"):
    """A scan shall end; `parked` says that it must be woken for that."""

    scan_id: str
    name: str
    parked: bool
    wave: int = Field(default=0, description="The wave that it had got to.")


class ScanPaused(Event, context="scans"):
    """A scan is parked; it costs nothing until it is resumed, or until its calendar opens (`resumes_at`)."""

    scan_id: str
    name: str
    resumes_at: str | None = None
    wave: int = Field(default=0, description="The wave that it had got to.")


class ScanContinued(Event, context="scans"):
    """A scan's execution has grown long: another one goes on where it stands."""

    scan_id: str
    name: str
    execution: str


class ScanResumed(Event, context="scans"):
    """A parked scan shall go on; `despite_calendar`, although that is closed."""

    scan_id: str
    name: str
    despite_calendar: bool = False
    wave: int = Field(default=0, description="The wave that it had got to.")


class ScanEnded(Event, context="scans"):
    """A scan finished, was stopped, or failed; `reason` says why when it is not that all was done."""

    scan_id: str
    name: str
    status: ScanStatus
    reason: str | None = None
    tally: Tally
    created_by: str = ""
    team_id: str | None = Field(default=None, description="The team that alone sees the scan; absent: everybody.")


class ScanDeleted(Event, context="scans"):
    """A scan and all it found are to be removed."""

    scan_id: str
    name: str


class TargetApproved(Event, context="scans"):
    """A tenant has shown, or attested, that it may scan a target."""

    target_id: str
    pattern: str
    method: str


class TargetRevoked(Event, context="scans"):
    """A tenant may no longer scan a target actively."""

    target_id: str
    pattern: str


class ScheduleChanged(Event, context="scans"):
    """A recurring scan was set up or changed."""

    schedule_id: str
    name: str
    cron: str
    timezone: str


class ScheduleDeleted(Event, context="scans"):
    """A recurring scan was removed."""

    schedule_id: str
    name: str


class ScanProfileChanged(Event, context="scans"):
    """A tenant made or replaced a profile of its own."""

    name: str
    summary: str


class ScanProfileDeleted(Event, context="scans"):
    """A tenant's own profile was removed."""

    name: str
