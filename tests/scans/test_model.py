"""The rules of a scan: what it may spend, how long it ran, which modules a profile picks."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from contracts.modules import CostClass, catalogue
from contracts.observations import Invasiveness
from contracts.scans import Budget, ScanStatus, Tally
from functions.scans.model import Scan
from functions.scans.profiles import PROFILES, WEB_TYPES, choose_modules
from kernel.ids import new_id

NOON = "2026-03-01T12:00:00Z"


def scan(**fields: object) -> Scan:
    known = {
        "tenant_id": new_id("org"),
        "scan_id": new_id("scan"),
        "name": "Site",
        "status": ScanStatus.RUNNING,
        "targets": ("127.0.0.1",),
        "profile": "quick",
        "created_at": "2026-03-01T12:00:00.000Z",
    }
    return Scan.model_validate({**known, **fields})


@pytest.mark.parametrize(
    ("budget", "tally", "reason"),
    [
        ({"tasks": 10}, {"tasks": 9}, None),
        ({"tasks": 10}, {"tasks": 10}, "The budget of 10 tasks is used up."),
        ({"tasks": 10}, {"tasks": 11}, "The budget of 10 tasks is used up."),
        ({"observations": 5}, {"observations": 5}, "The budget of 5 observations is used up."),
        ({"observations": 5}, {"observations": 4}, None),
        ({"tasks": 1, "observations": 1}, {"tasks": 1, "observations": 1}, "The budget of 1 tasks is used up."),
    ],
)
def test_a_budget_that_is_used_up_says_which(budget: dict[str, int], tally: dict[str, int], reason: str | None) -> None:
    assert scan(budget=Budget(**budget), tally=Tally(**tally)).spent() == reason


def test_minutes_are_spent_while_the_scan_runs_and_not_while_it_rests() -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        one = scan(status=ScanStatus.QUEUED, budget=Budget(minutes=1.5))
        assert one.active_minutes() == 0
        one.begin()
        clock.shift(timedelta(minutes=1))
        assert (one.active_minutes(), one.spent()) == (1.0, None)
        one.pause()
        one.park()
        clock.shift(timedelta(hours=9))
        one.resume()
        assert one.active_minutes() == 1.0
        clock.shift(timedelta(seconds=30))
        assert one.spent() == "The budget of 1.5 minutes is used up."


@given(st.lists(st.tuples(st.integers(0, 600), st.integers(0, 600)), max_size=6))
def test_active_minutes_are_the_sum_of_the_stretches_between_pauses(stretches: list[tuple[int, int]]) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        one = scan(status=ScanStatus.QUEUED)
        one.begin()
        for running, resting in stretches:
            clock.shift(timedelta(seconds=running))
            one.pause()
            one.park()
            clock.shift(timedelta(seconds=resting))
            one.resume()
        assert one.active_minutes() == pytest.approx(sum(running for running, _ in stretches) / 60)


def test_a_scan_that_is_stopped_at_rest_has_ended_its_pause() -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        one = scan(status=ScanStatus.QUEUED)
        one.begin()
        one.pause()
        one.park()
        clock.shift(timedelta(hours=1))
        one.stop()
        assert (one.status, one.active_minutes()) == (ScanStatus.STOPPING, 0.0)


def test_a_profile_picks_by_pace_cost_and_what_it_disturbs() -> None:
    faces = catalogue()
    chosen = {name: choose_modules(faces, profile, None, frozenset()) for name, profile in PROFILES.items()}
    assert set(chosen["quick"]) < set(chosen["comprehensive"])
    assert all(face.cost_class is CostClass.LIGHT for face in chosen["quick"].values())
    assert all(face.invasiveness is Invasiveness.PASSIVE for face in chosen["stealth"].values())
    assert all(face.invasiveness is not Invasiveness.INTRUSIVE for face in chosen["comprehensive"].values())
    assert all(WEB_TYPES & {*face.consumes, *face.produces} for face in chosen["web"].values())
    assert set(chosen["web"]) < set(chosen["comprehensive"])
    assert PROFILES["stealth"].pace < 1
    assert all(chosen.values())


def test_named_modules_are_taken_as_they_are_and_disabled_ones_never_by_a_profile() -> None:
    faces, quick = catalogue(), PROFILES["quick"]
    named = choose_modules(faces, quick, ("crawler",), frozenset())
    assert list(named) == ["crawler"]
    all_of_them = choose_modules(faces, quick, None, frozenset())
    without = choose_modules(faces, quick, None, frozenset({"resolve"}))
    assert set(all_of_them) - set(without) == {"resolve"}
