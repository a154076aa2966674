"""Cron for EventBridge Scheduler: the same times, whatever the expression."""

from __future__ import annotations

import calendar
import re
from datetime import datetime, timedelta

import pytest
from cronsim import CronSim, CronSimError
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from functions.scans.cron import to_scheduler_cron

WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


def due(scheduler: str, at: datetime) -> bool:
    """Whether EventBridge Scheduler fires: read from its documentation, and not from the code."""
    match = re.fullmatch(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) \*\)", scheduler)
    assert match, scheduler
    minute, hour, day, month, weekday = match.groups()
    assert (day == "?") != (weekday == "?"), scheduler
    days = _day_of_month(day, at) if weekday == "?" else _day_of_week(weekday, at)
    return _in(minute, at.minute) and _in(hour, at.hour) and _in(month, at.month) and days


def _in(field: str, value: int) -> bool:
    if field == "*":
        return True
    for part in field.split(","):
        low, _, high = part.partition("-")
        if int(low) <= value <= int(high or low):
            return True
    return False


def _day_of_month(field: str, at: datetime) -> bool:
    last = calendar.monthrange(at.year, at.month)[1]
    if field == "L":
        return at.day == last
    if field == "LW":
        end = datetime(at.year, at.month, last)
        return at.date() == (end - timedelta(days=max(0, end.weekday() - 4))).date()
    return _in(field, at.day)


def _day_of_week(field: str, at: datetime) -> bool:
    number = at.isoweekday() % 7 + 1
    if field.endswith("L"):
        return number == int(field[:-1]) and (at + timedelta(days=7)).month != at.month
    if "#" in field:
        weekday, occurrence = field.split("#")
        return number == int(weekday) and (at.day - 1) // 7 + 1 == int(occurrence)
    return _in(field, number)


def fires(expression: str, at: datetime) -> bool:
    """Whether cron fires."""
    try:
        return next(CronSim(expression, at - timedelta(minutes=1))) == at
    except StopIteration:
        return False


def terms(low: int, high: int, names: tuple[str, ...] = ()) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    plain = number.map(str) | (st.sampled_from(names) if names else st.nothing())
    spans = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    stepped = st.tuples(st.just("*") | spans | plain, st.integers(1, high)).map(_stepped)
    return st.lists(plain | spans | stepped, min_size=1, max_size=3).map(",".join)


def _stepped(pair: tuple[str, int]) -> str:
    return f"{pair[0]}/{pair[1]}"


MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2029, 12, 31)).map(lambda at: at.replace(second=0, microsecond=0))
MINUTES, HOURS, MONTH = terms(0, 59) | st.just("*"), terms(0, 23) | st.just("*"), terms(1, 12, MONTHS) | st.just("*")
MONTH_DAYS = terms(1, 31) | st.sampled_from(["*", "L", "LW"])
WEEK_DAYS = (
    terms(0, 7, WEEKDAYS)
    | st.just("*")
    | st.tuples(st.integers(0, 7), st.integers(1, 5)).map(lambda pair: f"{pair[0]}#{pair[1]}")
    | st.integers(0, 7).map(lambda day: f"{day}L")
)


@settings(max_examples=400)
@given(st.tuples(MINUTES, HOURS, MONTH_DAYS, MONTH, WEEK_DAYS), st.data())
def test_scheduler_fires_when_cron_does(fields: tuple[str, ...], data: st.DataObject) -> None:
    minute, hour, day, month, weekday = fields
    if data.draw(st.booleans()):
        day = "*"
    elif data.draw(st.booleans()):
        weekday = "*"
    expression = f"{minute} {hour} {day} {month} {weekday}"
    try:
        scheduler = to_scheduler_cron(expression)
    except (CronSimError, ValueError):
        assume(False)
    assert len(scheduler) <= 256
    near = data.draw(MOMENTS)
    at = next(CronSim(expression, near), None)
    for moment in filter(None, (near, at, at and at + timedelta(minutes=1), at and at + timedelta(days=1))):
        assert due(scheduler, moment) == fires(expression, moment), (expression, scheduler, moment)


@pytest.mark.parametrize(
    ("cron", "scheduler"),
    [
        ("30 2 * * 1", "cron(30 2 ? * 2 *)"),
        ("0 0 * * 0", "cron(0 0 ? * 1 *)"),
        ("0 0 * * 7", "cron(0 0 ? * 1 *)"),
        ("0 0 * * 1-5", "cron(0 0 ? * 2-6 *)"),
        ("0 0 * * 5-7", "cron(0 0 ? * 1,6-7 *)"),
        ("0 0 * * */2", "cron(0 0 ? * 1,3,5,7 *)"),
        ("0 0 * * mon,wed-fri", "cron(0 0 ? * 2,4-6 *)"),
        ("0 0 * * 1#2", "cron(0 0 ? * 2#2 *)"),
        ("0 0 * * 5L", "cron(0 0 ? * 6L *)"),
        ("*/15 9-17 * * *", "cron(0,15,30,45 9-17 * * ? *)"),
        ("0 0 L feb *", "cron(0 0 L 2 ? *)"),
        ("0 0 LW * *", "cron(0 0 LW * ? *)"),
        ("5/20 * 1,15 * *", "cron(5,25,45 * 1,15 * ? *)"),
        ("0 0 1-31 * 1", "cron(0 0 * * ? *)"),
        ("* * * * *", "cron(* * * * ? *)"),
    ],
)
def test_fields_are_written_out(cron: str, scheduler: str) -> None:
    assert to_scheduler_cron(cron) == scheduler


@pytest.mark.parametrize(
    ("cron", "reason"),
    [
        ("0 0 1 * 1", "not both"),
        ("0 0 */2 * 1", "not both"),
        ("0 0 1,L * *", "stand alone"),
        ("0 0 * * 1#2,3", "stands alone"),
        ("0 0 * * 1L,5L", "stands alone"),
    ],
)
def test_what_scheduler_cannot_say_is_refused(cron: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        to_scheduler_cron(cron)
