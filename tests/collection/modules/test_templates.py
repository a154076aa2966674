# ruff: noqa: E501 - what a server says in one line is read best in one line
"""The module that runs templates, and the templates that ship with the product: each finds what it looks for, and
none cries out at a site that answers everything."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from functions.collection.modules.templates import Templates, check_of, checks
from functions.collection.templates.shipped import shipped_templates
from functions.collection.web import Site
from kernel.egress import DnsSettings
from tests.collection.servers import named
from tests.collection.sites import Handler, files, site
from tests.collection.world import observed, run, values
from tests.kernel.egress_servers import Zone, dns_server

JSON, HTML, TEXT = "application/json", "text/html", "text/plain"
OPEN: dict[str, tuple[str, dict[str, tuple[str, str]]]] = {
    "swagger-description-open": ("exposure", {"/openapi.json": (JSON, '{"openapi": "3.1.0", "info": {"title": "Shop"}, "paths": {}}')}),
    "graphql-introspection": ("misconfiguration", {"/graphql": (JSON, '{"data":{"__schema":{"queryType":{"name":"Query"}}}}')}),
    "prometheus-open": ("exposure", {"/api/v1/status/buildinfo": (JSON, '{"status":"success","data":{"goVersion":"go1.22"}}')}),
    "metrics-of-go-open": ("exposure", {"/metrics": (TEXT, "# TYPE go_goroutines gauge\ngo_goroutines 7\n")}),
    "elasticsearch-open": ("exposure", {"/": (JSON, '{"version":{"number":"8.1.0"},"tagline":"You Know, for Search"}'),
                                        "/_cat/indices": (TEXT, "customers\n")}),
    "docker-registry-open": ("exposure", {"/v2/_catalog": (JSON, '{"repositories":["shop"]}')}),
    "docker-api-open": ("exposure", {"/version": (JSON, '{"ApiVersion":"1.44","MinAPIVersion":"1.24","GitCommit":"x"}')}),
    "kubernetes-api-anonymous": ("misconfiguration", {"/version": (JSON, '{"gitVersion":"v1.30","goVersion":"x","platform":"y"}')}),
    "kubelet-pods-open": ("exposure", {"/pods": (JSON, '{"kind":"PodList","apiVersion":"v1"}')}),
    "etcd-open": ("exposure", {"/v2/keys/": (JSON, '{"action":"get","node":{"dir":true}}')}),
    "consul-open": ("exposure", {"/v1/agent/self": (JSON, '{"Config":{"NodeName":"a"},"Member":{}}')}),
    "couchdb-open": ("exposure", {"/": (JSON, '{"couchdb":"Welcome"}'), "/_all_dbs": (JSON, '["customers"]')}),
    "jenkins-script-console": ("exposure", {"/script": (HTML, "<h1>Script Console</h1> println(Jenkins.instance.pluginManager)")}),
    "kibana-open": ("exposure", {"/api/status": (JSON, '{"name":"k","version":{"build_hash":"x"}}')}),
    "spring-actuator-open": ("exposure", {"/actuator": (JSON, '{"_links":{"self":{},"health":{}}}')}),
    "spring-actuator-heapdump": ("exposure", {"/actuator/heapdump": ("application/octet-stream", "JAVA PROFILE")}),
    "laravel-debug-mode": ("exposure", {"/_ignition/health-check": (JSON, '{"can_execute_commands":true}')}),
    "werkzeug-debugger": ("exposure", {"/console": (HTML, "<h1>Interactive Console</h1>?__debugger__=yes")}),
    "symfony-profiler": ("exposure", {"/_profiler/empty/search/results": (HTML, "<title>Symfony Profiler</title>")}),
    "wordpress-users-listed": ("exposure", {"/wp-json/wp/v2/users": (JSON, '[{"slug":"ann","description":"","avatar_urls":{}}]')}),
    "source-map-open": ("exposure", {"/": (HTML, '<script src="/app.js"></script>'), "/app.js.map": (JSON, '{"sources":[],"mappings":""}')}),
    "cross-domain-policy-wide": ("misconfiguration", {"/crossdomain.xml": ("text/xml", '<allow-access-from domain="*"/>')}),
    "jupyter-open": ("exposure", {"/api/contents": (JSON, '{"type": "directory", "last_modified": "x", "mimetype": null}')}),
    "phpmyadmin-panel": ("technology", {"/phpmyadmin/": (HTML, '<title>phpMyAdmin</title><input name="pma_username">')}),
    "grafana-panel": ("technology", {"/login": (HTML, "<title>Grafana</title>")}),
    "tomcat-default-page": ("technology", {"/": (HTML, "<title>Apache Tomcat/9.0.50</title>")}),
}  # fmt: skip
ELSEWHERE = {
    "cors-origin-reflected", "django-debug-mode", "dns-private-address",
    "dns-verification-records", "header-injection", "http-trace-enabled", "jenkins-panel", "open-redirect",
}  # fmt: skip


async def found_at(handler: Handler, **config: Any) -> Any:
    async with site(handler) as root:
        return await run(Templates(), observed("service", Site.of(root).service), config=config)


def ids(result: Any) -> set[str]:
    return {o.attributes.get("template") or o.attributes["evidence"]["template"] for o in result.observations}


def test_every_shipped_template_is_tried() -> None:
    assert len(shipped_templates()) >= 25
    assert {template.id for template in shipped_templates()} == set(OPEN) | ELSEWHERE
    assert {path.stem for path in Path("functions/collection/data/templates").glob("*.yaml")} == set(OPEN) | ELSEWHERE


@pytest.mark.parametrize("template", sorted(OPEN))
async def test_a_shipped_template_finds_what_it_looks_for(template: str) -> None:
    kind, pages = OPEN[template]
    result = await found_at(files(pages))
    assert ids(result) == {template}
    assert {o.type for o in result.observations} == {kind}
    assert result.stats.rejected == 0


async def echoing(request: web.Request) -> web.StreamResponse:
    """A server with the faults that lie in how requests are answered."""
    if request.method == "TRACE":
        words = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        return web.Response(text=words, content_type="message/http")
    if "next" in request.query and request.query["next"].startswith("https://"):
        return web.Response(status=302, headers={"Location": request.query["next"]})
    headers = {"Access-Control-Allow-Credentials": "true", "X-Jenkins": "2.4"}
    if "Origin" in request.headers:
        headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
    _, _, injected = request.query.get("next", "").partition("\r\n")
    if injected:
        name, _, value = injected.partition(": ")
        headers[name] = value
    if request.path.endswith("-missing"):
        return web.Response(status=404, text="You&#x27;re seeing this error because you have <code>DEBUG = True</code>")
    return web.Response(text="fine", headers=headers)


async def test_faults_in_how_requests_are_answered_are_found() -> None:
    result = await found_at(echoing)
    wanted = {"cors-origin-reflected", "django-debug-mode", "header-injection", "http-trace-enabled", "jenkins-panel",
              "open-redirect"}  # fmt: skip
    assert ids(result) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "<!doctype html><title>Welcome</title>",
        '{"status":"ok"}',
        "Grafana Kibana Jenkins Elasticsearch Docker swagger openapi phpMyAdmin",
    ],
)
async def test_a_site_that_answers_everything_shows_nothing(text: str) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(text=text, content_type="text/html")

    result = await found_at(handler)
    assert result.observations == []
    assert result.stats.failed == 0


async def test_names_are_checked(tmp_path: Path) -> None:
    with named(tmp_path) as port:
        settings = DnsSettings(nameservers=(("127.0.0.1", port),))
        sound = await run(Templates(), observed("domain", "example.test"), dns=settings)
    with dns_server(Zone(("10.1.2.3",))) as port:
        settings = DnsSettings(nameservers=(("127.0.0.1", port),))
        private = await run(Templates(), observed("domain", "example.test"), dns=settings)
    assert ids(sound) == set()
    assert ids(private) == {"dns-private-address"}


OWN = """id: own-check
info: {name: "Our own page is open", severity: high, tags: exposure}
http:
  - method: %s
    path: ["{{BaseURL}}/own"]
    matchers: [{type: status, status: [200]}]
"""


async def test_a_tenants_own_templates_run_beside_the_shipped_ones() -> None:
    pages = files({"/own": (TEXT, "x"), "/login": (HTML, "<title>Grafana</title>")})
    assert ids(await found_at(pages, own=[OWN % "GET"])) == {"own-check", "grafana-panel"}
    assert ids(await found_at(pages, own=[OWN % "GET"], shipped=False)) == {"own-check"}
    assert ids(await found_at(pages, own=[OWN % "GET"], exclude=["own-check"])) == {"grafana-panel"}
    assert ids(await found_at(pages, own=[OWN % "GET"], tags=["panel"])) == {"grafana-panel"}


async def test_what_writes_runs_only_when_asked() -> None:
    quiet = await found_at(files({"/own": (TEXT, "x")}), own=[OWN % "POST"], shipped=False)
    asked = await found_at(files({"/own": (TEXT, "x")}), own=[OWN % "POST"], shipped=False, intrusive=True)
    assert (ids(quiet), ids(asked)) == (set(), {"own-check"})
    assert any("intrusive" in entry.message for entry in quiet.log)


async def test_hostile_templates_are_explained_in_the_log_and_the_scan_goes_on() -> None:
    bomb = "a: &a [x]\nb: [*a, *a]\n"
    slow = (OWN % "GET").replace("own-check", "slow").replace("status, status: [200]", "regex, regex: ['(a+)+$']")
    look_around = slow.replace("(a+)+$", "(?=a)b")
    result = await found_at(
        files({"/own": (TEXT, "a" * 500_000 + "!")}), own=[bomb, look_around, slow, OWN % "GET"], shipped=False
    )
    assert ids(result) == {"own-check"}
    messages = [entry.message for entry in result.log]
    assert any("alias" in message for message in messages)
    assert any("look-around" in message for message in messages)
    assert result.stats.failed == 0


def test_a_templates_words_become_a_check() -> None:
    by_id = {template.id: template for template in shipped_templates()}
    check = check_of(by_id["elasticsearch-open"])
    assert (check.id, check.severity.value, check.type.value) == ("template-elasticsearch-open", "critical", "exposure")
    assert check.references == ("https://cwe.mitre.org/data/definitions/306.html",)
    assert all(check.title and check.description and check.remedy for check in checks())


async def test_a_template_that_finds_nothing_is_silent() -> None:
    assert values(await found_at(files({})), "exposure") == []


LEAK = """id: leak
info: {name: "A key is shown", severity: high, tags: "exposure%s"}
http:
  - path: ["{{BaseURL}}/own"]
    extractors: [{type: regex, regex: ['[A-Za-z0-9_=. ]+']}]
"""


async def test_secrets_that_are_taken_out_are_masked() -> None:
    key = "AKIA" + "ABCDEFGHIJKLMNOP"
    pages = files({"/own": (TEXT, f"id {key} end"), "/": (TEXT, "x")})
    named = await found_at(pages, own=[LEAK % ",token"], shipped=False)
    other = await found_at(pages, own=[LEAK % ""], shipped=False)
    assert key not in repr(named.observations)
    assert key not in repr(other.observations)
    assert other.observations[0].attributes["evidence"]["extracted"] == ["id AKIA…(20 characters) end"]


async def test_a_slow_site_costs_a_bounded_time_and_what_was_found_is_kept() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path != "/own":
            await asyncio.sleep(30)
        return web.Response(text="x")

    began = time.monotonic()
    result = await found_at(handler, own=[OWN % "GET"], target_seconds=3.0, max_seconds=2.0)
    assert time.monotonic() - began < 8
    assert any("is slow" in entry.message for entry in result.log)
    assert result.stats.failed == 0
