"""Scans that rest by their calendars: woken, paused, resumed and stopped like any other."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import time_machine

from contracts.scans import Budget, ScanStatus
from functions.scans import schedule
from functions.scans.calendar import Blackout, Calendar, Window
from functions.scans.errors import WrongState
from functions.scans.gateways import alarm
from functions.scans.service import admission, execution, scans
from functions.scans.service.execution import WaveReport
from functions.scans.store import Store
from kernel.actor import Actor
from tests.kit import actor
from tests.memory_table import events_in, memory_table
from tests.scans.test_admission import Machine, queued

OFFICE = Calendar(windows=(Window(opens="08:00", closes="18:00"),))


def test_a_scan_rests_outside_its_calendar_and_is_woken_when_that_opens() -> None:
    table, who = memory_table(), actor()
    store = Store(table)
    with time_machine.travel("2026-05-04T17:30:00Z", tick=False):
        scan_id = queued(store, who, calendar=OFFICE, budget=Budget(minutes=600)).scan_id
        assert execution.gate(store, who, scan_id, None).next == "wave"
        assert store.scan(who, scan_id).ends_at == "2026-05-04T18:00:00.000Z"
    with time_machine.travel("2026-05-04T18:00:01Z", tick=False):
        assert execution.gate(store, who, scan_id, WaveReport(0, 5)).next == "park"
        scan = store.scan(who, scan_id)
        assert (scan.status, scan.resumes_at) == (ScanStatus.PAUSED, "2026-05-05T08:00:00.000Z")
        assert "2026-05-05T08:00" in (scan.reason or "")
        told = [event.event() for event in events_in(table) if event.type == "ScanPaused.v1"]
        assert [getattr(event, "resumes_at", None) for event in told] == ["2026-05-05T08:00:00.000Z"]
    with time_machine.travel("2026-05-05T08:00:00Z", tick=False):
        scans.wake_up(store, who, scan_id, "2026-05-04T08:00:00.000Z")  # an alarm of a rest that is over
        assert store.scan(who, scan_id).status is ScanStatus.PAUSED
        scans.wake_up(store, who, scan_id, "2026-05-05T08:00:00.000Z")
        scan = store.scan(who, scan_id)
        assert (scan.status, scan.resumes_at, scan.reason) == (ScanStatus.RUNNING, None, None)
        assert execution.gate(store, who, scan_id, WaveReport(0, 5)).next == "wave"


def test_a_scan_that_is_queued_outside_its_calendar_waits_for_it() -> None:
    store, who = Store(memory_table()), actor()
    with time_machine.travel("2026-05-04T03:00:00Z", tick=False):
        scan_id = queued(store, who, calendar=OFFICE).scan_id
        assert execution.gate(store, who, scan_id, None).next == "park"
        assert store.scan(who, scan_id).resumes_at == "2026-05-04T08:00:00.000Z"


def resting(store: Store, who: Actor) -> str:
    """A scan that has done a wave and rests by its calendar."""
    scan_id = queued(store, who, calendar=OFFICE, budget=Budget(minutes=6000)).scan_id
    with time_machine.travel("2026-05-04T17:30:00Z", tick=False):
        execution.gate(store, who, scan_id, None)
    with time_machine.travel("2026-05-04T18:00:01Z", tick=False):
        assert execution.gate(store, who, scan_id, WaveReport(0, 5)).next == "park"
        execution.park(store, Machine(), who, scan_id, "token")
    return scan_id


def test_a_scan_that_rests_by_its_calendar_can_be_paused_and_is_no_longer_woken_by_it() -> None:
    table, who, machine = memory_table(), actor(), Machine()
    store = Store(table)
    scan_id = resting(store, who)
    with time_machine.travel("2026-05-04T20:00:00Z", tick=False):
        scan = scans.pause_scan(store, who, scan_id)
        assert (scan.status, scan.resumes_at, scan.reason) == (ScanStatus.PAUSED, None, None)
        with pytest.raises(WrongState):
            scans.pause_scan(store, who, scan_id)
    told = [event.type for event in events_in(table)]
    assert (told.count("ScanPauseRequested.v1"), told.count("ScanPaused.v1")) == (1, 2)
    with time_machine.travel("2026-05-05T08:00:10Z", tick=False):
        scans.wake_up(store, who, scan_id, "2026-05-05T08:00:00.000Z")
        assert store.scan(who, scan_id).status is ScanStatus.PAUSED
        scans.resume_scan(store, who, scan_id)
        admission.rejoin(store, machine, who, scan_id)
        assert machine.woken == ["token"]
        assert execution.gate(store, who, scan_id, None).next == "wave"
        assert store.scan(who, scan_id).active_minutes() == pytest.approx(30 + 1 / 60)


def test_a_scan_that_is_resumed_outside_its_calendar_rests_until_that_opens() -> None:
    store, who = Store(memory_table()), actor()
    scan_id = resting(store, who)
    with time_machine.travel("2026-05-04T20:00:00Z", tick=False):
        scans.pause_scan(store, who, scan_id)
        resumed = scans.resume_scan(store, who, scan_id)
        assert resumed.reason == "Outside its calendar; it goes on at 2026-05-05T08:00:00.000Z."
        assert execution.gate(store, who, scan_id, None).next == "park"
        assert store.scan(who, scan_id).resumes_at == "2026-05-05T08:00:00.000Z"


def test_a_scan_goes_on_despite_its_calendar_when_somebody_wishes() -> None:
    table, who = memory_table(), actor()
    store = Store(table)
    scan_id = resting(store, who)
    with time_machine.travel("2026-05-04T20:00:00Z", tick=False):
        scans.resume_scan(store, who, scan_id, despite_calendar=True)
        assert execution.gate(store, who, scan_id, None).next == "wave"
        assert store.scan(who, scan_id).ends_at == "2026-05-05T18:00:00.000Z"
        assert execution.gate(store, who, scan_id, WaveReport(1, 5)).next == "wave"
        (told,) = [event.event() for event in events_in(table) if event.type == "ScanResumed.v1"]
        assert getattr(told, "despite_calendar", None) is True
    with time_machine.travel("2026-05-05T18:00:00Z", tick=False):  # the wish was for that rest only
        assert execution.gate(store, who, scan_id, WaveReport(2, 5)).next == "park"


def test_the_calendar_may_open_between_two_ticks() -> None:
    ends = datetime.fromisoformat("2026-05-04T20:00:00.123456Z")
    closed = Calendar(blackouts=(Blackout(begins=ends - timedelta(hours=9), ends=ends),))
    store, who = Store(memory_table()), actor()
    scan_id = queued(store, who, calendar=closed).scan_id
    with time_machine.travel("2026-05-04T18:00:00Z", tick=False):
        assert execution.gate(store, who, scan_id, None).next == "park"
        scans.resume_scan(store, who, scan_id, despite_calendar=True)
        assert execution.gate(store, who, scan_id, None).next == "wave"


def test_a_pause_ends_the_wish_to_go_on_despite_the_calendar() -> None:
    store, who = Store(memory_table()), actor()
    scan_id = resting(store, who)
    with time_machine.travel("2026-05-04T20:00:00Z", tick=False):
        scans.resume_scan(store, who, scan_id, despite_calendar=True)
        execution.gate(store, who, scan_id, None)
        scans.pause_scan(store, who, scan_id)
        assert execution.gate(store, who, scan_id, WaveReport(1, 5)).next == "park"
        scans.resume_scan(store, who, scan_id)
        assert execution.gate(store, who, scan_id, None).next == "park"
        assert store.scan(who, scan_id).resumes_at is not None


def test_a_scan_that_rests_by_its_calendar_can_be_stopped() -> None:
    store, who, machine = Store(memory_table()), actor(), Machine()
    scan_id = resting(store, who)
    with time_machine.travel("2026-05-04T20:00:00Z", tick=False):
        assert scans.stop_scan(store, who, scan_id).status is ScanStatus.STOPPING
        execution.wake(store, machine, who, scan_id)
        assert machine.woken == ["token"]
        assert execution.gate(store, who, scan_id, None).next == "end"
        assert store.scan(who, scan_id).status is ScanStatus.STOPPED
        for command in (scans.pause_scan, scans.resume_scan, scans.stop_scan):
            with pytest.raises(WrongState):
                command(store, who, scan_id)


@pytest.mark.parametrize(
    ("at", "rings"),
    [
        ("2026-05-04T08:00:00.000Z", "2026-05-04T08:00:00"),
        ("2026-05-04T08:00:00.500Z", "2026-05-04T08:00:01"),
        ("2026-05-04T02:59:59.000Z", "2026-05-04T03:00:10"),
    ],
)
def test_an_alarm_rings_neither_too_early_nor_never(at: str, rings: str) -> None:
    with time_machine.travel("2026-05-04T03:00:00Z", tick=False):
        assert alarm(at) == rings


@pytest.mark.usefixtures("cloud")
def test_the_clock_wakes_a_scan_through_its_door() -> None:
    store, who = Store(), actor()
    with time_machine.travel("2026-05-04T03:00:00Z", tick=False):
        scan_id = queued(store, who, calendar=OFFICE).scan_id
        execution.gate(store, who, scan_id, None)
        resumes_at = store.scan(who, scan_id).resumes_at
        schedule.handler({"tenant_id": who.tenant_id, "scan_id": scan_id, "resumes_at": resumes_at}, None)
    assert store.scan(who, scan_id).status is ScanStatus.RUNNING
