"""Runs a template against one target: bounded in requests and in time, and the same every time."""

from __future__ import annotations

import asyncio
import hashlib
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urljoin

from contracts.scope import host_of
from functions.collection.session import OutOfScope, Session
from functions.collection.templates.answers import dns_values, http_values, numbered, target_values
from functions.collection.templates.errors import EvaluationError
from functions.collection.templates.expressions import Node
from functions.collection.templates.helpers import functions
from functions.collection.templates.matching import Judge, Verdict
from functions.collection.templates.model import DnsBlock, HttpBlock, RawRequest, Template
from functions.collection.templates.patterns import encoded
from functions.collection.templates.payloads import combinations
from functions.collection.templates.uses import names_used
from kernel.egress import EgressError, Request, Response
from kernel.egress.addresses import is_address

REDIRECTS = frozenset({301, 302, 303, 307, 308})
MAX_MATCHES = 20
MAX_HISTORY = 24 * 1024 * 1024
"""Characters of earlier answers that the requests of a block may look back at: each answer counts some five times, but
lies in memory twice."""
_URL_SAFE = "/%:@!$&'()*+,;=-._~?[]{}|^\"<>`#"


@dataclass(frozen=True, slots=True)
class RunLimits:
    """What one template may do to one target. `seconds` is wall-clock time, waiting for the target's turn included."""

    requests: int = 200
    seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Match:
    """Where a template agreed: a URL or a name, the matchers that did, and the values taken out."""

    at: str
    names: tuple[str, ...] = ()
    extracted: tuple[str, ...] = ()
    payloads: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Outcome:
    """What a run showed. `notes` say in words what was left out and why."""

    matches: list[Match] = field(default_factory=list)
    requests: int = 0
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Keep a note, once, and not too many."""
        if text not in self.notes and len(self.notes) < 20:
            self.notes.append(text)


class _Spent(Exception):
    """The run has used up what it may use."""


async def run(template: Template, target: str, session: Session, limits: RunLimits | None = None) -> Outcome:
    """Run a template against a URL (its HTTP blocks) or a name (its DNS blocks).

    Raises `OutOfScope` for a target outside the scope; everything else that goes wrong is a note of the outcome.
    """
    session.require(host_of(target))
    limits = limits or RunLimits()
    work = _Run(template, target, session, limits)
    try:
        async with asyncio.timeout(limits.seconds):
            await work.everything()
    except TimeoutError:
        work.outcome.note(f"stopped after {limits.seconds:.0f} s")
    except _Spent as error:
        work.outcome.note(str(error))
    return work.outcome


class _Run:
    """One run under way."""

    def __init__(self, template: Template, target: str, session: Session, limits: RunLimits) -> None:
        seed = hashlib.blake2b(f"{template.id}\x00{target}".encode(), digest_size=8).digest()
        chance = random.Random(seed)  # noqa: S311 - values that need not be secret, but the same on every run
        self._template = template
        self._target = target
        self._session = session
        self._limits = limits
        self._judge = Judge(functions(chance), time.monotonic() + limits.seconds)
        self._known: dict[str, Any] = target_values(target)
        self._known["randstr"] = "".join(chance.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(16))
        self._cookies: dict[str, str] = {}
        self._done: dict[tuple[str, int], bool] = {}
        self.outcome = Outcome()

    async def everything(self) -> None:
        """All blocks that fit the target, or those that the flow asks for."""
        if "://" in self._target:
            await self._place_in_dns()
        for name, text in self._template.variables:
            try:
                self._known[name] = self._judge.render(text, self._known)
            except EvaluationError as error:
                self.outcome.note(f"the variable {name} has no value: {error}")
        if self._template.flow is not None:
            await self._follow(self._template.flow)
            return
        is_url = "://" in self._target
        for number in range(len(self._template.http) if is_url else 0):
            await self._block("http", number)
        for number in range(len(self._template.dns)):
            await self._block("dns", number)

    async def _follow(self, node: Node) -> bool:
        if node.kind == "call":
            kind = str(node.value)
            numbers = [part.value - 1 for part in node.parts] or range(len(getattr(self._template, kind)))
            return all([await self._block(kind, number) for number in numbers])
        if node.kind == "not":
            return not await self._follow(node.parts[0])
        if node.kind == "literal":
            return bool(node.value)
        left = await self._follow(node.parts[0])
        return left if left == (node.kind == "||") else await self._follow(node.parts[1])

    async def _block(self, kind: str, number: int) -> bool:
        """Run a block once; whether any answer matched."""
        if (kind, number) not in self._done:
            self._done[kind, number] = False
            if kind == "dns":
                self._done[kind, number] = await self._dns(self._template.dns[number])
            elif "://" in self._target:
                self._done[kind, number] = await self._http(self._template.http[number])
        return self._done[kind, number]

    async def _http(self, block: HttpBlock) -> bool:
        matched = False
        for payloads in combinations(block.payloads):
            history: dict[str, Any] = {}
            values = self._with_payloads(payloads)
            for number, raw in enumerate(block.requests, 1):
                verdict, url = await self._exchange(block, raw, {**values, **history}, history, number)
                if verdict is None:
                    continue
                self._known.update(verdict.taken)
                values.update(verdict.taken)
                matched = matched or verdict.matched
                if verdict.reported:
                    self._report(Match(url, verdict.names, verdict.extracted, tuple(sorted(payloads.items()))))
                if verdict.matched and block.stop_at_first_match:
                    return True
        return matched

    def _with_payloads(self, payloads: Mapping[str, str]) -> dict[str, Any]:
        """The known values and the payloads of this round; a payload may hold expressions itself."""
        return {**self._known, **payloads}

    async def _exchange(
        self, block: HttpBlock, raw: RawRequest, values: dict[str, Any], history: dict[str, Any], number: int
    ) -> tuple[Verdict | None, str]:
        try:
            request = self._request(raw, values, block)
        except EvaluationError as error:
            self.outcome.note(f"a request was left out: {error}")
            return None, ""
        began = time.monotonic()
        try:
            response = await self._send(request, block)
        except (OutOfScope, EgressError) as error:
            self.outcome.note(f"{type(error).__name__}: {error}")
            return None, request.url
        self._remember_cookies(response, block)
        found = http_values(response, _written(request), round(time.monotonic() - began, 3))
        if sum(len(value) for value in history.values() if isinstance(value, str)) < MAX_HISTORY:
            history.update(numbered(found, number))
        else:
            self.outcome.note("answers were too large to be kept for later requests")
        return self._verdict(block.judging, {**values, **history, **found}), response.url

    def _request(self, raw: RawRequest, values: Mapping[str, Any], block: HttpBlock) -> Request:
        path = self._judge.render(raw.path, values)
        url = path if "://" in path.partition("?")[0] else str(values["BaseURL"]) + "/" + path.lstrip("/")
        if not path.startswith("/") and "://" not in path.partition("?")[0]:
            url = str(values["RootURL"]) + "/" + path
        headers = [(name, _line(self._judge.render(value, values))) for name, value in raw.headers]
        headers = [(k, v) for k, v in headers if k.lower() != "host" or v != values["Hostname"]]
        if block.keeps_cookies and self._cookies and "cookie" not in {name.lower() for name, _ in headers}:
            headers.append(("Cookie", "; ".join(f"{k}={v}" for k, v in self._cookies.items())))
        body = encoded(self._judge.render(raw.body, values)) if raw.body is not None else None
        return Request(raw.method, _url(url), tuple(headers), body, verify=False)

    async def _send(self, request: Request, block: HttpBlock) -> Response:
        response = await self._ask(request)
        for _ in range(block.redirects):
            location = response.header("location")
            if response.status not in REDIRECTS or not location:
                break
            url = _url(urljoin(request.url, location).partition("#")[0])
            if block.same_host and host_of(url) != host_of(request.url):
                break
            try:
                request = Request("GET", url, _travelling(request, url), verify=False)
                response = await self._ask(request)
            except (OutOfScope, EgressError) as error:
                self.outcome.note(f"a redirect was not followed: {error}")
                break
        return response

    async def _ask(self, request: Request) -> Response:
        self._spend()
        return await self._session.http(request)

    def _spend(self) -> None:
        if self.outcome.requests >= self._limits.requests:
            raise _Spent(f"stopped after {self._limits.requests} requests")
        self.outcome.requests += 1

    async def _place_in_dns(self) -> None:
        """The address and the aliases of the host, where the template asks about them."""
        asked, host = names_used(self._template) & {"ip", "cname"}, host_of(self._target)
        try:
            if "ip" in asked:
                self._known["ip"] = next(iter(await self._session.resolve(host)), "")
            if "cname" in asked and not is_address(host):
                self._spend()
                aliases = (await self._session.query(host, "A")).aliases
                self._known["cname"] = aliases if len(aliases) > 1 else "".join(aliases)
        except EgressError as error:
            self.outcome.note(f"{type(error).__name__}: {error}")

    async def _dns(self, block: DnsBlock) -> bool:
        matched = False
        for payloads in combinations(block.payloads):
            matched = await self._question(block, payloads) or matched
            if matched and block.stop_at_first_match:
                break
        return matched

    async def _question(self, block: DnsBlock, payloads: Mapping[str, str]) -> bool:
        values = self._with_payloads(payloads)
        try:
            name = self._judge.render(block.name, values)
        except EvaluationError as error:
            self.outcome.note(f"a question was left out: {error}")
            return False
        host = host_of(self._target)
        if name.rstrip(".").lower() != host and not name.rstrip(".").lower().endswith(f".{host}"):
            self.outcome.note(f"a question about {name[:100]} was left out: it lies outside {host}")
            return False
        self._spend()
        began = time.monotonic()
        try:
            answer = await self._session.query(name, block.record_type, about=host)
        except EgressError as error:
            self.outcome.note(f"{type(error).__name__}: {error}")
            return False
        found = dns_values(answer.message, round(time.monotonic() - began, 3))
        verdict = self._verdict(block.judging, {**values, **found})
        if verdict is None:
            return False
        self._known.update(verdict.taken)
        if verdict.reported:
            told = tuple(sorted(payloads.items()))
            self._report(Match(name.rstrip("."), verdict.names, verdict.extracted, told))
        return verdict.matched

    def _verdict(self, judging: Any, values: dict[str, Any]) -> Verdict | None:
        try:
            return self._judge.verdict(judging, values)
        except EvaluationError as error:
            self.outcome.note(str(error))
            return None

    def _report(self, match: Match) -> None:
        if len(self.outcome.matches) < MAX_MATCHES:
            self.outcome.matches.append(match)

    def _remember_cookies(self, response: Response, block: HttpBlock) -> None:
        for cookie in response.all_headers("set-cookie") if block.keeps_cookies else ():
            name, separator, value = cookie.partition(";")[0].partition("=")
            if separator and len(self._cookies) < 50:
                self._cookies[name.strip()] = value.strip()[:4096]


def _travelling(request: Request, url: str) -> tuple[tuple[str, str], ...]:
    """The headers that follow a redirect: what names or proves somebody stays with its host."""
    left = {"host"} if host_of(url) == host_of(request.url) else {"host", "authorization", "cookie"}
    return tuple(pair for pair in request.headers if pair[0].lower() not in left)


def _url(url: str) -> str:
    """A URL whose control characters, spaces and backslashes are encoded, so that it can be sent."""
    return url if url.isascii() and url.isalnum() else quote(encoded(url), safe=_URL_SAFE)


def _line(value: str) -> str:
    return " ".join(value.splitlines()) if "\n" in value or "\r" in value else value


def _written(request: Request) -> str:
    """The request as text, for matchers that look at it."""
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers)
    body = (request.body or b"").decode("utf-8", "surrogateescape")
    return f"{request.method} {request.url} HTTP/1.1\r\n{head}\r\n{body}"
