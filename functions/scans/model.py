"""Scans, their profiles and the rules of their life. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import Field

from contracts.scans import ENDED, Budget, Politeness, ScanBrief, ScanStatus
from contracts.scope import Scope
from functions.scans.calendar import Calendar
from functions.scans.errors import WrongState
from kernel import clock
from kernel.records import Hidden, Record

ACTIVE = frozenset({ScanStatus.QUEUED, ScanStatus.RUNNING, ScanStatus.PAUSING, ScanStatus.STOPPING})
PATIENCE = timedelta(hours=1)
"""A wave that has been asked to stop is closed, reduced and told long before, all repeats included."""
TICK = timedelta(milliseconds=1)
"""What a time that is written down is precise to."""
MAX_ROUNDS = 250
"""Waves and pauses of one execution."""


class Scan(ScanBrief):
    """One scan: what was asked, how it stands, and how much it has done."""

    location: ClassVar[str | None] = "/scans/{scan_id}"

    created_by: str = ""
    schedule_id: str | None = None
    calendar: Calendar | None = None
    resumes_at: str | None = Field(default=None, description="When a scan that rests by its calendar goes on.")
    unbound_until: Hidden[str | None] = None
    """Until when somebody lets it run although its calendar is closed: until that opens."""
    execution: Hidden[str] = ""
    rounds: Hidden[int] = 0
    resume_token: Hidden[str | None] = None
    paused_at: Hidden[str | None] = None
    paused_seconds: Hidden[float] = 0.0
    stop_asked_at: Hidden[str | None] = None

    def start(self) -> None:
        """Queue the scan. Raises WrongState unless it is new."""
        self._demand("started", ScanStatus.CREATED)
        self.status = ScanStatus.QUEUED

    def pause(self) -> None:
        """Ask the scan to park; one that rests by its calendar rests from now on until somebody resumes it. Raises
        WrongState unless it runs, waits, or rests by its calendar."""
        if self.rests_by_calendar:
            self.resumes_at = self.reason = None
            return
        self._demand("paused", ScanStatus.QUEUED, ScanStatus.RUNNING)
        self.status, self.unbound_until = ScanStatus.PAUSING, None

    def resume(self, *, despite_calendar: bool = False) -> None:
        """Let a scan go on: when its calendar is open, or, if somebody wishes, `despite_calendar` until that opens.
        Raises WrongState unless it is paused, rests, or is about to."""
        self._demand("resumed", ScanStatus.PAUSED, ScanStatus.PAUSING)
        self._end_pause()
        self.resumes_at = self.reason = None
        self.status = ScanStatus.RUNNING if self.started_at else ScanStatus.QUEUED
        opens = self.closed_until()
        if opens and despite_calendar:
            self.unbound_until = clock.timestamp(opens + TICK)
        elif opens:
            self.reason = _outside(clock.timestamp(opens))

    def stop(self) -> None:
        """Ask the scan to end. Raises WrongState when it has ended or is ending. One that was asked to long ago, and
        has nobody to run it any more, ends by itself."""
        if self.is_abandoned:
            self.end(ScanStatus.STOPPED, "Stopped by a user; nobody ran it any more.")
            return
        self._demand("stopped", ScanStatus.CREATED, ScanStatus.PAUSED, *(ACTIVE - {ScanStatus.STOPPING}))
        self._end_pause()
        self.stop_asked_at = clock.timestamp()
        self.status = ScanStatus.STOPPED if self.status is ScanStatus.CREATED else ScanStatus.STOPPING
        if self.status is ScanStatus.STOPPED:
            self.finished_at = clock.timestamp()

    def begin(self) -> None:
        """The first wave begins."""
        self.status = ScanStatus.RUNNING
        self.started_at = clock.timestamp()

    def park(self, resumes_at: datetime | None = None) -> None:
        """The scan has come to rest; by its calendar, until that opens."""
        self.status, self.paused_at = ScanStatus.PAUSED, clock.timestamp()
        self.resumes_at = clock.timestamp(resumes_at) if resumes_at else None
        self.reason = _outside(self.resumes_at) if self.resumes_at else None
        self.rounds += 1

    def closed_until(self) -> datetime | None:
        """When its calendar opens; None while it may run."""
        return self.calendar.closed_until(self._on_calendar()) if self.calendar else None

    def _on_calendar(self) -> datetime:
        """The time at which the calendar is looked at: now, or when it opens while somebody lets the scan run
        although it is closed."""
        return max(clock.now(), clock.parse(self.unbound_until)) if self.unbound_until else clock.now()

    def set_end(self) -> None:
        """Say when running batches hand over: when the minutes are used up, or the calendar closes."""
        if self.started_at is None:
            return
        minutes = timedelta(seconds=self.budget.minutes * 60 + self.paused_seconds)
        ends = [clock.parse(self.started_at) + minutes]
        closes = self.calendar.closes_at(self._on_calendar()) if self.calendar else None
        self.ends_at = clock.timestamp(min([*ends, closes] if closes else ends))

    @property
    def is_resting(self) -> bool:
        """Whether it is parked, and nobody has asked it to go on or to end."""
        return self.status is ScanStatus.PAUSED

    @property
    def rests_by_calendar(self) -> bool:
        """Whether it is parked until its calendar opens."""
        return self.is_resting and self.resumes_at is not None

    @property
    def is_abandoned(self) -> bool:
        """Whether it was to stop longer ago than any wave lasts: its execution is gone."""
        asked = self.stop_asked_at or self.started_at or self.created_at
        return self.status is ScanStatus.STOPPING and clock.now() - clock.parse(asked) > PATIENCE

    @property
    def is_long(self) -> bool:
        """Whether another execution has to go on: Step Functions keeps 25,000 events of one, and a wave has fifty."""
        return self.rounds >= MAX_ROUNDS

    def hand_over(self) -> None:
        """From here on another execution runs the scan."""
        part = int(self.execution.rpartition("-")[2]) + 1 if self.execution else 2
        self.execution, self.rounds = f"{self.scan_id}-{part}", 0

    def end(self, status: ScanStatus, reason: str | None = None) -> None:
        """The scan's last word. The token stays: an execution that is still parked must be woken to end, too."""
        self.status, self.reason = status, reason
        self.finished_at = clock.timestamp()

    def demand_removable(self) -> None:
        """Raises WrongState while deleting the scan would pull the ground from under it."""
        self._demand("deleted", ScanStatus.CREATED, *ENDED)

    def demand_ended(self, wish: str) -> None:
        """Raises WrongState while the scan may still find something."""
        self._demand(wish, *ENDED)

    def spent(self) -> str | None:
        """Which budget is used up, in words; None while none is."""
        limits = (
            (self.tally.tasks, self.budget.tasks, "tasks"),
            (self.tally.observations, self.budget.observations, "observations"),
            (self.tally.packets, self.budget.packets, "packets"),
            (self.tally.bytes, self.budget.bytes, "bytes"),
            (self.tally.dollars, self.budget.dollars, "dollars"),
            (self.active_minutes(), self.budget.minutes, "minutes"),
        )
        for used, limit, unit in limits:
            if used >= limit:
                return f"The budget of {limit:g} {unit} is used up."
        return None

    def active_minutes(self) -> float:
        """How long the scan has run, without its pauses."""
        if self.started_at is None:
            return 0.0
        elapsed = (clock.now() - clock.parse(self.started_at)).total_seconds()
        return (elapsed - self.paused_seconds) / 60

    def _end_pause(self) -> None:
        if self.paused_at is not None:
            self.paused_seconds += (clock.now() - clock.parse(self.paused_at)).total_seconds()
            self.paused_at = None

    def _demand(self, done: str, *allowed: ScanStatus) -> None:
        if self.status not in allowed:
            raise WrongState(f"The scan is {self.status.value} and cannot be {done}.")


def _outside(opens: str) -> str:
    return f"Outside its calendar; it goes on at {opens}."


class Queue(Record, pk="TENANT#{tenant_id}#SCANS", sk="QUEUE"):
    """Whose turn it is: a tenant's scans that run, as many at once as its plan allows, and those that wait, oldest
    first (ids sort by age, in whatever order their events come). `admitted` are those that run but whose execution
    may not have been started yet."""

    running: list[str] = Field(default_factory=list)
    waiting: list[str] = Field(default_factory=list)
    admitted: list[str] = Field(default_factory=list)

    def enter(self, scan_id: str) -> None:
        """A scan wants to run."""
        if scan_id not in self.running and scan_id not in self.waiting:
            self.waiting = sorted([*self.waiting, scan_id])

    def leave(self, scan_id: str) -> None:
        """A scan rests or has ended."""
        self.running = [each for each in self.running if each != scan_id]
        self.waiting = [each for each in self.waiting if each != scan_id]

    def hurry(self, scan_id: str) -> None:
        """A scan that waits runs at once: it is to stop or to pause, which its execution does."""
        if scan_id in self.waiting:
            self.waiting.remove(scan_id)
            self._admit(scan_id)

    def rejoin(self, scan_id: str) -> None:
        """A scan that rested goes on at once, whatever the limit: it has its execution."""
        if scan_id not in self.running:
            self.waiting = [each for each in self.waiting if each != scan_id]
            self.running = sorted([*self.running, scan_id])

    def fill(self, at_once: int) -> None:
        """Admit whoever waits, while there is room."""
        while self.waiting and len(self.running) < at_once:
            self._admit(self.waiting.pop(0))

    def started(self, scan_ids: list[str]) -> None:
        """These have their executions."""
        self.admitted = [each for each in self.admitted if each not in scan_ids]

    def _admit(self, scan_id: str) -> None:
        self.running = sorted([*self.running, scan_id])
        self.admitted.append(scan_id)


class ApprovedTarget(Record, pk="TENANT#{tenant_id}#TARGETS", sk="TARGET#{target_id}"):
    """A host, domain or network that a tenant may scan actively, and how it showed that."""

    location: ClassVar[str | None] = "/targets/{target_id}"

    target_id: str
    pattern: str
    method: str
    approved: bool = False
    challenge: str = Field(description="The text that proves ownership: in the DNS TXT record or the well-known file.")
    statement: str | None = None
    created_by: str
    created_at: str


class Schedule(Record, pk="TENANT#{tenant_id}#SCHEDULES", sk="SCHEDULE#{schedule_id}"):
    """A scan that recurs."""

    location: ClassVar[str | None] = "/schedules/{schedule_id}"

    schedule_id: str
    name: str
    cron: str
    timezone: str
    targets: tuple[str, ...]
    profile: str
    modules: tuple[str, ...] | None = None
    scope: Scope = Scope()
    budget: Budget = Budget()
    politeness: Politeness | None = None
    team_id: str | None = None
    calendar: Calendar | None = None
    enabled: bool = True
    created_by: str
    created_at: str
    last_scan_id: str | None = None
