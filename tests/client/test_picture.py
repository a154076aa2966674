"""The picture of a scan, over a sequence that was recorded from a scan of the demo targets."""

from __future__ import annotations

import io
from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from palisade.picture import INSTANT, Picture, Rate
from tests.client.platform import RECORDED, progress, scan

STARTED = datetime.fromisoformat(next(frame["scan"]["started_at"] for frame in RECORDED if frame["scan"]["started_at"]))


class Replay:
    """The recorded scan, seen frame by frame at the times of the recording."""

    def __init__(self) -> None:
        self.at = 0.0
        self.picture = Picture(clock=lambda: self.at, now=lambda: STARTED + timedelta(seconds=self.at))

    def frames(self) -> list[tuple[str, str]]:
        """Each frame as it is drawn, and in one line."""
        found = []
        for frame in RECORDED:
            self.at = frame["at"]
            self.picture.see(frame["scan"], frame["progress"], Counter(frame["findings"]))
            found.append((drawn(self.picture), self.picture.line()))
        return found


def drawn(picture: Picture, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width, no_color=True, legacy_windows=False)
    console.print(picture)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_recorded_scan_is_drawn_from_its_beginning_to_its_end() -> None:
    frames = Replay().frames()
    first, middle, last = frames[0][0], frames[len(frames) // 2][0], frames[-1][0]
    assert "The demo targets  queued" in first
    assert "Findings      none" in first
    assert "running" in middle
    assert "a second" in middle
    assert "The demo targets  finished" in last
    assert "123 in 102 entities" in last
    assert "5 critical" in last
    assert "Modules" not in last


def test_every_wave_shows_its_modules_and_batches() -> None:
    waves = {frame["progress"]["wave"]: frame["progress"] for frame in RECORDED if frame["progress"]["batches"]}
    shown = "".join(text for text, _ in Replay().frames())
    for wave, each in waves.items():
        assert f"{each['batches']} of {each['batches']}" in shown, wave
        assert each["modules"][0] in shown


def test_a_line_says_the_same_without_a_terminal() -> None:
    lines = [line for _, line in Replay().frames()]
    assert lines[0] == "0:00:00 queued, wave 0, 0 observations, findings: none"
    assert lines[-1].endswith(
        "finished, wave 4, 123 observations, findings: 5 critical, 9 high, 7 medium, 11 low, 4 info"
    )
    assert any("batches" in line and "arriving" in line for line in lines)


def test_observations_that_are_counted_are_never_taken_back() -> None:
    replay = Replay()
    counts = []
    for frame in RECORDED:
        replay.picture.see(frame["scan"], frame["progress"], Counter())
        counts.append(replay.picture.observations)
    assert counts == sorted(counts)


def test_the_clock_stops_when_the_scan_ends() -> None:
    now = [datetime(2026, 1, 1, 0, 1, tzinfo=UTC)]
    picture = Picture(now=lambda: now[0])
    picture.see(scan(status="running", started_at="2026-01-01T00:00:00.000Z"), progress(), Counter())
    assert picture.elapsed == 60
    ended = scan(status="stopped", started_at="2026-01-01T00:00:00.000Z", finished_at="2026-01-01T01:01:30.000Z")
    picture.see(ended, progress(), Counter())
    now[0] += timedelta(days=1)
    assert "1:01:30" in drawn(picture)


def test_a_clock_that_is_behind_shows_no_negative_time() -> None:
    picture = Picture(now=lambda: datetime(2020, 1, 1, tzinfo=UTC))
    picture.see(scan(status="running", started_at="2026-01-01T00:00:00.000Z"), progress(), Counter())
    assert picture.elapsed == 0


def test_a_note_is_shown_until_the_next_answer() -> None:
    picture = Picture()
    picture.see(scan(status="running"), progress(), Counter())
    picture.note = "No answer; trying again."
    assert "No answer; trying again." in drawn(picture)
    assert "No answer; trying again." in picture.line()
    picture.see(scan(status="running"), progress(), Counter())
    assert "No answer" not in drawn(picture)


def test_many_modules_are_named_in_part() -> None:
    picture = Picture()
    picture.see(scan(status="running"), progress(modules=[f"m{number}" for number in range(9)]), Counter())
    assert "m0, m1, m2, m3 and 5 more" in drawn(picture)


def test_a_name_cannot_command_the_terminal() -> None:
    picture = Picture()
    picture.see(scan(name="\x1b[2Jgone\x07", status="running"), progress(modules=["\x9b31m"]), Counter())
    text = drawn(picture)
    assert "\x1b[2J" not in text
    assert "\\x1b[2Jgone\\x07" in text
    assert "\x9b" not in text


@given(st.integers(min_value=20, max_value=200))
def test_it_fits_any_terminal(width: int) -> None:
    picture = Picture()
    frame = RECORDED[len(RECORDED) // 2]
    picture.see(frame["scan"], frame["progress"], Counter(frame["findings"]))
    assert max(map(len, drawn(picture, width).splitlines())) <= width


@given(st.lists(st.tuples(st.floats(0, 10), st.integers(0, 1000)), max_size=40))
def test_a_rate_is_never_negative_and_never_above_what_came(steps: list[tuple[float, int]]) -> None:
    rate, at, count = Rate(), 0.0, 0
    for pause, more in steps:
        at, count = at + pause, count + more
        rate.add(at, count)
        assert 0 <= rate.value <= count / INSTANT
        assert rate.value * (rate.samples[-1][0] - rate.samples[0][0]) <= count + 1e-6


def test_a_steady_rate_is_shown_as_it_is_and_forgets_what_is_long_ago() -> None:
    rate = Rate()
    for second in range(20):
        rate.add(float(second), second * 100)
    assert rate.value == 100
    for second in range(20, 40):
        rate.add(float(second), 1900)
    assert rate.value == 0
