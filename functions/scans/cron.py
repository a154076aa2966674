"""Cron expressions of five fields, in the words of EventBridge Scheduler. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import pairwise

from cronsim import CronSim

EVERY_DAY = frozenset(range(1, 32))
EVERY_WEEKDAY = frozenset(range(7))


def to_scheduler_cron(expression: str) -> str:
    """The same times in the six-field form of EventBridge Scheduler.

    It counts weekdays from 1 = Sunday, wants `?` in one of the two day fields, and reads names and steps otherwise
    than cron: so every field is written out as numbers. Raises cronsim's CronSimError for what is not cron, and
    ValueError for what Scheduler cannot say.
    """
    cron = CronSim(expression, datetime.now(UTC))
    minutes, hours = _numbers(cron.minutes, range(60)), _numbers(cron.hours, range(24))
    day, weekday = _days(cron)
    return f"cron({minutes} {hours} {day} {_numbers(cron.months, range(1, 13))} {weekday} *)"


def _days(cron: CronSim) -> tuple[str, str]:
    """The two day fields. Scheduler takes one of them; cron joins them by "and" where one begins with a star, else
    by "or"."""
    weekdays = {each if isinstance(each, tuple) else each % 7 for each in cron.weekdays}
    any_day, any_weekday = cron.days == EVERY_DAY, weekdays == EVERY_WEEKDAY
    if not any_day and not any_weekday:
        raise ValueError("Set the day of the month or the weekday, not both.")
    if (any_day and any_weekday) or not cron.day_and:
        return "*", "?"
    return ("?", _weekdays(weekdays)) if any_day else (_month_days(cron.days), "?")


def _month_days(days: set[int]) -> str:
    special = {CronSim.LAST: "L", CronSim.LAST_WEEKDAY: "LW"}
    if days.isdisjoint(special):
        return _numbers(days, range(1, 32))
    if len(days) > 1:
        raise ValueError("L and LW stand alone in the day of the month.")
    return special[days.copy().pop()]


def _weekdays(weekdays: set[int | tuple[int, int]]) -> str:
    plain = [each + 1 for each in weekdays if isinstance(each, int)]
    if len(plain) == len(weekdays):
        return _numbers(plain, range(1, 8))
    if len(weekdays) > 1:
        raise ValueError("A weekday with # or L stands alone.")
    ((weekday, occurrence),) = (each for each in weekdays if isinstance(each, tuple))
    number = weekday % 7 + 1
    return f"{number}L" if occurrence == CronSim.LAST else f"{number}#{occurrence}"


def _numbers(values: Iterable[int], whole: range) -> str:
    """Numbers as lists and ranges; `*` for all there are."""
    ordered = sorted(values)
    if ordered == list(whole):
        return "*"
    starts = [ordered[0], *(after for before, after in pairwise(ordered) if after > before + 1)]
    ends = [*(before for before, after in pairwise(ordered) if after > before + 1), ordered[-1]]
    return ",".join(str(start) if start == end else f"{start}-{end}" for start, end in zip(starts, ends, strict=True))
