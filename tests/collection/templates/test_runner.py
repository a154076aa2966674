"""Templates against sites and name servers on loopback: what is sent, what is judged, and what is bounded."""

from __future__ import annotations

import asyncio
import base64
import random
import time
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset
import pytest
from aiohttp import web

from functions.collection.session import OutOfScope
from functions.collection.templates.corpus import main, survey
from functions.collection.templates.errors import EvaluationError
from functions.collection.templates.helpers import functions
from functions.collection.templates.matching import Judge
from functions.collection.templates.parser import parse_template
from functions.collection.templates.runner import Outcome, RunLimits, run
from kernel.egress import DnsSettings
from tests.collection.servers import named
from tests.collection.sites import files, site
from tests.collection.world import session
from tests.kernel.egress_servers import answering, tcp_server

HEAD = "id: one-check\ninfo: {name: A check, severity: high}\n"


async def outcome_of(
    text: str, target: str, limits: RunLimits | None = None, dns: DnsSettings | None = None
) -> Outcome:
    async with session("127.0.0.1", "example.test", "www.example.test", dns=dns) as outside:
        return await run(parse_template(HEAD + text), target, outside, limits)


def texts(pages: dict[str, str]) -> Any:
    return files({path: ("text/html", text) for path, text in pages.items()})


async def judged(matchers: str, body: str = "alpha beta", more: str = "") -> bool:
    async with site(files({"/": ("text/plain", body)}, {"X-Made-By": "Us"})) as root:
        outcome = await outcome_of(f"http:\n  - path: ['{{{{BaseURL}}}}/']\n{more}    matchers: {matchers}\n", root)
    return bool(outcome.matches)


@pytest.mark.parametrize(
    ("matchers", "agrees"),
    [
        ("[{type: word, words: [beta, none]}]", True),
        ("[{type: word, words: [beta, none], condition: and}]", False),
        ("[{type: word, words: [none], negative: true}]", True),
        ("[{type: word, words: [BETA], case-insensitive: true}]", True),
        ("[{type: word, words: [BETA]}]", False),
        ("[{type: word, words: ['62657461'], encoding: hex}]", True),
        ("[{type: word, part: header, words: ['X-Made-By: Us']}]", True),
        ("[{type: word, part: x_made_by, words: [Us]}]", True),
        ("[{type: word, part: no_such_header, words: [Us], negative: true}]", False),
        ("[{type: word, part: raw, words: ['HTTP/1.1 200 OK']}]", True),
        ("[{type: regex, regex: ['al.ha\\s+b']}]", True),
        ("[{type: regex, regex: ['^beta']}]", False),
        ("[{type: binary, binary: ['616c706861']}]", True),
        ("[{type: status, status: [404, 200]}]", True),
        ("[{type: status, status: [500]}]", False),
        ("[{type: size, size: [10]}]", True),
        ("[{type: dsl, dsl: ['len(body) == 10 && status_code == 200']}]", True),
        ("[{type: dsl, dsl: ['no_such_value == 1']}]", False),
        ("[{type: dsl, dsl: ['no_such_value == 1'], negative: true}]", True),
        ("[{type: dsl, dsl: ['contains(x_made_by, \"Us\") && duration < 30']}]", True),
        ("[{type: status, status: [200]}, {type: word, words: [none]}]", True),
        ("[{type: status, status: [200], internal: true}]", False),
    ],
)
async def test_matchers(matchers: str, agrees: bool) -> None:
    assert await judged(matchers) is agrees


async def test_all_matchers_can_be_demanded() -> None:
    both = "[{type: status, status: [200]}, {type: word, words: [none]}]"
    assert not await judged(both, more="    matchers-condition: and\n")


async def test_values_taken_out_feed_later_requests() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path == "/form":
            answer = web.Response(text='<input name="token" value="abc123">')
            answer.set_cookie("sid", "s1")
            return answer
        body = await request.text()
        if request.cookies.get("sid") == "s1" and body == "token=abc123&user=%27" and request.headers["X-N"] == "7":
            return web.json_response({"users": [{"name": "ann"}, {"name": "bob"}]})
        return web.Response(status=400, text=f"{body} {dict(request.cookies)} {request.headers.get('X-N')}")

    text = r"""variables:
  seven: "{{1 + 6}}"
  user: "'"
  n: "{{to_number('6') + 1}}"
http:
  - raw:
      - |
        GET /form HTTP/1.1
        Host: {{Hostname}}

      - |
        POST /send HTTP/1.1
        Host: {{Hostname}}
        X-N: {{n}}
        Content-Type: application/x-www-form-urlencoded

        token={{token}}&user={{url_encode(user)}}
    extractors:
      - {type: regex, name: token, internal: true, group: 1, regex: ['value="(\w+)"']}
      - {type: json, json: ['.users[].name']}
    matchers:
      - {type: dsl, dsl: ["status_code_1 == 200 && contains(body_2, 'ann')"]}
"""
    async with site(handler) as root:
        outcome = await outcome_of(text, root)
    assert outcome.notes == []
    assert [match.extracted for match in outcome.matches] == [("ann", "bob")]
    assert outcome.requests == 2


@pytest.mark.parametrize(
    ("attack", "sent"),
    [
        ("batteringram", ["a1", "b1", "a1", "a2", "a3"]),
        ("pitchfork", ["a1", "b2"]),
        ("clusterbomb", ["a1", "a2", "a3", "b1", "b2", "b3"]),
    ],
)
async def test_payloads_are_combined(attack: str, sent: list[str]) -> None:
    seen: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append(request.path[1:])
        return web.Response(text="x")

    text = f"""http:
  - path: ['{{{{BaseURL}}}}/{{{{letter}}}}{{{{number}}}}']
    attack: {attack}
    payloads: {{letter: [a, b], number: ['1', '2', '3']}}
    matchers: [{{type: status, status: [200]}}]
"""
    async with site(handler) as root:
        outcome = await outcome_of(text, root)
    assert seen == sent
    assert len(outcome.matches) == len(sent)


async def test_the_first_match_can_be_enough() -> None:
    text = """http:
  - path: ['{{BaseURL}}/{{n}}']
    payloads: {n: ['1', '2', '3', '4']}
    stop-at-first-match: true
    matchers: [{type: status, status: [200]}]
"""
    async with site(texts({"/2": "x", "/3": "x"})) as root:
        outcome = await outcome_of(text, root)
    assert [match.at.rpartition("/")[2] for match in outcome.matches] == ["2"]
    assert outcome.requests == 2
    assert outcome.matches[0].payloads == (("n", "2"),)


async def test_redirects_are_followed_when_asked_and_only_inside() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        there = {"/": "/two", "/two": "/three", "/out": "http://169.254.169.254/latest/meta-data/", "/loop": "/loop"}
        if request.path in there:
            return web.Response(status=302, headers={"Location": there[request.path]})
        return web.Response(text="arrived")

    arrives = "http:\n  - path: ['{{BaseURL}}%s']\n    redirects: %s\n    matchers: [{type: word, words: [arrived]}]\n"
    async with site(handler) as root:
        assert (await outcome_of(arrives % ("/", "true"), root)).matches
        assert not (await outcome_of(arrives % ("/", "false"), root)).matches
        out = await outcome_of(arrives % ("/out", "true"), root)
        loop = await outcome_of(arrives % ("/loop", "true"), root)
    assert out.matches == []
    assert "a redirect was not followed" in out.notes[0]
    assert loop.requests == 11


async def test_a_flow_decides_what_is_asked() -> None:
    blocks = """http:
  - path: ['{{BaseURL}}/one']
    matchers: [{type: status, status: [200], internal: true}]
  - path: ['{{BaseURL}}/two']
    matchers: [{type: status, status: [200]}]
"""
    async with site(texts({"/two": "x"})) as root:
        left_out = await outcome_of("flow: http(1) && http(2)\n" + blocks, root)
        asked = await outcome_of("flow: '!http(1) && http(2)'\n" + blocks, root)
    assert (left_out.requests, left_out.matches) == (1, [])
    assert (asked.requests, len(asked.matches)) == (2, 1)


async def test_what_stands_in_braces_without_being_an_expression_is_sent_as_it_is() -> None:
    seen: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append(request.query_string)
        return web.Response(text="x")

    async with site(handler) as root:
        await outcome_of("http:\n  - path: ['{{BaseURL}}/?q={{7*7}}']\n", root)
        left_out = await outcome_of("http:\n  - path: ['{{BaseURL}}/?q={{unknown}}']\n", root)
    assert [item.replace("%7B", "{").replace("%7D", "}") for item in seen] == ["q={{7*7}}"]
    assert left_out.notes == ["a request was left out: the name 'unknown' has no value"]


async def test_a_template_stays_inside_the_scope() -> None:
    async with site(texts({"/": "x"})) as root:
        port = root.rstrip("/").rpartition(":")[2]
        paths = f"['http://127.0.0.2:{port}/', '{{{{BaseURL}}}}/']"
        text = f"http:\n  - path: {paths}\n    matchers: [{{type: status, status: [200]}}]\n"
        outcome = await outcome_of(text, root)
        assert [match.at for match in outcome.matches] == [root]
        assert outcome.notes == ["OutOfScope: 127.0.0.2 is outside the scope"]
        with pytest.raises(OutOfScope):
            await outcome_of(text, f"http://127.0.0.2:{port}")


async def test_large_answers_are_not_kept_without_end() -> None:
    paths = ", ".join(["'{{BaseURL}}/'"] * 8)
    text = f"http:\n  - path: [{paths}]\n    matchers: [{{type: dsl, dsl: ['len(body_1) > 0']}}]\n"
    async with site(texts({"/": "x" * 1_500_000})) as root:
        outcome = await outcome_of(text, root)
    assert len(outcome.matches) == 8
    assert outcome.notes == ["answers were too large to be kept for later requests"]


async def test_requests_are_counted_and_bounded() -> None:
    text = """http:
  - path: ['{{BaseURL}}/{{n}}']
    payloads: {n: ['1', '2', '3', '4', '5']}
    matchers: [{type: status, status: [404]}]
"""
    async with site(texts({})) as root:
        outcome = await outcome_of(text, root, RunLimits(requests=3))
    assert outcome.requests == 3
    assert outcome.notes == ["stopped after 3 requests"]
    assert len(outcome.matches) == 3


async def test_time_is_bounded() -> None:
    began = time.monotonic()
    async with tcp_server(
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", b"x", pause=1.0, forever=True)
    ) as p:
        outcome = await outcome_of(
            "http:\n  - path: ['{{BaseURL}}/']\n", f"http://127.0.0.1:{p}/", RunLimits(seconds=1.5)
        )
    assert time.monotonic() - began < 5
    assert outcome.notes == ["stopped after 2 s"]


BACKTRACKING = r"""http:
  - path: ['{{BaseURL}}/']
    matchers:
      - {type: regex, regex: ['^(([a-z])+.)+[A-Z]([a-z])+$', '(a|a)*$x', '(a+)+$x', '(.*)*y']}
"""


async def test_a_pattern_that_would_backtrack_for_ever_ends() -> None:
    """The same patterns take Python's engine longer than the universe has had, from 40 characters on."""
    async with site(texts({"/": "a" * 500_000 + "!"})) as root:
        began = time.monotonic()
        outcome = await outcome_of(BACKTRACKING, root)
        seconds = time.monotonic() - began
    assert outcome.matches == []
    assert seconds < 5


def test_an_answer_that_takes_too_long_to_judge_is_left() -> None:
    text = "http:\n  - path: ['{{BaseURL}}/']\n    matchers: [{type: regex, regex: ['a']}]\n"
    judge = Judge(functions(random.Random(1)), until=time.monotonic() - 1)
    with pytest.raises(EvaluationError, match="too long"):
        judge.verdict(parse_template(HEAD + text).http[0].judging, {"body": "a"})


async def test_names_are_asked_about(tmp_path: Path) -> None:
    text = """dns:
  - name: "{{FQDN}}"
    type: TXT
    matchers:
      - {type: regex, part: answer, regex: ["IN\\tTXT\\t.v=spf1"]}
      - {type: dsl, dsl: ["rcode == 0"]}
    matchers-condition: and
    extractors:
      - {type: regex, part: answer, group: 1, regex: ['mx a:([a-z.]+)']}
"""
    alias = """dns:
  - {name: 'www.{{FQDN}}', type: CNAME, matchers: [{type: dsl, dsl: ['contains(cname, "web.example")']}]}
"""
    missing = "dns:\n  - {name: 'no.{{FQDN}}', type: A, matchers: [{type: word, words: [NXDOMAIN]}]}\n"
    with named(tmp_path) as port:
        settings = DnsSettings(nameservers=(("127.0.0.1", port),))
        outcome = await outcome_of(text, "example.test", dns=settings)
        called = await outcome_of(alias, "example.test", dns=settings)
        nothing = await outcome_of(missing, "example.test", dns=settings)
    assert [(match.at, match.extracted) for match in outcome.matches] == [("example.test", ("one.example.test",))]
    assert [match.at for match in called.matches] == ["www.example.test"]
    assert [match.at for match in nothing.matches] == ["no.example.test"]


async def test_a_question_is_asked_for_every_payload(tmp_path: Path) -> None:
    text = """dns:
  - name: "{{label}}.{{FQDN}}"
    type: A
    payloads: {label: [nothing, web, dev]}
    matchers: [{type: word, part: answer, words: ["IN\\tA"]}]
"""
    with named(tmp_path) as port:
        settings = DnsSettings(nameservers=(("127.0.0.1", port),))
        every = await outcome_of(text, "example.test", dns=settings)
        first = await outcome_of(f"{text}    stop-at-first-match: true\n", "example.test", dns=settings)
    found = [(match.at, match.payloads) for match in every.matches]
    assert found == [("web.example.test", (("label", "web"),)), ("dev.example.test", (("label", "dev"),))]
    assert every.requests == 3
    assert [match.at for match in first.matches] == ["web.example.test"]


class Aliases(asyncio.DatagramProtocol):
    """A name server for which every name is an alias of a host at 127.0.0.1."""

    def connection_made(self, transport: Any) -> None:
        self.transport, self.asked = transport, 0

    def datagram_received(self, data: bytes, addr: Any) -> None:
        question = dns.message.from_wire(data)
        answer = dns.message.make_response(question)
        answer.flags |= dns.flags.RA
        name, rdtype = question.question[0].name, question.question[0].rdtype
        self.asked += 1
        answer.answer.append(dns.rrset.from_text(name, 60, "IN", "CNAME", "shops.hosting.test."))
        if rdtype == dns.rdatatype.A:
            answer.answer.append(dns.rrset.from_text("shops.hosting.test.", 60, "IN", "A", "127.0.0.1"))
        self.transport.sendto(answer.to_wire(), addr)


async def test_a_site_is_known_by_its_address_and_its_aliases() -> None:
    text = """http:
  - path: ['{{BaseURL}}/']
    matchers-condition: and
    matchers:
      - {type: dsl, dsl: [Host != ip]}
      - {type: word, words: [nobody]}
    extractors: [{type: dsl, dsl: [cname]}]
"""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(Aliases, ("127.0.0.1", 0))
    settings = DnsSettings(nameservers=(transport.get_extra_info("sockname")[:2],))
    async with site(texts({"/": "nobody has claimed this"})) as root:
        named_so = root.replace("127.0.0.1", "www.example.test")
        found = await outcome_of(text, named_so, dns=settings)
        by_address = await outcome_of(text, root, dns=settings)
        named = text.replace("dsl: [cname]", "dsl: [alias]") + 'variables: {alias: "of {{cname}}"}\n'
        by_variable = await outcome_of(named, named_so, dns=settings)
        asked = server.asked
        plain = await outcome_of("http:\n  - path: ['{{BaseURL}}/']\n", root, dns=settings)
    transport.close()
    assert [match.extracted for match in found.matches] == [("shops.hosting.test",)]
    assert [match.extracted for match in by_variable.matches] == [("of shops.hosting.test",)]
    assert by_address.matches == []
    assert (plain.notes, server.asked) == ([], asked)


@pytest.mark.parametrize("name", ["{{md5(FQDN)}}.evil.test", "evil-{{FQDN}}", "{{FQDN}}.evil.test"])
async def test_a_question_about_somebody_elses_name_is_left_out(name: str) -> None:
    """Nobody answers at the nameserver: a question would take its time and be told as such."""
    text = f"dns:\n  - {{name: '{name}', type: A, matchers: [{{type: word, words: [x]}}]}}\n"
    outcome = await outcome_of(text, "example.test", dns=DnsSettings(nameservers=(("127.0.0.1", 9),)))
    assert outcome.requests == 0
    assert "outside example.test" in outcome.notes[0]


async def test_binary_answers_are_kept_byte_by_byte() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(body=bytes(range(256)), content_type="application/octet-stream")

    encoded = base64.b64encode(bytes(range(256))).decode()
    text = f"""http:
  - path: ['{{{{BaseURL}}}}/']
    matchers-condition: and
    matchers:
      - {{type: binary, binary: ['fdfeff']}}
      - {{type: dsl, dsl: ['base64(body) == "{encoded}"', 'len(body) == 256'], condition: and}}
"""
    async with site(handler) as root:
        assert (await outcome_of(text, root)).matches


async def test_a_run_again_sends_the_same() -> None:
    seen: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append(request.path)
        return web.Response(text="x")

    async with site(handler) as root:
        for _ in range(2):
            await outcome_of("http:\n  - path: ['{{BaseURL}}/{{randstr}}-{{rand_int(1, 1000000)}}']\n", root)
    assert seen[0] == seen[1]


def test_a_collection_is_surveyed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = HEAD + "http:\n  - path: ['{{BaseURL}}/']\n"
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "good.yaml").write_text(good)
    (tmp_path / "browser.yaml").write_text(HEAD + "headless: [x]\n")
    (tmp_path / "faulty.yml").write_text(good.replace("path", "paths"))
    (tmp_path / "words.yaml").write_text("- a list\n")
    report = survey(tmp_path)
    assert (report.parsed, report.total, report.others) == (1, 3, 1)
    assert main([str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "1 of 3 templates can be used (33.3%)" in printed
    assert "headless" in printed
    assert "browser.yaml" in printed
    assert main([str(tmp_path / "none")]) == 1


async def test_runs_at_once_do_not_disturb_each_other() -> None:
    async with site(texts({"/": "x"})) as root:
        text = "http:\n  - path: ['{{BaseURL}}/']\n    matchers: [{type: status, status: [200]}]\n"
        outcomes = await asyncio.gather(*(outcome_of(text, root) for _ in range(20)))
    assert all(len(outcome.matches) == 1 for outcome in outcomes)
