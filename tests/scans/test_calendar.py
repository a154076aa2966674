"""When a scan may run: windows over midnight and over changes of the clock, and blackouts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from functions.scans.calendar import WEEK, Blackout, Calendar, Window, occasions
from functions.scans.errors import MalformedCalendar, UnknownTimezone


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NIGHTS = Calendar(windows=(Window(days=("mon", "tue"), opens="22:00", closes="02:00"),), timezone="Europe/Zurich")


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-01-05T20:59", "2026-01-05T21:00"),  # a Monday, 21:59 in Zürich
        ("2026-01-05T21:00", None),
        ("2026-01-06T00:59", None),  # Tuesday, before two in the morning
        ("2026-01-06T01:00", "2026-01-06T21:00"),
        ("2026-01-07T01:00", "2026-01-12T21:00"),
    ],
)
def test_a_window_reaches_over_midnight_in_its_own_zone(now: str, opens: str | None) -> None:
    assert NIGHTS.closed_until(at(now)) == (at(opens) if opens else None)


def test_an_open_calendar_says_when_it_closes() -> None:
    assert NIGHTS.closes_at(at("2026-01-05T23:00")) == at("2026-01-06T01:00")
    assert NIGHTS.closes_at(at("2026-01-05T12:00")) is None
    assert Calendar().closes_at(at("2026-01-05T12:00")) is None


def test_days_that_touch_are_one_opening() -> None:
    always = Calendar(windows=(Window(opens="00:00", closes="00:00"),))
    assert always.closed_until(at("2026-03-03T17:00")) is None
    assert always.closes_at(at("2026-03-03T17:00")) is None


def test_a_blackout_closes_what_is_open() -> None:
    holidays = Blackout(begins=at("2026-12-24T00:00"), ends=at("2026-12-27T00:00"), reason="Holidays")
    calendar = Calendar(blackouts=(holidays,))
    assert calendar.closes_at(at("2026-12-23T00:00")) == at("2026-12-24T00:00")
    assert calendar.closed_until(at("2026-12-25T00:00")) == at("2026-12-27T00:00")


def test_a_window_that_the_zone_skips_opens_after_the_gap() -> None:
    """On 2027-03-28 the clocks of Zürich go from 02:00 to 03:00."""
    calendar = Calendar(timezone="Europe/Zurich", windows=(Window(opens="02:30", closes="04:00"),))
    assert calendar.closed_until(at("2027-03-28T00:00")) == at("2027-03-28T01:30")
    assert calendar.closes_at(at("2027-03-28T01:45")) == at("2027-03-28T02:00")


def test_what_makes_no_sense_is_refused_in_words() -> None:
    with pytest.raises(UnknownTimezone, match="Atlantis"):
        Calendar(timezone="Europe/Atlantis")
    with pytest.raises(MalformedCalendar, match="after it begins"):
        Blackout(begins=at("2026-01-02T00:00"), ends=at("2026-01-01T00:00"))
    with pytest.raises(MalformedCalendar, match="offset"):
        Blackout(begins=datetime(2026, 1, 1), ends=datetime(2026, 1, 2))
    with pytest.raises(ValidationError):
        Window(opens="25:00", closes="26:00")
    for_ever = Blackout(begins=at("2026-01-01T00:00"), ends=at("2036-01-01T00:00"))
    with pytest.raises(MalformedCalendar, match="does not open"):
        Calendar(blackouts=(for_ever,)).closed_until(at("2026-02-01T00:00"))


CLOCKS = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from((0, 30)))
WINDOWS = st.builds(
    Window, days=st.lists(st.sampled_from(WEEK), min_size=1, unique=True).map(tuple), opens=CLOCKS, closes=CLOCKS
)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 1)).map(lambda moment: moment.replace(tzinfo=UTC))
BLACKOUTS = st.builds(
    lambda begins, hours: Blackout(begins=begins, ends=begins + timedelta(hours=hours)), MOMENTS, st.integers(1, 99)
)
CALENDARS = st.builds(
    Calendar,
    timezone=st.sampled_from(("UTC", "Europe/Zurich", "America/New_York", "Asia/Kathmandu")),
    windows=st.lists(WINDOWS, max_size=3).map(tuple),
    blackouts=st.lists(BLACKOUTS, max_size=3).map(tuple),
)


@given(CALENDARS, MOMENTS)
def test_it_is_open_from_where_it_says_until_where_it_says(calendar: Calendar, now: datetime) -> None:
    opens = calendar.closed_until(now)
    moment = opens or now
    assert opens is None or opens > now
    assert calendar.closed_until(moment) is None
    assert not any(each.begins <= moment < each.ends for each in calendar.blackouts)
    closes = calendar.closes_at(moment)
    if closes is not None:
        assert closes > moment
        assert calendar.closed_until(closes) is not None
        assert calendar.closed_until(closes - timedelta(microseconds=1)) is None


def test_an_occasion_that_the_zone_skips_is_explained_and_the_next_one_comes() -> None:
    skipped, kept = occasions("30 2 * * *", "Europe/Zurich", at("2027-03-27T12:00"), 2)
    assert (skipped.local, skipped.at) == ("2027-03-28T02:30", None)
    assert "skips" in (skipped.note or "")
    assert (kept.at, kept.note) == ("2027-03-29T00:30:00.000Z", None)


def test_an_occasion_that_the_zone_repeats_is_kept_once() -> None:
    first, second = occasions("30 2 * * *", "Europe/Zurich", at("2026-10-24T12:00"), 2)
    assert (first.at, second.at) == ("2026-10-25T00:30:00.000Z", "2026-10-26T01:30:00.000Z")
    assert "twice" in (first.note or "")


@pytest.mark.parametrize("value", [0.5, 1, True, "0.5", "1767225600", "tomorrow"])
def test_a_time_is_written_as_in_rfc_3339(value: object) -> None:
    with pytest.raises(ValidationError):
        Blackout.model_validate({"begins": value, "ends": "2030-01-01T00:00:00Z"})
