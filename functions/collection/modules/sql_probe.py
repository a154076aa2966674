"""SQL injection: does a value become part of a query?

Three proofs, none of which writes: a database's error that one quote brings and two take away; a page that follows a
condition; an answer that is late by as much as was asked for.
"""

from __future__ import annotations

import html
import re
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from pydantic import Field

from contracts.findings import Severity
from contracts.modules import CostClass, ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.inputs import InputPoint, input_points
from functions.collection.module import Config, Context, Found, Module
from functions.collection.weakness import vulnerability
from functions.collection.web import text_of
from kernel.egress import EgressError, Response

INJECTION = vulnerability(
    "sql-injection",
    Severity.CRITICAL,
    "A value from a request becomes part of a database query",
    "What is sent in a parameter is read as SQL, so that data can be read or changed past the application"
    " (SQL injection).",
    "Pass values as parameters of a prepared statement, never as text of the query.",
    "https://cwe.mitre.org/data/definitions/89.html",
    "https://owasp.org/www-community/attacks/SQL_Injection",
)
ERRORS = {
    "MySQL": r"you have an error in your sql syntax|warning.{0,40}\bmysqli?_|mysqlclient\.|com\.mysql\.jdbc",
    "PostgreSQL": r"pg_(?:query|exec)\(\)|postgresql.{0,60}error|org\.postgresql\.util\.psqlexception"
    r"|unterminated quoted string at or near|psycopg\d?\.errors",
    "SQLite": r"sqlite3?\.(?:operationalerror|exception)|sqlite_error|unrecognized token: \""
    r"|near \"[^\"]{0,20}\": syntax error",
    "SQL Server": r"unclosed quotation mark after the character string|microsoft ole db provider for sql server"
    r"|incorrect syntax near|com\.microsoft\.sqlserver",
    "Oracle": r"\bora-\d{5}\b|quoted string not properly terminated|oracle\.jdbc",
    "DB2": r"db2 sql error|sqlcode=-\d+",
    "generic": r"sqlstate\[\w+\]|syntax error.{0,30}\bsql\b|unexpected end of sql command",
}
_ERRORS = {name: re.compile(pattern, re.I | re.S) for name, pattern in ERRORS.items()}
CONDITIONS = (("'", "{v}' AND '{a}'='{b}"), ('"', '{v}" AND "{a}"="{b}'), ("number", "{v} AND {a}={b}"))
DELAYS = (
    "{v} AND SLEEP({s})",
    "{v}' AND SLEEP({s}) AND '1'='1",
    "{v} AND 1=(SELECT 1 FROM PG_SLEEP({s}))",
    "{v}' AND 1=(SELECT 1 FROM PG_SLEEP({s})) AND '1'='1",
    "{v}'; WAITFOR DELAY '0:0:{s}'--",
)
SHORT_SECONDS, LONG_SECONDS = 1, 3
ALIKE = 0.97
COMPARED = 40_000


class SqlProbeConfig(Config):
    """Whether values are sent, where, and which proofs are tried."""

    enabled: Annotated[bool, Field(description="Send test values to parameters and forms.")] = False
    max_seconds: Annotated[float, Field(ge=1, le=110, description="Seconds of one parameter or form.")] = 90.0
    posts: Annotated[bool, Field(description="Also send forms by POST, which may change what the site stores.")] = False
    delays: Annotated[bool, Field(description="Also ask the database to wait some seconds.")] = True


@dataclass(frozen=True, slots=True)
class Proof:
    """A point whose value is read as SQL: by which proof, with what was sent and what was seen."""

    point: InputPoint
    kind: str
    sent: tuple[str, ...]
    seen: str
    confidence: float


class SqlProbe(Module[list[Proof]]):
    """Tries one proof after the other at each point, and stops at the first that holds."""

    face = ModuleFace(
        name="sql_probe",
        version="1.0.0",
        summary="Tries parameters and forms for SQL injection by error, condition and delay (opt-in)",
        consumes=(ObservationType.WEB_PARAM, ObservationType.WEB_FORM),
        produces=(ObservationType.VULNERABILITY,),
        invasiveness=Invasiveness.INTRUSIVE,
        cost_class=CostClass.MEDIUM,
        rate_group="http",
        concurrency=4,
    )
    config = SqlProbeConfig

    async def get(self, observation: Observation, context: Context) -> list[Proof]:
        """The points whose values are read as SQL."""
        if not context.config.enabled:
            return []
        points = input_points(observation, posts=context.config.posts)
        until = time.monotonic() + context.config.max_seconds
        found = [await _Trial(point, context, until).proof() for point in points if not context.is_over]
        if time.monotonic() > until:
            context.log.info("%s is slow: not all of it was tried", observation.value)
        return [proof for proof in found if proof]

    def transform(self, observation: Observation, raw: list[Proof]) -> Iterable[Found]:
        """One weakness for each."""
        for proof in raw:
            evidence = {
                "parameter": proof.point.name,
                "method": proof.point.method.upper(),
                "proof": proof.kind,
                "sent": list(proof.sent),
                "seen": proof.seen,
            }
            yield INJECTION.at(proof.point.asset, evidence, confidence=proof.confidence)


class _Trial:
    """The proofs at one point."""

    def __init__(self, point: InputPoint, context: Context, until: float) -> None:
        self._point = point
        self._context = context
        self._until = until

    async def proof(self) -> Proof | None:
        """The first proof that holds."""
        plain, again = await self._ask(self._point.value), await self._ask(self._point.value)
        if plain is None or again is None:
            return None
        found = await self._by_error(plain) or await self._by_condition(plain, again)
        if found is None and self._context.config.delays:
            found = await self._by_delay()
        return found

    async def _ask(self, value: str) -> Response | None:
        if self._context.is_over or time.monotonic() > self._until:
            return None
        try:
            return await self._context.session.http(self._point.request(value))
        except EgressError as error:
            self._context.log.debug("%s: %s", self._point.asset, error)
            return None

    async def _by_error(self, plain: Response) -> Proof | None:
        """One quote brings a database's error, two do not: the quote was read as SQL."""
        usual = errors_in(text_of(plain))
        for mark in ("'", '"'):
            one, two = self._point.value + mark, self._point.value + mark * 2
            answer = await self._ask(one)
            new = errors_in(text_of(answer)) - usual if answer else set()
            if not new:
                continue
            closed = await self._ask(two)
            if closed is not None and not errors_in(text_of(closed)) & new:
                return Proof(self._point, "error", (one, two), f"an error of {min(new)}", 0.95)
        return None

    async def _by_condition(self, plain: Response, again: Response) -> Proof | None:
        """The page is the same for what is true and another for what is not, twice over."""
        value = self._point.value
        if plain.status >= 400 or not alike(plain, again, ()):
            return None
        for kind, form in CONDITIONS:
            if kind == "number" and not value.isdecimal():
                continue
            sent: list[str] = []
            for a, b in (("5", "6"), ("83", "38")):
                yes, no = form.format(v=value, a=a, b=a), form.format(v=value, a=a, b=b)
                true, false = await self._ask(yes), await self._ask(no)
                if true is None or false is None:
                    break
                if not alike(plain, true, (yes, value)) or alike(plain, false, (no, value)):
                    break
                sent += [yes, no]
            else:
                return Proof(self._point, "condition", tuple(sent), f"the page follows the condition ({kind})", 0.9)
        return None

    async def _by_delay(self) -> Proof | None:
        """The answer is late by what was asked for: not at all, a little, much, and not at all again."""
        for form in DELAYS:
            waits = {s: form.format(v=self._point.value, s=s) for s in (0, SHORT_SECONDS, LONG_SECONDS)}
            if not await self._is_late(waits[SHORT_SECONDS], SHORT_SECONDS):
                continue
            prompt = await self._seconds(waits[0])
            if prompt is None or prompt > SHORT_SECONDS * 0.8:
                continue
            late = await self._seconds(waits[LONG_SECONDS])
            if late is not None and late >= LONG_SECONDS and (await self._seconds(waits[0]) or LONG_SECONDS) < 0.8:
                sent = (waits[0], waits[SHORT_SECONDS], waits[LONG_SECONDS])
                return Proof(self._point, "delay", sent, f"{late:.0f} s late when asked for {LONG_SECONDS}", 0.9)
        return None

    async def _is_late(self, value: str, seconds: float) -> bool:
        took = await self._seconds(value)
        return took is not None and took >= seconds

    async def _seconds(self, value: str) -> float | None:
        began = time.monotonic()
        answer = await self._ask(value)
        return time.monotonic() - began if answer is not None else None


def errors_in(text: str) -> set[str]:
    """The databases whose errors stand in a page."""
    return {name for name, pattern in _ERRORS.items() if pattern.search(text)}


def alike(one: Response, other: Response, sent: Iterable[str]) -> bool:
    """Whether two pages are the same but for the values that were sent, which many pages repeat."""
    if one.status != other.status:
        return False
    left, right = text_of(one)[:COMPARED], text_of(other)[:COMPARED]
    for form in sorted({f for value in sent for f in (value, html.escape(value), quote(value))}, key=len)[::-1]:
        left, right = left.replace(form, ""), right.replace(form, "")
    if left == right:
        return True
    lines, others = Counter(left.splitlines()), Counter(right.splitlines())
    shared = 2 * (lines & others).total() / max(1, lines.total() + others.total())
    return len(left) > 0 and shared >= ALIKE and abs(len(left) - len(right)) <= len(left) * (1 - ALIKE)
