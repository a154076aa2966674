"""The probes for XSS and SQL injection against an application with holes, and against its twin without: every hole
is found, and nothing is said of the twin."""

from __future__ import annotations

import asyncio
import html
import json
import sqlite3
import time
from typing import Any

import pytest
from aiohttp import web

from functions.collection.modules.crawler import Crawler
from functions.collection.modules.sql_probe import SqlProbe, errors_in
from functions.collection.modules.xss_probe import XssProbe, came_through
from tests.collection.sites import Handler, site
from tests.collection.world import observed, run

PAGES = ("/text", "/attribute", "/single", "/bare", "/link", "/script", "/comment", "/title", "/json", "/form")
QUERIES = ("/item", "/search", "/quiet", "/silent")


def database() -> sqlite3.Connection:
    store = sqlite3.connect(":memory:", check_same_thread=False)
    store.execute("CREATE TABLE items (id INTEGER, name TEXT)")
    store.executemany("INSERT INTO items VALUES (?, ?)", [(n, f"item {n}") for n in range(1, 9)])
    store.create_function("SLEEP", 1, lambda seconds: time.sleep(float(seconds)) or 1)
    return store


def application(*, safe: bool) -> Handler:
    """Reflects values in every kind of place, and asks a database; with `safe`, as it should be done."""
    store = database()

    def shown(value: str) -> str:
        return html.escape(value) if safe else value

    def ask(sql: str, value: str) -> list[Any]:
        if safe:
            return store.execute(sql.replace("'%s'", "?").replace("%s", "?"), (value,)).fetchall()
        return store.execute(sql.replace("%s", value)).fetchall()

    def page(path: str, value: str) -> str:
        script = json.dumps(value).replace("<", "\\u003c") if safe else f'"{value}"'
        link = "#" if safe and not value.startswith(("http:", "https:", "/")) else shown(value)
        bodies = {
            "/text": f"<p>{shown(value)}</p>",
            "/attribute": f'<input value="{shown(value)}">',
            "/single": f"<input value='{shown(value)}'>",
            "/bare": f"<input value={json.dumps(shown(value)) if safe else value.replace('>', '&gt;')}>",
            "/link": f'<a href="{link if safe else html.escape(value)}">go</a>',
            "/script": f"<script>var q = {script};</script>",
            "/comment": f"<!-- {shown(value)} --><p>x</p>",
            "/title": f"<title>{shown(value)}</title>",
            "/form": f"<p>{shown(value)}</p>",
        }
        return bodies.get(path, "")

    async def handler(request: web.Request) -> web.StreamResponse:
        value = request.query.get("q", "")
        if request.path == "/":
            links = "".join(f'<a href="{path}?q=1&amp;lang=en">x</a>' for path in (*PAGES, *QUERIES) if path != "/form")
            form = '<form action="/form" method="post"><input name="q"><input name="csrf_token"></form>'
            return web.Response(text=f"<html>{links}{form}</html>", content_type="text/html")
        if request.path == "/json":
            return web.json_response({"q": value})
        if request.path == "/form":
            value = str((await request.post()).get("q", ""))
        if request.path in PAGES:
            return web.Response(text=f"<html>{page(request.path, value)}</html>", content_type="text/html")
        if request.path not in QUERIES:
            raise web.HTTPNotFound
        return queried(request.path, value)

    def queried(path: str, value: str) -> web.StreamResponse:
        sql = {
            "/item": "SELECT name FROM items WHERE id = %s",
            "/search": "SELECT name FROM items WHERE name LIKE '%s' OR id = 1",
            "/quiet": "SELECT name FROM items WHERE id = '%s'",
            "/silent": "SELECT name FROM items WHERE id = %s",
        }[path]
        try:
            rows = ask(sql, value)
        except sqlite3.Error as error:
            if path in ("/item", "/search"):
                return web.Response(text=f"sqlite3.OperationalError: {error}", status=500)
            rows = []
        if path == "/silent":
            return web.Response(text="thank you")
        names = "".join(f"<li>{html.escape(name)}</li>" for (name,) in rows) or "nothing"
        return web.Response(text=f"<p>You asked for {html.escape(value)}</p><ul>{names}</ul>", content_type="text/html")

    return handler


async def found(module: Any, handler: Handler, **config: Any) -> dict[str, dict[str, Any]]:
    """What a probe says of an application as the crawler hands it on: evidence by path."""
    async with site(handler) as root:
        crawled = await run(Crawler(), observed("url", root))
        inputs = [o for o in crawled.observations if o.type in ("web_param", "web_form")]
        result = await run(module, *inputs, config={"enabled": True, **config})
    assert result.stats.failed == 0
    assert {o.type for o in result.observations} <= {"vulnerability"}
    return {
        o.attributes["asset"].partition("?")[0].rpartition("/")[2]: o.attributes["evidence"]
        for o in result.observations
    }


async def test_every_place_where_a_value_comes_through_is_found() -> None:
    holes = await found(XssProbe(), application(safe=False))
    assert set(holes) == {"text", "attribute", "single", "bare", "link", "script", "comment", "title"}
    assert {evidence["parameter"] for evidence in holes.values()} == {"q"}
    assert holes["link"]["became"] == "a script address in <a>"
    assert holes["attribute"]["became"] == "an element <" + holes["attribute"]["became"][12:]


async def test_forms_are_sent_only_when_asked() -> None:
    holes = await found(XssProbe(), application(safe=False), posts=True)
    assert holes["form"]["method"] == "POST"


async def test_a_page_that_encodes_what_it_shows_has_no_hole() -> None:
    assert await found(XssProbe(), application(safe=True), posts=True) == {}


async def test_queries_that_values_become_part_of_are_found() -> None:
    holes = await found(SqlProbe(), application(safe=False), delays=False)
    assert {path: evidence["proof"] for path, evidence in holes.items()} == {
        "item": "condition", "search": "error", "quiet": "condition",
    }  # fmt: skip


async def test_a_database_that_can_be_made_to_wait_is_found() -> None:
    holes = await found(SqlProbe(), application(safe=False))
    assert holes["silent"]["proof"] == "delay"


async def test_prepared_statements_have_no_hole() -> None:
    assert await found(SqlProbe(), application(safe=True), posts=True) == {}


async def test_nothing_is_sent_unless_switched_on() -> None:
    asked: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        asked.append(request.path_qs)
        return web.Response(text="x")

    async with site(handler) as root:
        parameter = observed("web_param", f"{root}?q", name="q", url=f"{root}?q=1")
        for module in (XssProbe(), SqlProbe()):
            assert (await run(module, parameter)).observations == []
    assert asked == []


async def test_a_slow_or_moody_site_is_not_accused() -> None:
    count = 0

    async def moody(request: web.Request) -> web.StreamResponse:
        nonlocal count
        count += 1
        return web.Response(text=f"visit {count}: {'x' * (count % 7)}", status=500 if count % 3 == 0 else 200)

    async def erring(request: web.Request) -> web.StreamResponse:
        return web.Response(text="sqlite3.OperationalError: the disk is full", status=500)

    for handler in (moody, erring):
        async with site(handler) as root:
            parameter = observed("web_param", f"{root}?q", name="q", url=f"{root}?q=1")
            result = await run(SqlProbe(), parameter, config={"enabled": True})
        assert result.observations == []


async def test_a_form_of_a_slow_site_costs_a_bounded_time() -> None:
    async def slow(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.6)
        return web.Response(text="<p>x</p>", content_type="text/html")

    async with site(slow) as root:
        fields = [{"name": f"f{n}", "type": "text"} for n in range(20)]
        form = observed("web_form", f"{root}#get", action=root, method="get", fields=fields)
        for module in (XssProbe(), SqlProbe()):
            began = time.monotonic()
            result = await run(module, form, config={"enabled": True, "max_seconds": 2.0})
            assert time.monotonic() - began < 6
            assert any("is slow" in entry.message for entry in result.log)


@pytest.mark.parametrize(
    ("page", "through"),
    [
        ("<p>&lt;qax qay=1&gt;</p>", False),
        ("<p><qax qay=1></p>", True),
        ('<input value="qa&quot; qay=1 x=&quot;">', False),
        ('<input value="qa" qay=1 x="">', True),
        ("<script>var a = \"qa\\\"-qay-\\\"\";</script>", False),
        ("<script>var a = \"qa\"-qay-\"\";</script>", True),
        ("<script>var a = \"qa'-qay-'\";</script>", False),
        ("<textarea><qax qay=1></textarea>", False),
        ("<!-- <qax qay=1> -->", False),
        ('<a href="javascript:qay()">', True),
        ('<a title="javascript :qay()">', False),
    ],
)  # fmt: skip
def test_a_parser_decides(page: str, through: bool) -> None:
    assert bool(came_through("qa", page)) is through


def test_databases_are_known_by_their_errors() -> None:
    assert errors_in("You have an error in your SQL syntax; check the manual") == {"MySQL"}
    assert errors_in('ERROR: unterminated quoted string at or near "\'"') == {"PostgreSQL"}
    assert errors_in("Unclosed quotation mark after the character string ''.") == {"SQL Server"}
    assert errors_in("ORA-01756: quoted string not properly terminated") == {"Oracle"}
    assert errors_in("a page about SQL and its syntax") == set()
