"""Robots' rules and repeats, through a session against real servers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from functions.collection.halt import Halted
from functions.collection.politeness import Pace
from functions.collection.robots import Disallowed
from kernel.egress import EgressError, EgressUnreachable
from tests.collection.world import session
from tests.loopback import Page, serving

HEEDING = Pace(respect_robots=True)


@contextmanager
def site(robots: tuple[int, str], failures: int = 0, slowness: float = 0.0) -> Iterator[tuple[str, list[str]]]:
    """A site with rules for robots whose other pages break the connection some times; gives what was asked for.
    The rules take `slowness` seconds."""
    asked: list[str] = []

    class Handler(Page):
        def do_GET(self) -> None:
            asked.append(self.path)
            if self.path == "/flaky" and asked.count("/flaky") <= failures:
                self.connection.close()
                return
            if self.path == "/robots.txt":
                time.sleep(slowness)
            status, text = robots if self.path == "/robots.txt" else (200, "page")
            self.give(status, text.encode())

    with serving(Handler) as address:
        yield address, asked


async def test_what_the_site_asks_to_leave_alone_is_not_fetched() -> None:
    rules = "User-agent: *\nDisallow: /private\nDisallow: /*.bak$\nAllow: /private/open\n"
    with site((200, rules)) as (address, asked):
        async with session("127.0.0.1", pace=HEEDING) as outside:
            for path in ("/private/x", "/a/b.bak"):
                with pytest.raises(Disallowed, match="leave"):
                    await outside.fetch(address + path)
            for path in ("/private/open", "/", "/b.bak2"):
                assert (await outside.fetch(address + path)).status == 200
    assert asked == ["/robots.txt", "/private/open", "/", "/b.bak2"]


async def test_by_default_robots_are_not_asked_about() -> None:
    with site((200, "User-agent: *\nDisallow: /\n")) as (address, asked):
        async with session("127.0.0.1") as outside:
            assert (await outside.fetch(address + "/x")).status == 200
    assert asked == ["/x"]


@pytest.mark.parametrize(("status", "is_open"), [(404, True), (403, True), (500, False)])
async def test_rules_that_are_not_there_forbid_nothing_and_a_broken_server_everything(
    status: int, is_open: bool
) -> None:
    with site((status, "")) as (address, _):
        async with session("127.0.0.1", pace=Pace(respect_robots=True, retries=0)) as outside:
            if is_open:
                assert (await outside.fetch(address + "/x")).status == 200
            else:
                with pytest.raises(Disallowed):
                    await outside.fetch(address + "/x")


@contextmanager
def redirecting(hops: int, last: str = "", host: str = "") -> Iterator[tuple[str, list[str]]]:
    """A site whose rules lie so many redirects away, on `last` or on itself; gives what was asked for, with hosts."""
    asked: list[str] = []

    class Handler(Page):
        def do_GET(self) -> None:
            asked.append(f"{self.headers['host'].partition(':')[0]}{self.path}")
            here = 0 if self.path == "/robots.txt" else int(self.path.removeprefix("/r") or 0)
            port = self.connection.getsockname()[1]
            text = b"User-agent: *\nDisallow: /private\n" if here == hops else b""
            there = f"http://{host}:{port}/r{here + 1}" if host else f"/r{here + 1}"
            onward = {"location": last if last and here == hops - 1 else there} if here < hops else {}
            self.give(302 if onward else 200, text, **onward)

    with serving(Handler) as address:
        yield address, asked


async def forbids(address: str, *targets: str) -> bool:
    """Whether the site's rules, as they are found, forbid its private part."""
    async with session(*targets, pace=Pace(respect_robots=True, retries=0)) as outside:
        try:
            await outside.fetch(address + "/private0")
        except Disallowed:
            return True
        except (EgressError, ValueError):
            return False
        return False


@pytest.mark.parametrize(("hops", "heeded"), [(0, True), (1, True), (5, True), (6, False), (100, False)])
async def test_rules_that_lie_elsewhere_are_followed_five_times(hops: int, heeded: bool) -> None:
    with redirecting(hops) as (address, asked):
        assert await forbids(address, "127.0.0.1") is heeded
    assert len([each for each in asked if "private" not in each]) == min(hops, 5) + 1


@pytest.mark.parametrize(("targets", "heeded"), [(("127.0.0.1", "localhost"), True), (("127.0.0.1",), False)])
async def test_rules_on_another_host_are_asked_for_inside_the_scope_alone(
    targets: tuple[str, ...], heeded: bool
) -> None:
    with redirecting(1, host="localhost") as (address, asked):
        assert await forbids(address, *targets) is heeded
    assert any(each.startswith("localhost/r1") for each in asked) is heeded


@pytest.mark.parametrize("last", ["file:///etc/passwd", "http://[", "gopher://127.0.0.1/", "http://", ""])
async def test_a_redirect_to_nowhere_forbids_nothing(last: str) -> None:
    with redirecting(2, last or "   ") as (address, asked):
        assert await forbids(address, "127.0.0.1") is False
    assert asked[:2] == ["127.0.0.1/robots.txt", "127.0.0.1/r1"]


async def test_who_gives_up_waiting_for_the_rules_does_not_take_them_from_the_others() -> None:
    with site((200, ""), slowness=0.6) as (address, asked):
        async with session("127.0.0.1", pace=HEEDING) as outside:
            patient = asyncio.create_task(outside.fetch(address + "/x"))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(outside.fetch(address + "/y"), 0.2)
            assert (await patient).status == 200
    assert asked == ["/robots.txt", "/x"]


async def test_rules_that_were_not_read_because_the_batch_rests_forbid_nothing() -> None:
    with site((200, ""), slowness=0.6) as (address, _):
        async with session("127.0.0.1", pace=HEEDING) as outside:
            waiting = asyncio.create_task(outside.fetch(address + "/x"))
            await asyncio.sleep(0.2)
            outside.halt.set("the scan pauses")
            with pytest.raises(Halted):
                await waiting


async def test_a_host_that_answered_before_is_asked_again_when_it_falls_silent() -> None:
    with site((404, ""), failures=2) as (address, asked):
        async with session("127.0.0.1", pace=Pace(retries=2)) as outside:
            await outside.fetch(address + "/")
            assert (await outside.fetch(address + "/flaky")).status == 200
    assert asked.count("/flaky") == 3


async def test_a_host_that_never_answered_is_not_asked_again() -> None:
    async with session("127.0.0.1", pace=Pace(retries=5)) as outside:
        with pytest.raises(EgressUnreachable):
            await outside.fetch("http://127.0.0.1:9/")
