"""The web modules against nginx, and against sites made to mislead them."""

from __future__ import annotations

import hashlib
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.robotparser import RobotFileParser

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from functions.collection.error_marks import errors_in
from functions.collection.modules.exposed_files import TRACES, ExposedFiles
from functions.collection.modules.extraction import Extraction, emails_in
from functions.collection.modules.http_probe import HttpProbe
from functions.collection.modules.site_files import SiteFiles, directives
from functions.collection.modules.technology import TechnologyFingerprint, technologies
from functions.collection.modules.vhosts import Vhosts
from functions.collection.modules.web_headers import WebHeaders
from functions.collection.secret_patterns import mask, secrets_in
from functions.collection.web import Site
from tests.collection.servers import free_port, nginx
from tests.collection.sites import files, site
from tests.collection.world import MemoryBlobs, facts, observed, run, values
from tests.kernel.egress_servers import certificate


def service(root: str) -> Any:
    return observed("service", Site.of(root).service)


async def test_a_probe_reads_the_first_page(tmp_path: Path) -> None:
    port = free_port()
    with nginx(tmp_path, f"server {{ listen 127.0.0.1:{port}; root {{root}}; }}"):
        (tmp_path / "www" / "index.html").write_text("<title> Welcome\n  here </title>")
        (tmp_path / "www" / "favicon.ico").write_bytes(b"icon")
        blobs = MemoryBlobs()
        result = await run(HttpProbe(), observed("url", f"http://127.0.0.1:{port}/"), blobs=blobs)
        curl = subprocess.run(["curl", "-sI", f"http://127.0.0.1:{port}/"], capture_output=True, text=True, check=False)
    response = next(o for o in result.observations if o.type == "http_response")
    assert (response.attributes["status"], response.attributes["title"]) == (200, "Welcome here")
    assert await blobs.get(response.attributes["body"]) == b"<title> Welcome\n  here </title>"
    if curl.returncode == 0:
        assert f"Server: {response.attributes['headers']['server']}" in curl.stdout
    found = next(o for o in result.observations if o.type == "service")
    assert found.value == f"http://127.0.0.1:{port}"
    assert found.attributes["icon_sha256"] == hashlib.sha256(b"icon").hexdigest()
    assert response.source_id == found.id


async def test_a_probe_tells_tls_from_clear_on_any_port(tmp_path: Path) -> None:
    server, _ = certificate(tmp_path, "127.0.0.1", expired=True)
    async with site(files({"/": ("text/html", "")})) as clear, site(files({"/": ("text/html", "")}), server) as tls:
        ports = [observed("port", Site.of(root).endpoint) for root in (clear, tls)]
        result = await run(HttpProbe(), *ports)
    assert set(values(result, "service")) == {clear.rstrip("/"), tls.rstrip("/")}
    assert set(values(result, "url")) == {clear, tls}


async def test_a_probe_reports_where_a_site_redirects() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "/login?next=/"})

    async with site(handler) as root:
        result = await run(HttpProbe(), observed("url", root))
    assert values(result, "url") == [f"{root}login?next=/"]


async def test_a_probe_leaves_pages_to_the_crawler_and_the_scanners_machine_alone() -> None:
    async with site(files({})) as root:
        inner = await run(HttpProbe(), observed("url", root + "page"))
        host = await run(HttpProbe(), observed("host", "127.0.0.1"), config={"ports": [Site.of(root).port]})
        asked = await run(
            HttpProbe(), observed("host", "127.0.0.1"), config={"ports": [Site.of(root).port], "own_machine": True}
        )
    assert inner.observations == []
    assert host.observations == []
    assert values(asked, "service") == [root.rstrip("/")]


def response(url: str, headers: dict[str, str], cookies: tuple[str, ...] = (), **more: Any) -> Any:
    attributes = {"status": 200, "content_type": "text/html", "headers": headers, "cookies": list(cookies), **more}
    return observed("http_response", url, **attributes)


SAFE = {
    "content-security-policy": "default-src 'self'; frame-ancestors 'none'",
    "strict-transport-security": "max-age=31536000",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


@pytest.mark.parametrize(
    ("change", "checks"),
    [
        ({}, set()),
        ({"content-security-policy": None}, {"csp-missing", "frame-protection-missing"}),
        ({"content-security-policy": None, "x-frame-options": "DENY"}, {"csp-missing"}),
        ({"content-security-policy": "script-src 'unsafe-inline'; frame-ancestors 'none'"}, {"csp-unsafe"}),
        ({"content-security-policy": "script-src 'unsafe-inline' 'nonce-abc'; frame-ancestors 'none'"}, set()),
        ({"content-security-policy": "script-src *; frame-ancestors 'none'"}, {"csp-unsafe"}),
        ({"content-security-policy": "img-src 'self'; frame-ancestors 'none'"}, {"csp-unsafe"}),
        ({"strict-transport-security": None}, {"hsts-missing"}),
        ({"strict-transport-security": "max-age=300"}, {"hsts-missing"}),
        ({"x-content-type-options": None}, {"content-type-sniffing"}),
        ({"referrer-policy": None}, {"referrer-policy-missing"}),
        ({"server": "nginx"}, set()),
        ({"server": "nginx/1.18.0"}, {"server-version-disclosed"}),
        ({"x-powered-by": "PHP/7.4.3"}, {"server-version-disclosed"}),
        ({"access-control-allow-origin": "*"}, set()),
        ({"access-control-allow-origin": "*", "access-control-allow-credentials": "true"}, {"cors-any-origin"}),
    ],
)
async def test_headers_are_judged(change: dict[str, str | None], checks: set[str]) -> None:
    headers = {name: value for name, value in {**SAFE, **change}.items() if value is not None}
    result = await run(WebHeaders(), response("https://127.0.0.1/", headers))
    assert {o.attributes["check"] for o in result.observations} == checks
    assert {o.attributes["asset"] for o in result.observations} <= {"https://127.0.0.1"}


@pytest.mark.parametrize(
    ("cookie", "url", "checks"),
    [
        ("sessionid=…; Secure; HttpOnly; SameSite=Lax", "https://127.0.0.1/", set()),
        ("sessionid=…", "https://127.0.0.1/", {"cookie-not-secure", "cookie-not-httponly", "cookie-no-samesite"}),
        ("sessionid=…", "http://127.0.0.1/", {"cookie-not-httponly", "cookie-no-samesite"}),
        ("colour=…", "https://127.0.0.1/", {"cookie-not-secure"}),
        ("colour=…", "http://127.0.0.1/", set()),
    ],
)
async def test_cookies_are_judged(cookie: str, url: str, checks: set[str]) -> None:
    result = await run(WebHeaders(), response(url, SAFE, (cookie,)))
    assert {o.attributes["check"] for o in result.observations} == checks


async def test_only_first_pages_are_judged() -> None:
    result = await run(
        WebHeaders(), response("https://127.0.0.1/page", {}), response("https://127.0.0.1/", {}, status=503)
    )
    assert result.observations == []


async def test_technologies_and_their_versions_are_recognised() -> None:
    page = (
        '<html><head><title>x</title><meta name="generator" content="WordPress 6.4.2">'
        '<script src="/js/jquery-3.6.0.min.js"></script></head><body></body></html>'
    )
    headers = {"Server": "Apache/2.4.57 (Debian)", "X-Powered-By": "PHP/8.2.7", "Set-Cookie": "PHPSESSID=1"}
    async with site(files({"/": ("text/html", page)}, headers)) as root:
        blobs = MemoryBlobs()
        probed = await run(HttpProbe(), observed("url", root), blobs=blobs)
        answers = [o for o in probed.observations if o.type == "http_response"]
        result = await run(TechnologyFingerprint(), *answers, blobs=blobs)
    assert {"Apache 2.4.57", "PHP 8.2.7", "WordPress 6.4.2", "jQuery 3.6.0"} == set(values(result, "technology"))
    software = {o.attributes["product"]: o.attributes["version"] for o in result.observations if o.type == "software"}
    assert software == {"http_server": "2.4.57", "php": "8.2.7", "wordpress": "6.4.2", "jquery": "3.6.0"}


async def test_what_a_technology_rests_on_is_told_apart_from_what_shows_itself() -> None:
    async with site(files({"/": ("text/html", '<meta name="generator" content="Drupal 10">')}, {})) as root:
        blobs = MemoryBlobs()
        probed = await run(HttpProbe(), observed("url", root), blobs=blobs)
        answers = [o for o in probed.observations if o.type == "http_response"]
        result = await run(TechnologyFingerprint(), *answers, blobs=blobs)
    reasons = {o.value: o.attributes.get("implied_by") for o in result.observations if o.type == "technology"}
    assert reasons["PHP"] == "Drupal"
    assert reasons["Drupal 10"] is None


def test_every_trace_of_a_technology_is_a_valid_pattern() -> None:
    for technology in technologies().values():
        assert technology.headers or technology.cookies or technology.body, technology.name
        assert set(technology.implies) <= set(technologies())
        patterns = [*technology.headers.values(), *technology.cookies, *technology.body]
        assert all(pattern.groups <= 1 for pattern in patterns)


ROBOTS = "User-agent: *\nDisallow: /private/ # not for you\nAllow: /private/open.html\nDisallow: /*.pdf$\nDisallow:\n"


async def test_site_files_are_read() -> None:
    index = "<sitemapindex><sitemap><loc>{root}more.xml</loc></sitemap></sitemapindex>"
    pages: dict[str, tuple[str, str]] = {}
    async with site(files(pages)) as root:
        pages["/robots.txt"] = ("text/plain", ROBOTS + f"Sitemap: {root}index.xml\n")
        pages["/index.xml"] = ("application/xml", index.format(root=root))
        listed = "".join(f"<url><loc>{root}p{n}?a=1&amp;b=2</loc></url>" for n in range(3))
        pages["/more.xml"] = ("application/xml", f"<urlset>{listed}</urlset>")
        pages["/.well-known/security.txt"] = ("text/plain", "Contact: mailto:security@example.test\n")
        result = await run(SiteFiles(), service(root))
    assert set(values(result, "url")) == {
        f"{root}private/", f"{root}private/open.html", *(f"{root}p{n}?a=1&b=2" for n in range(3)),
    }  # fmt: skip
    assert values(result, "email") == ["security@example.test"]
    assert values(result, "misconfiguration") == []


def test_robots_agree_with_the_standard_library() -> None:
    parser = RobotFileParser()
    parser.parse(ROBOTS.splitlines())
    assert not parser.can_fetch("x", "/private/secret")
    assert list(directives(ROBOTS, "disallow")) == ["/private/", "/*.pdf$"]


async def test_a_page_that_answers_everything_is_no_site_file() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(text="<!doctype html><title>Welcome</title>Contact: us", content_type="text/html")

    async with site(handler) as root:
        result = await run(SiteFiles(), service(root))
        exposed = await run(ExposedFiles(), service(root))
    assert facts(result) == {("misconfiguration", f"security-txt-missing:{root.rstrip('/')}")}
    assert exposed.observations == []


@pytest.mark.parametrize(
    "sitemap", ["<loc>" + "x" * 10_000, "<!DOCTYPE x [<!ENTITY a 'b'>]><loc>&a;</loc>", "\x00\xff<loc></loc>"]
)
async def test_a_malicious_sitemap_does_no_harm(sitemap: str) -> None:
    async with site(files({"/sitemap.xml": ("application/xml", sitemap)})) as root:
        result = await run(SiteFiles(), service(root))
    assert result.stats.failed == 0
    assert values(result, "url") == []


PLANTED = {
    "/.git/HEAD": "ref: refs/heads/main\n",
    "/.env": "APP_KEY=abc\nDB_PASSWORD=" + "s3cr3t-Of-4-Test!\n",
    "/.aws/credentials": "[default]\naws_secret_access_key = x\n",
    "/backup.sql": "-- MySQL dump\n",
    "/index.php.bak": "<?php echo 1;",
    "/phpinfo.php": "<html><head><title>PHP 8.2 - phpinfo()</title></head></html>",
    "/uploads/": "<html><head><title>Index of /uploads/</title></head></html>",
    "/.svn/wc.db": "SQLite format 3\x00",
}
CHECKS = {
    "exposed-git", "exposed-env", "exposed-credentials", "exposed-backup", "exposed-source", "exposed-diagnostics",
    "directory-listing", "exposed-version-control",
}  # fmt: skip


async def test_planted_files_are_found_each_as_its_kind() -> None:
    async with site(files({path: ("text/plain", text) for path, text in PLANTED.items()})) as root:
        result = await run(ExposedFiles(), service(root))
    origin = root.rstrip("/")
    assert set(values(result, "exposure")) == {f"{check}:{origin}" for check in CHECKS}
    assert set(values(result, "file")) == {origin + path for path in PLANTED}
    assert [o.attributes["kind"] for o in result.observations if o.type == "secret"] == ["assigned-secret"]
    assert "s3cr3t-Of-4-Test!" not in repr(result.observations)


async def test_lookalikes_are_not_believed() -> None:
    decoys = {"/" + trace.path: ("text/plain", "nothing of that kind") for trace in TRACES}
    async with site(files(decoys)) as root:
        result = await run(ExposedFiles(), service(root))
    assert result.observations == []


async def test_a_server_that_hangs_or_fails_yields_no_exposure() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(status=500, text="ref: refs/heads/main\n")

    async with site(handler) as root:
        result = await run(ExposedFiles(), service(root))
    assert (result.observations, result.stats.failed) == ([], 0)


async def test_addresses_and_secrets_are_taken_from_bodies() -> None:
    blobs = MemoryBlobs()
    body = (
        "write to Sales@Example.TEST, not logo@2x.png; key AKIA"
        + f"ABCDEFGHIJKLMNOP and postgres://u:{'hunter2' * 2}@db/x"
    )
    page = response("http://127.0.0.1/page", {}, body=blobs.put(body.encode()))
    empty = response("http://127.0.0.1/empty", {})
    result = await run(Extraction(), page, empty, blobs=blobs)
    assert values(result, "email") == ["Sales@example.test"]
    assert {o.attributes["kind"] for o in result.observations if o.type == "secret"} == {
        "aws-access-key",
        "url-password",
    }
    assert values(result, "exposure") == ["secret-in-page:http://127.0.0.1/page"]
    assert "hunter2" not in repr(result.observations)


TRACE = "Traceback (most recent call last):\n  File &quot;/srv/app.py&quot;, line 3"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("<b>Fatal error</b>: Uncaught x in <b>/var/www/a.php</b> on line <b>3</b>", ["PHP"]),
        ("PHP Warning: mysqli_connect(): Access denied in /var/www/html/db.php on line 12", ["PHP"]),
        (TRACE, ["Python"]),
        ("java.lang.NullPointerException: x\n\tat org.shop.Cart.add(Cart.java:42)", ["Java"]),
        ("<h1>Server Error in '/' Application.<hr></h1>", ["ASP.NET"]),
        ("[NullReferenceException] System.NullReferenceException: none\r\n   at Shop.Cart.Add()", ["ASP.NET"]),
        ("TypeError: x is undefined\n    at add (/srv/shop/cart.js:10:7)", ["Node.js"]),
        ("You have an error in your SQL syntax; check the manual that fits", ["MySQL"]),
        ('ERROR:  relation "carts" does not exist', ["PostgreSQL"]),
        ("SQLSTATE[42S02]: no table", ["SQL"]),
        ("ORA-00942: table or view does not exist", ["Oracle"]),
        ("ActiveRecord::StatementInvalid: x\napp/models/cart.rb:7:in `add'", ["Ruby"]),
        ("An Error: occurred at the shop. Warning: do not lean on line 3. A Traceback is a trace.", []),
        ("throw new TypeError('x at y'); // org.shop.CartException", []),
        ("Notice: we are open on line 4 of the tram, in /shop", []),
    ],
)
def test_errors_of_programs_are_told_from_words_about_errors(text: str, names: list[str]) -> None:
    assert [name for name, _ in errors_in(f"<p>before {text} after</p>")] == names


def test_no_page_makes_the_search_for_errors_slow() -> None:
    hostile = ("Error: " + " " * 5_000) * 100 + "Warning: " * 20_000 + "java." + "a." * 60_000 + " \n" * 60_000
    began = time.monotonic()
    assert list(errors_in(hostile)) == []
    assert time.monotonic() - began < 5


async def test_a_page_that_shows_an_error_is_a_weakness() -> None:
    blobs = MemoryBlobs()
    body = f"<pre>{TRACE} password=q9!Zx-72pLw</pre>".encode()
    page = response("http://127.0.0.1/broken", {}, status=500, body=blobs.put(body))
    result = await run(Extraction(), page, blobs=blobs)
    (found,) = [o for o in result.observations if o.type == "misconfiguration"]
    assert found.value == "error-in-page:http://127.0.0.1/broken"
    assert found.attributes["evidence"]["errors"] == [
        {"of": "Python", "says": "Traceback (most recent call last): File"}
    ]


async def test_a_body_that_is_gone_is_one_error_and_no_more() -> None:
    blobs = MemoryBlobs()
    good = response("http://127.0.0.1/a", {}, body=blobs.put(b"a@example.test"))
    result = await run(Extraction(), good, response("http://127.0.0.1/b", {}, body="99"), blobs=blobs)
    assert (values(result, "email"), result.stats.failed) == (["a@example.test"], 1)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("ghp_" + "a1B2" * 9, ["github-token"]),
        ("xoxb-" + "123456789012-abc", ["slack-token"]),
        ("sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc", ["stripe-key"]),
        ("-----BEGIN RSA PRIVATE " + "KEY-----\nMII", ["private-key"]),
        ("eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmN", ["json-web-token"]),
        ("PASSWORD=" + "q9!Zx-72pLw", ["assigned-secret"]),
        ("password: password", []),
        ("password = ${DB_PASSWORD}", []),
        ("nothing to see, AKIA and sk_live_ alone", []),
    ],
)
def test_secrets_are_told_by_their_form(text: str, kinds: list[str]) -> None:
    assert [sighting.kind for sighting in secrets_in(text)] == kinds


@given(st.text(min_size=1, max_size=200))
def test_a_mask_hides_three_quarters(secret: str) -> None:
    shown = mask(secret).partition("…")[0]
    assert len(shown) <= min(4, len(secret) / 4)


@given(st.text(max_size=500))
def test_any_text_can_be_searched(text: str) -> None:
    list(secrets_in(text))
    emails_in(text)


async def test_virtual_hosts_are_told_from_the_default(tmp_path: Path) -> None:
    port = free_port()
    servers = f"""
    server {{ listen 127.0.0.1:{port} default_server; return 200 "default for $host"; }}
    server {{ listen 127.0.0.1:{port}; server_name admin.example.test; return 200 "<title>Admin</title>"; }}
    server {{ listen 127.0.0.1:{port}; server_name wiki.example.test; return 403 "no"; }}"""
    with nginx(tmp_path, servers):
        result = await run(Vhosts(), service(f"http://127.0.0.1:{port}/"))
        none = await run(Vhosts(), service(f"http://127.0.0.1:{port}/"), targets=("127.0.0.1",))
    assert values(result, "host") == ["admin.example.test"]
    assert none.observations == []
