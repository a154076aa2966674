"""Web application firewalls: recognised by the marks they leave, and by refusing what looks like an attack."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.module import Config, Context, Found, Module
from functions.collection.web import Site, text_of
from kernel.egress import EgressError, EgressUnreachable, Limits, Request, Response

MARKS = Path(__file__).parents[1] / "data" / "firewalls.yaml"
LIMITS = Limits(body=256 * 1024, total_seconds=15.0, connect_seconds=5.0, truncate=True)
GENERIC = "Web application firewall"
REFUSING = frozenset({403, 405, 406, 412, 418, 419, 429, 493, 500, 501, 503, 999})
"""Status codes with which firewalls refuse."""
BAIT = (
    "?q=%3Cscript%3Ealert(1)%3C/script%3E",
    "?q=1%27%20UNION%20SELECT%20user,password%20FROM%20users--",
    "?file=../../../../etc/passwd",
)
"""Queries that look like attacks and ask for nothing: no parameter of these names need exist."""


class FirewallConfig(Config):
    """How firewalls are looked for."""

    provoke: Annotated[
        bool, Field(description="Send three queries that look like attacks, so that a firewall shows itself.")
    ] = True


@dataclass(frozen=True, slots=True)
class Marks:
    """By what a firewall is known."""

    headers: dict[str, re.Pattern[str]]
    cookies: tuple[re.Pattern[str], ...]
    body: tuple[re.Pattern[str], ...]


@dataclass(frozen=True, slots=True)
class Reactions:
    """What a site answers to a plain question, and to each that looks like an attack; None where it broke off."""

    plain: Response
    provoked: tuple[tuple[str, Response | None], ...]


class Firewall(Module[Reactions]):
    """Asks once plainly and then with queries that firewalls refuse."""

    face = ModuleFace(
        name="firewall",
        version="1.0.0",
        summary="Recognises web application firewalls in front of a site",
        consumes=(ObservationType.SERVICE,),
        produces=(ObservationType.TECHNOLOGY,),
        matching=r"^https?://",
        invasiveness=Invasiveness.ACTIVE,
        rate_group="http",
        concurrency=8,
        oracle="wafw00f",
    )
    config = FirewallConfig

    async def get(self, observation: Observation, context: Context) -> Reactions:
        """The reactions. Raises `EgressError` when the site does not answer a plain question."""
        root = Site.of(observation.value).root
        plain = await context.session.http(Request("GET", root, verify=False), LIMITS)
        baits = BAIT if context.config.provoke else ()
        provoked = [(bait, await _provoke(root + bait, context)) for bait in baits if not context.is_over]
        return Reactions(plain, tuple(provoked))

    def transform(self, observation: Observation, raw: Reactions) -> Iterable[Found]:
        """The firewalls by name; where none is known but attacks are refused, that there is one."""
        asset = Site.of(observation.value).origin
        answers = [raw.plain, *(answer for _, answer in raw.provoked if answer)]
        named: dict[str, set[str]] = {}
        for answer in answers:
            for name, traces in recognise(answer).items():
                named.setdefault(name, set()).update(traces)
        refusals = [f"{bait}: {status}" for bait, status in _refusals(raw)]
        for name in sorted(named):
            yield _fact(name, asset, sorted(named[name]), refusals, 0.9)
        if not named and refusals:
            yield _fact(GENERIC, asset, [], refusals, 0.6)


async def _provoke(url: str, context: Context) -> Response | None:
    try:
        return await context.session.http(Request("GET", url, verify=False), LIMITS)
    except EgressUnreachable:
        return None
    except EgressError as error:
        context.log.debug("%s: %s", url, error)
        return None


def _refusals(raw: Reactions) -> Iterator[tuple[str, str]]:
    """The queries that were refused where a plain one was not."""
    if raw.plain.status in REFUSING:
        return
    for bait, answer in raw.provoked:
        if answer is None:
            yield bait, "connection closed"
        elif answer.status in REFUSING:
            yield bait, str(answer.status)


def _fact(name: str, asset: str, traces: list[str], refusals: list[str], confidence: float) -> Found:
    attributes: dict[str, Any] = {
        "category": "web application firewall",
        "asset": asset,
        "version": "",
        "traces": traces,
        "refused": refusals,
    }
    return Found(ObservationType.TECHNOLOGY, name, attributes, confidence)


def recognise(response: Response) -> dict[str, list[str]]:
    """The firewalls whose marks an answer bears, by name, with the marks."""
    text = text_of(response)
    cookies = [cookie.partition(";")[0].strip() for cookie in response.all_headers("set-cookie")]
    found = {name: list(_traces(marks, response, cookies, text)) for name, marks in firewalls().items()}
    return {name: traces for name, traces in found.items() if traces}


def _traces(marks: Marks, response: Response, cookies: list[str], text: str) -> Iterator[str]:
    for header, pattern in marks.headers.items():
        if any(pattern.search(value) for value in response.all_headers(header)):
            yield f"header {header}"
    for pattern in marks.cookies:
        if any(pattern.search(cookie.partition("=")[0]) or pattern.search(cookie) for cookie in cookies):
            yield f"cookie {pattern.pattern}"
    if any(pattern.search(text) for pattern in marks.body):
        yield "page"


@cache
def firewalls() -> dict[str, Marks]:
    """The known firewalls by name."""
    import yaml

    entries: dict[str, dict[str, Any]] = yaml.safe_load(MARKS.read_text())
    return {
        name: Marks(
            {header: re.compile(pattern, re.I) for header, pattern in entry.get("headers", {}).items()},
            tuple(re.compile(pattern, re.I) for pattern in entry.get("cookies", [])),
            tuple(re.compile(pattern, re.I | re.S) for pattern in entry.get("body", [])),
        )
        for name, entry in entries.items()
    }
