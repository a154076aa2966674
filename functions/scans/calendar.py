"""When a scan may run: weekly windows in a time zone, without its blackouts. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from functions.scans.errors import MalformedCalendar, UnknownTimezone
from kernel.clock import timestamp
from kernel.text import Instant, Line

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEK: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ClockTime = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", examples=["22:00"])]
HORIZON_DAYS = 400
"""How far ahead an opening is looked for."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Window(_Part):
    """Hours of some weekdays. One that closes at or before it opens reaches into the next day."""

    days: Annotated[tuple[Weekday, ...], Field(min_length=1, max_length=7)] = WEEK
    opens: ClockTime
    closes: ClockTime


class Blackout(_Part):
    """A time in which nothing runs, whatever the windows say."""

    begins: Instant
    ends: Instant
    reason: Line = "Blackout"

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Blackout:
        if self.begins.tzinfo is None or self.ends.tzinfo is None:
            raise MalformedCalendar("Give the times of a blackout with their offset, such as 2026-12-24T00:00:00Z.")
        if self.ends <= self.begins:
            raise MalformedCalendar("A blackout must end after it begins.")
        return self


class Calendar(_Part):
    """When a scan may run. Without windows it always may, but for the blackouts."""

    timezone: Annotated[str, Field(max_length=64, examples=["Europe/Zurich"])] = "UTC"
    windows: Annotated[tuple[Window, ...], Field(max_length=20)] = ()
    blackouts: Annotated[tuple[Blackout, ...], Field(max_length=100)] = ()

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str) -> str:
        zone(name)
        return name

    def closed_until(self, at: datetime) -> datetime | None:
        """When it opens next, or None while it is open. Raises MalformedCalendar when it never opens again."""
        for opens, closes in self._openings(at):
            if closes > at:
                return opens if opens > at else None
        raise MalformedCalendar(f"The calendar does not open within {HORIZON_DAYS} days.")

    def closes_at(self, at: datetime) -> datetime | None:
        """When the present opening ends; None when none does within the horizon, or it is closed."""
        for opens, closes in self._openings(at):
            if opens <= at < closes:
                return closes if closes < at + timedelta(days=HORIZON_DAYS) else None
        return None

    def _openings(self, at: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Openings that end after `at`, in order, those that touch joined, without the blackouts."""
        joined: tuple[datetime, datetime] | None = None
        for opens, closes in self._windows(at):
            if joined and opens <= joined[1]:
                joined = (joined[0], max(joined[1], closes))
                continue
            if joined:
                yield from self._without_blackouts(*joined)
            joined = (opens, closes)
        if joined:
            yield from self._without_blackouts(*joined)

    def _windows(self, at: datetime) -> Iterator[tuple[datetime, datetime]]:
        if not self.windows:
            yield at - timedelta(days=2), at + timedelta(days=HORIZON_DAYS + 1)
            return
        first = at.astimezone(zone(self.timezone)).date() - timedelta(days=1)
        for number in range(HORIZON_DAYS + 2):
            day = first + timedelta(days=number)
            today = [window for window in self.windows if WEEK[day.weekday()] in window.days]
            yield from sorted(self._on(day, window) for window in today)

    def _on(self, day: date, window: Window) -> tuple[datetime, datetime]:
        """A window of one day. A time that the zone skips counts as the moment after the gap."""
        opens, closes = time.fromisoformat(window.opens), time.fromisoformat(window.closes)
        until = day if closes > opens else day + timedelta(days=1)
        place = zone(self.timezone)
        return (
            datetime.combine(day, opens, place).astimezone(UTC),
            datetime.combine(until, closes, place).astimezone(UTC),
        )

    def _without_blackouts(self, opens: datetime, closes: datetime) -> Iterator[tuple[datetime, datetime]]:
        for blackout in sorted(self.blackouts, key=lambda each: each.begins):
            if blackout.ends <= opens or blackout.begins >= closes:
                continue
            if blackout.begins > opens:
                yield opens, blackout.begins.astimezone(UTC)
            opens = blackout.ends.astimezone(UTC)
        if opens < closes:
            yield opens, closes


class Occasion(BaseModel):
    """A time at which a recurring scan is due. A local time that the zone skips or repeats is explained."""

    local: str
    at: str | None = Field(description="The instant; absent when the clock skips the local time.")
    note: str | None = None


@cache
def zone(name: str) -> ZoneInfo:
    """A time zone of the IANA database. Raises UnknownTimezone."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise UnknownTimezone(f"The IANA database has no zone {name!r}.") from None


def occasions(cron: str, timezone: str, after: datetime, count: int) -> list[Occasion]:
    """The next times of a cron expression, as EventBridge Scheduler keeps them: a local time that does not exist is
    skipped, one that exists twice is kept once, at its first instant."""
    from cronsim import CronSim

    place = zone(timezone)
    times = CronSim(cron, after.astimezone(place).replace(tzinfo=None))
    return [_occasion(local, place) for local, _ in zip(times, range(count), strict=False)]


def _occasion(local: datetime, place: ZoneInfo) -> Occasion:
    first = local.replace(tzinfo=place)
    instant = first.astimezone(UTC)
    words = local.isoformat(timespec="minutes")
    if instant.astimezone(place).replace(tzinfo=None) != local:
        return Occasion(local=words, at=None, note=f"{place.key} skips this time that day: the run is left out.")
    if local.replace(tzinfo=place, fold=1).utcoffset() != first.utcoffset():
        return Occasion(local=words, at=timestamp(instant), note=f"{place.key} has this time twice: it runs once.")
    return Occasion(local=words, at=timestamp(instant))
