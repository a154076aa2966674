"""The crawler on sites whose every page is known."""

from __future__ import annotations

import asyncio
import random
import re
import time
from pathlib import Path

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.modules import catalogue
from functions.collection.engine import BatchResult
from functions.collection.html import absolute, parameters, read_page
from functions.collection.modules.crawler import MAX_VARIANTS, Crawler
from functions.collection.reader import BatchLimits
from tests.collection.servers import free_port, nginx
from tests.collection.sites import Handler, files, site
from tests.collection.waves import scan
from tests.collection.world import MemoryBlobs, observed, run, values


def web_of(links: dict[int, list[int]]) -> Handler:
    """A site whose page n links to the pages given."""

    async def handler(request: web.Request) -> web.StreamResponse:
        number = int(re.sub(r"\D", "", request.path) or 0)
        if number not in links:
            return web.Response(status=404)
        anchors = "".join(f"<a href='/{target}.html'>x</a>" for target in links[number])
        return web.Response(text=f"<title>{number}</title>{anchors}", content_type="text/html")

    return handler


def reachable(links: dict[int, list[int]]) -> set[int]:
    seen, waiting = {0}, [0]
    while waiting:
        for target in links[waiting.pop()]:
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    return seen


@settings(max_examples=15, deadline=None)
@given(st.dictionaries(st.integers(0, 12), st.lists(st.integers(0, 12), max_size=4), max_size=12))
async def test_every_page_that_can_be_reached_is_fetched_once(chosen: dict[int, list[int]]) -> None:
    links = {number: chosen.get(number, []) for number in range(13)}
    fetched: list[str] = []

    async def counting(request: web.Request) -> web.StreamResponse:
        fetched.append(request.path)
        return await web_of(links)(request)

    async with site(counting) as root:
        result = await run(Crawler(), observed("url", root))
    inner = reachable(links) - {0}
    pages = {root} | {f"{root}{number}.html" for number in inner} | ({f"{root}0.html"} if _links_home(links) else set())
    assert set(values(result, "http_response")) == pages
    assert len(fetched) == len(set(fetched)) == len(pages)


def _links_home(links: dict[int, list[int]]) -> bool:
    return any(0 in links[number] for number in reachable(links))


async def test_a_page_is_a_fact_with_its_form_and_parameters() -> None:
    page = (
        "<title>Find</title><a href='/p?b=2&a=1'>x</a><form action=/find><input name=q><select name=s></select></form>"
        "<form method=POST action='/login'><input name=u><input type=password name=p></form>"
    )
    async with site(files({"/": ("text/html", page), "/p": ("text/html", "")})) as root:
        blobs = MemoryBlobs()
        result = await run(Crawler(), observed("url", root), blobs=blobs)
    first = next(o for o in result.observations if o.type == "http_response" and o.value == root)
    assert (first.attributes["title"], first.attributes["status"]) == ("Find", 200)
    assert await blobs.get(first.attributes["body"]) == page.encode()
    assert values(result, "web_form") == [f"{root}find#get:q,s", f"{root}login#post:p,u"]
    assert values(result, "web_param") == [f"{root}p?a", f"{root}p?b"]
    assert values(result, "misconfiguration") == [f"login-over-http:{root.rstrip('/')}"]


async def test_facts_hang_together_from_the_target_on() -> None:
    async with site(web_of({0: [1], 1: [2], 2: []})) as root:
        start = observed("url", root)
        result = await run(Crawler(), start)
    by_id = {o.id: o for o in result.observations}
    last = next(o for o in result.observations if o.type == "http_response" and o.value.endswith("/2.html"))
    chain = [last]
    while chain[-1].source_id in by_id:
        chain.append(by_id[chain[-1].source_id])
    assert [(o.type, o.value.removeprefix(root)) for o in chain] == [
        ("http_response", "2.html"),
        ("url", "2.html"),
        ("http_response", "1.html"),
        ("url", "1.html"),
        ("http_response", ""),
    ]
    assert chain[-1].source_id == start.id
    assert all(o.consumed == ("crawler",) for o in result.observations if o.type == "url")


async def test_timing_does_not_change_the_facts() -> None:
    dice = random.Random(7)
    links = {number: [dice.randrange(40) for _ in range(4)] for number in range(40)}

    async def moody(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(dice.random() / 50)
        return await web_of(links)(request)

    async with site(moody) as root:
        results = [await run(Crawler(), observed("url", root)) for _ in range(3)]
    assert [[(o.id, o.value) for o in result.observations] for result in results[1:]] == [
        [(o.id, o.value) for o in results[0].observations]
    ] * 2


async def test_what_one_task_leaves_others_take_up() -> None:
    links = {number: [number * 2 + 1, number * 2 + 2] if number < 31 else [] for number in range(63)}
    async with site(web_of(links)) as root:
        whole = await run(Crawler(), observed("url", root))
        part = await run(Crawler(), observed("url", root), config={"max_pages": 10})
        pending = [o for o in part.observations if o.type == "url" and not o.consumed]
        assert pending
        everything = await scan([root], ["crawler"], configs={"crawler": {"max_pages": 10}})
    assert set(values(whole, "http_response")) == {o.value for o in everything.of_type("http_response")}
    assert len(everything.of_type("http_response")) == 63


async def test_pages_beyond_the_seeds_are_fetched_alone() -> None:
    async with site(web_of({0: [], 1: [2], 2: [3], 3: []})) as root:
        page = observed("url", f"{root}1.html")
        found = type(page)(**{f: getattr(page, f) for f in page.__struct_fields__} | {"module": "site_files"})
        result = await run(Crawler(), found)
    assert values(result, "http_response") == [f"{root}1.html"]
    assert {(o.value, o.consumed) for o in result.observations if o.type == "url"} == {
        (f"{root}2.html", ()), (root, ()),
    }  # fmt: skip


async def test_the_deadline_leaves_the_rest_to_the_next_wave() -> None:
    async def slow(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.2)
        return await web_of({number: [number + 1] for number in range(50)})(request)

    async with site(slow) as root:
        result = await run(Crawler(), observed("url", root), seconds=0.5, limits=BatchLimits(grace_seconds=5))
        none = await run(Crawler(), observed("url", root), seconds=-1)
    assert 1 <= len(values(result, "http_response")) < 10
    assert [o for o in result.observations if o.type == "url" and not o.consumed]
    assert [o.value for o in none.leftovers] == [root]


async def test_traps_end() -> None:
    async def calendar(request: web.Request) -> web.StreamResponse:
        day = int(request.query.get("day", 0))
        anchors = "".join(f"<a href='/calendar?day={day + n}'>x</a>" for n in range(1, 5))
        return web.Response(text=anchors, content_type="text/html")

    async def deeper(request: web.Request) -> web.StreamResponse:
        return web.Response(text="<a href='x/'>deeper</a>", content_type="text/html")

    async with site(calendar) as root:
        result = await run(Crawler(), observed("url", root))
        assert len(values(result, "http_response")) == 1 + MAX_VARIANTS
    async with site(deeper) as root:
        result = await run(Crawler(), observed("url", root), config={"max_depth": 12})
        assert len(values(result, "http_response")) == 13


async def test_outside_and_binaries_are_noted_and_not_fetched() -> None:
    outside = "<a href='http://elsewhere.org/x'>a</a><a href='http://elsewhere.org/y'>b</a>"
    page = f"{outside}<a href='/big.zip'>c</a><a href='mailto:x'>d</a>"
    fetched: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        fetched.append(request.path)
        return web.Response(text=page, content_type="text/html")

    async with site(handler) as root:
        result = await run(Crawler(), observed("url", root))
    assert fetched == ["/"]
    assert [(o.value, o.scope_distance) for o in result.observations if o.type == "host"] == [("elsewhere.org", 1)]
    assert values(result, "url") == [f"{root}big.zip"]


async def test_redirects_are_followed_as_links_within_the_scope() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        places = {"/": "/a", "/a": "http://169.254.169.254/latest/", "/loop": "/loop"}
        return web.Response(status=302, headers={"Location": places.get(request.path, "/loop")})

    async with site(handler) as root:
        result = await run(Crawler(), observed("url", root))
    assert values(result, "http_response") == [root, f"{root}a"]
    assert values(result, "ip") == ["169.254.169.254"]


async def test_an_overloaded_server_is_asked_again() -> None:
    tries: dict[str, int] = {}

    async def handler(request: web.Request) -> web.StreamResponse:
        tries[request.path] = tries.get(request.path, 0) + 1
        if tries[request.path] < 3:
            return web.Response(status=429, headers={"Retry-After": "0"})
        return web.Response(text="<title>calm</title>", content_type="text/html")

    async with site(handler) as root:
        result = await run(Crawler(), observed("url", root))
    assert result.observations[0].attributes["title"] == "calm"
    assert tries == {"/": 3}


def write_site(folder: Path, pages: int) -> None:
    """A site of many pages on disk, each linking to the next and to twenty others."""
    dice = random.Random(1)
    folder.mkdir(exist_ok=True)
    for number in range(pages):
        links = [f"/{dice.randrange(pages)}.html" for _ in range(20)] + ([f"/{number + 1}.html"] * (number + 1 < pages))
        anchors = "".join(f"<li><a href='{link}'>link</a></li>" for link in links)
        text = f"<!doctype html><title>Page {number}</title><p>{'lorem ipsum dolor ' * 60}</p><ul>{anchors}</ul>"
        (folder / f"{number}.html").write_text(text)
    (folder / "index.html").write_text("<title>Start</title><a href='/0.html'>in</a>")


async def test_a_site_of_a_thousand_pages_is_crawled_whole(tmp_path: Path) -> None:
    """The pace is printed; the figures are kept by the benchmark."""
    write_site(tmp_path / "www", 1000)
    port = free_port()
    with nginx(tmp_path, f"server {{ listen 127.0.0.1:{port}; root {{root}}; }}"):
        began = time.perf_counter()
        result = await run(Crawler(), observed("url", f"http://127.0.0.1:{port}/"))
        pace = 1001 / (time.perf_counter() - began)
    assert len(values(result, "http_response")) == 1001
    print(f"crawler: {pace:.0f} pages/s")


@pytest.mark.parametrize(
    ("base", "reference", "url"),
    [
        ("http://a.test/x/y", "z", "http://a.test/x/z"),
        ("http://a.test/x/y", "../z?q=1#f", "http://a.test/z?q=1"),
        ("http://a.test/", "//B.test:80/", "http://b.test/"),
        ("http://a.test/", "javascript:alert(1)", ""),
        ("http://a.test/", "mailto:a@b.test", ""),
        ("http://a.test/", "http://[::1", ""),
        ("http://a.test/", " /a b ", "http://a.test/a%20b"),
        ("http://a.test/", "/" + "x" * 3000, ""),
    ],
)
def test_references_become_absolute(base: str, reference: str, url: str) -> None:
    assert absolute(base, reference) == url


@given(st.binary(max_size=2000))
def test_any_bytes_can_be_read_as_a_page(body: bytes) -> None:
    page = read_page(body, "http://a.test/")
    assert all(link.startswith(("http://", "https://")) for link in page.links)
    assert list(page.links) == sorted(set(page.links))


def test_a_page_is_read() -> None:
    links = b"<a href=x>1</a><area href=y><iframe src=z></iframe><link rel=next href=n>"
    body = b"<base href=/sub/><title> A\n B </title>" + links
    page = read_page(body, "http://a.test/")
    assert page.title == "A B"
    assert page.links == tuple(f"http://a.test/sub/{name}" for name in ("n", "x", "y", "z"))
    assert parameters("http://a.test/?b=1&a=&b=2") == ["a", "b"]


def test_a_result_is_what_the_catalogue_says() -> None:
    assert catalogue()["crawler"].batch_size == Crawler.face.batch_size
    assert BatchResult.__struct_fields__[:2] == ("observations", "leftovers")
