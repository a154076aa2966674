"""What callers send to the scans API."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from contracts.scans import Budget, Politeness
from contracts.scope import Scope
from functions.scans.calendar import Calendar
from functions.scans.profiles import PROFILES, ModuleName
from kernel.text import Line

TargetText = Annotated[str, Field(min_length=1, max_length=2048)]


class Body(BaseModel):
    """Base of a command's body: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class CreateScan(Body):
    """A scan to define. Without `modules`, the profile picks them."""

    name: Line
    targets: Annotated[list[TargetText], Field(min_length=1, max_length=1000)]
    profile: Annotated[
        str, Field(max_length=40, examples=list(PROFILES), description="One of the platform's, or one of your own.")
    ] = "quick"
    modules: Annotated[list[ModuleName] | None, Field(min_length=1, max_length=100)] = None
    scope: Scope = Scope()
    budget: Annotated[Budget | None, Field(description="Absent: the profile's, or the platform's.")] = None
    politeness: Annotated[Politeness | None, Field(description="Absent: the profile's.")] = None
    calendar: Annotated[Calendar | None, Field(description="When it may run; absent: always.")] = None
    team_id: Annotated[
        str | None,
        Field(pattern=r"^team_[0-9A-Z]{26}$", description="The team that alone sees the scan; absent: everybody."),
    ] = None


class Rescan(Body):
    """How an ended scan is repeated. What follows from facts that have not changed is taken over from it."""

    name: Annotated[Line | None, Field(description="Absent: the earlier scan's.")] = None
    fresh_minutes: Annotated[
        int, Field(ge=0, le=43_200, description="Tasks that were done within so long are not repeated either.")
    ] = 0
    full: Annotated[bool, Field(description="Do everything anew; the two can still be compared.")] = False


class CreateSchedule(CreateScan):
    """A scan that recurs by a cron expression of five fields, in an IANA time zone."""

    cron: Annotated[str, Field(max_length=100, examples=["30 2 * * 1"])]
    timezone: Annotated[str, Field(max_length=64, examples=["Europe/Zurich"])] = "UTC"


class CreateTarget(Body):
    """A host, a domain (with all below it), an address or a network that the organisation may scan."""

    pattern: Annotated[str, Field(min_length=1, max_length=253, examples=["example.com"])]
    method: Literal["dns_txt", "well_known", "attestation"] = "dns_txt"
    statement: Annotated[
        str | None,
        Field(min_length=20, max_length=2000, description="With `attestation`: who allowed the scan, in your words."),
    ] = None
