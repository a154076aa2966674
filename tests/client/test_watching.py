"""Watching: pushed news wake it, looking makes it true, and an absent platform is borne for a while."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator

import pytest
from rich.console import Console
from rich.live import Live

from palisade import session, transport, watching
from palisade.api import Api
from palisade.errors import ApiProblem
from palisade.picture import Picture
from tests.client.platform import RECORDED, SCAN, Platform, finding, problem, progress, scan

BROKEN = problem(500, "internal-error", "Something went wrong on our side")
NEVER = 3600.0
SOON = 0.01


class Kept:
    """Keeps every line that would have been shown."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def update(self, picture: Picture) -> None:
        self.lines.append(picture.line())


@pytest.fixture
def api(logged_in: Platform) -> Iterator[Api]:
    with Api(session.read(), session.keep) as client:
        yield client


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "PAUSES", ())


def play(platform: Platform) -> None:
    """The recorded scan, one frame for each look."""
    platform.answer(f"GET /scans/{SCAN}", *(frame["scan"] for frame in RECORDED))
    platform.answer(f"GET /scans/{SCAN}/progress", *(frame["progress"] for frame in RECORDED))
    platform.page(f"GET /scans/{SCAN}/findings", [finding("high")])


def test_the_recorded_scan_is_watched_by_looking(logged_in: Platform, api: Api) -> None:
    play(logged_in)
    show = Kept()
    picture = watching.watch(api, SCAN, show, every=SOON)
    assert picture.status == "finished"
    assert picture.observations == 123
    assert len(show.lines) == len(RECORDED)
    assert len(logged_in.called(f"GET /scans/{SCAN}/findings")) < len(RECORDED), "only when there may be others"


def test_news_wake_the_watcher(logged_in: Platform, api: Api) -> None:
    logged_in.answer(f"GET /scans/{SCAN}", scan(status="running"), scan(status="finished"))
    logged_in.answer(f"GET /scans/{SCAN}/progress", progress())
    logged_in.page(f"GET /scans/{SCAN}/findings", [])
    logged_in.on_subscribe = lambda platform: platform.push({"topic": f"scan:{SCAN}", "type": "ScanEnded"})
    assert watching.watch(api, SCAN, Kept(), every=NEVER).status == "finished"


def test_without_a_socket_looking_is_enough(logged_in: Platform, api: Api) -> None:
    logged_in.has_sockets = False
    play(logged_in)
    assert watching.watch(api, SCAN, Kept(), every=SOON).status == "finished"
    assert logged_in.sockets == []


def test_an_absent_platform_is_borne(logged_in: Platform, api: Api) -> None:
    logged_in.answer(f"GET /scans/{SCAN}", scan(status="running"), BROKEN, BROKEN, scan(status="finished"))
    logged_in.answer(f"GET /scans/{SCAN}/progress", progress())
    logged_in.page(f"GET /scans/{SCAN}/findings", [])
    show = Kept()
    assert watching.watch(api, SCAN, show, every=SOON).status == "finished"
    assert [("No answer" in line) for line in show.lines] == [False, True, True, False]


def test_patience_ends(logged_in: Platform, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "PATIENCE", 0.0)
    logged_in.answer(f"GET /scans/{SCAN}", BROKEN)
    with pytest.raises(ApiProblem):
        watching.watch(api, SCAN, Kept(), every=SOON)


def test_a_refusal_is_not_borne(logged_in: Platform, api: Api) -> None:
    logged_in.answer(f"GET /scans/{SCAN}", problem(404, "not-found", "There is no such resource"))
    with pytest.raises(ApiProblem):
        watching.watch(api, SCAN, Kept(), every=NEVER)


def test_a_token_that_ends_meanwhile_is_refreshed(logged_in: Platform, api: Api) -> None:
    play(logged_in)
    logged_in.access_token = "token-1"
    assert watching.watch(api, SCAN, Kept(), every=SOON).status == "finished"
    assert session.read().access_token == "token-1"


def test_the_last_picture_has_the_last_findings(logged_in: Platform, api: Api) -> None:
    logged_in.answer(f"GET /scans/{SCAN}", scan(status="running"), scan(status="finished"))
    logged_in.answer(f"GET /scans/{SCAN}/progress", progress())
    pages = [{"items": items, "next_cursor": None} for items in ([], [finding("critical")])]
    logged_in.answer(f"GET /scans/{SCAN}/findings", *pages)
    assert watching.watch(api, SCAN, Kept(), every=SOON).findings == Counter(critical=1)


def test_lines_are_said_when_something_changes(capfd: pytest.CaptureFixture[str]) -> None:
    at = [0.0]
    picture, show = Picture(clock=lambda: at[0]), watching.Lines()
    for second, status, wave in ((0, "queued", 0), (1, "running", 0), (2, "running", 0), (3, "running", 1)):
        at[0] = second
        picture.see(scan(status=status, wave=wave), progress(), Counter())
        show.update(picture)
    at[0] = 3 + watching.SAY_EVERY
    show.update(picture)
    lines = capfd.readouterr().err.splitlines()
    assert [line.split(" ", 1)[1].split(",")[0] for line in lines] == ["queued", "running", "running", "running"]


def test_a_terminal_gets_one_picture_that_changes(logged_in: Platform, api: Api) -> None:
    play(logged_in)
    console = Console(file=io.StringIO(), force_terminal=True, width=90, color_system=None)
    with Live(console=console, auto_refresh=False) as live:
        watching.watch(api, SCAN, watching.Drawn(live), every=SOON)
    assert isinstance(console.file, io.StringIO)
    assert "finished" in console.file.getvalue()
