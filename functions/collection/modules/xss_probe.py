"""Reflected cross-site scripting: does a value come back as part of the page instead of as text?

What is sent runs nothing: an element and an attribute of invented names. A page's parser decides whether they came
through, as a browser's would.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field
from selectolax.lexbor import LexborHTMLParser

from contracts.findings import Severity
from contracts.modules import CostClass, ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.inputs import InputPoint, input_points
from functions.collection.module import Config, Context, Found, Module
from functions.collection.weakness import vulnerability
from functions.collection.web import content_type, text_of
from kernel.egress import EgressError, Response

REFLECTED = vulnerability(
    "reflected-xss",
    Severity.HIGH,
    "A value from the address becomes part of the page",
    "What is sent in a parameter comes back as markup or script, so that a link can run programs in the session of"
    " whoever follows it (reflected cross-site scripting).",
    "Encode the value for the place where it is put: HTML text, an attribute, or a script.",
    "https://cwe.mitre.org/data/definitions/79.html",
    "https://owasp.org/www-community/attacks/xss/",
)
MARKUP = frozenset({"text/html", "application/xhtml+xml", "image/svg+xml"})


class XssProbeConfig(Config):
    """Whether values are sent, and where."""

    enabled: Annotated[bool, Field(description="Send test values to parameters and forms.")] = False
    max_seconds: Annotated[float, Field(ge=1, le=110, description="Seconds of one parameter or form.")] = 90.0
    posts: Annotated[bool, Field(description="Also send forms by POST, which may change what the site stores.")] = False


@dataclass(frozen=True, slots=True)
class Proof:
    """A point whose value came through: where it stood, what was sent, and what became of it."""

    point: InputPoint
    context: str
    sent: str
    became: str
    guarded: bool


class XssProbe(Module[list[Proof]]):
    """Asks with a plain mark first; only where it comes back are markup and script tried."""

    face = ModuleFace(
        name="xss_probe",
        version="1.0.0",
        summary="Tries parameters and forms for reflected cross-site scripting (opt-in)",
        consumes=(ObservationType.WEB_PARAM, ObservationType.WEB_FORM),
        produces=(ObservationType.VULNERABILITY,),
        invasiveness=Invasiveness.INTRUSIVE,
        cost_class=CostClass.MEDIUM,
        rate_group="http",
        concurrency=4,
    )
    config = XssProbeConfig

    async def get(self, observation: Observation, context: Context) -> list[Proof]:
        """The points whose values come through."""
        if not context.config.enabled:
            return []
        points = input_points(observation, posts=context.config.posts)
        until = time.monotonic() + context.config.max_seconds
        found = [await _try(point, context, until) for point in points if not context.is_over]
        if time.monotonic() > until:
            context.log.info("%s is slow: not all of it was tried", observation.value)
        return [proof for proof in found if proof]

    def transform(self, observation: Observation, raw: list[Proof]) -> Iterable[Found]:
        """One weakness for each."""
        for proof in raw:
            evidence = {
                "parameter": proof.point.name,
                "method": proof.point.method.upper(),
                "context": proof.context,
                "sent": proof.sent,
                "became": proof.became,
                "content_security_policy": proof.guarded,
            }
            yield REFLECTED.at(proof.point.asset, evidence, confidence=0.8 if proof.guarded else 0.95)


async def _try(point: InputPoint, context: Context, until: float) -> Proof | None:
    if time.monotonic() > until:
        return None
    mark = "q" + hashlib.blake2b(point.asset.encode(), digest_size=4).hexdigest()
    plain = await _ask(point, mark, context)
    if plain is None or mark not in text_of(plain):
        return None
    for where, sent in attempts(mark, text_of(plain)):
        if context.is_over or time.monotonic() > until:
            return None
        answer = await _ask(point, sent, context)
        became = answer and came_through(mark, text_of(answer))
        if answer and became:
            return Proof(point, where, sent, became, bool(answer.header("content-security-policy")))
    return None


async def _ask(point: InputPoint, value: str, context: Context) -> Response | None:
    try:
        answer = await context.session.http(point.request(value))
    except EgressError as error:
        context.log.debug("%s: %s", point.asset, error)
        return None
    return answer if content_type(answer) in MARKUP else None


def attempts(mark: str, page: str) -> Iterator[tuple[str, str]]:
    """What is tried, by the places where the mark stands in a page."""
    tree = LexborHTMLParser(page)
    closing = "\"'></title></textarea></style></script>-->"
    yield "markup", f"{mark}{closing}<{mark}x {mark}y=1>"
    for node in tree.css("*"):
        for name, value in node.attributes.items():
            if value and mark in value:
                yield f"attribute {name}", f'{mark}" {mark}y=1 x="'
                yield f"attribute {name}", f"{mark}' {mark}y=1 x='"
                yield f"attribute {name}", f"{mark} {mark}y=1"
                if name in ("href", "src", "action", "formaction") and value.strip().startswith(mark):
                    yield f"address in {name}", f"javascript:{mark}y()"
    for script in _scripts(tree):
        for quote in _quotes(mark, script):
            yield "script", f"{mark}{quote}-{mark}y-{quote}" if quote else f"{mark};{mark}y"


def came_through(mark: str, page: str) -> str:
    """What became of an attempt: the element, attribute, address or script that a parser sees, or nothing."""
    tree = LexborHTMLParser(page)
    if tree.css_first(f"{mark}x"):
        return f"an element <{mark}x>"
    for node in tree.css("*"):
        if node.tag == f"{mark}x":
            return f"an element <{mark}x>"
        attributes = node.attributes
        if attributes.get(f"{mark}y") == "1":
            return f"an attribute of <{node.tag}>"
        if any(value and value.strip().lower().startswith(f"javascript:{mark}y") for value in attributes.values()):
            return f"a script address in <{node.tag}>"
    if any(_runs(mark, script) for script in _scripts(tree)):
        return "a part of a script"
    return ""


def _scripts(tree: LexborHTMLParser) -> list[str]:
    return [node.text() for node in tree.css("script") if node.text()]


def _quotes(mark: str, script: str) -> list[str]:
    """The quotes within which the mark stands in a script; an empty one where it stands outside of any."""
    found = []
    for match in re.finditer(re.escape(mark), script):
        line = script[max(0, script.rfind("\n", 0, match.start())) : match.start()]
        open_quote = ""
        for place, char in enumerate(line):
            if char in "\"'`" and not _is_escaped(line, place):
                open_quote = "" if char == open_quote else open_quote or char
        found.append(open_quote)
    return list(dict.fromkeys(found))


def _runs(mark: str, script: str) -> bool:
    """Whether the attempt at a script stands there as code: its quotes unescaped."""
    for match in re.finditer(rf"{mark}([\"'`])-{mark}y-\1", script):
        if not _is_escaped(script, match.start(1)) and _quotes(mark, script)[:1] == [match.group(1)]:
            return True
    return bool(re.search(rf"{mark};{mark}y", script)) and "" in _quotes(mark, script)


def _is_escaped(text: str, place: int) -> bool:
    slashes = len(text[:place]) - len(text[:place].rstrip("\\"))
    return slashes % 2 == 1
