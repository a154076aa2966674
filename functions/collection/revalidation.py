"""Pages that an earlier scan fetched, asked for again on condition (RFC 9110 section 13): a page that has not changed
costs its headers, and what its body told is taken over from the earlier scan.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from contracts.observations import BODY, UNCHANGED, VALIDATORS, Observation, ObservationType
from kernel.egress import Response

MAX_PAGES = 20_000
"""Pages that a rescan asks for on condition; the others are fetched."""
MAX_SAID = 8 * 1024
"""Bytes of what is known of one page: each worker holds them all."""
MAX_VALIDATOR = 300

ReadBody = Callable[[str], Awaitable[bytes]]
"""Gives a stored body of the earlier scan by its reference. Raises KeyError."""


class Page(msgspec.Struct, frozen=True, array_like=True):
    """What an earlier scan knows of a page: the attributes of its answer, and when its body was fetched."""

    url: str
    attributes: dict[str, Any]
    fetched_at: str

    @property
    def conditions(self) -> tuple[tuple[str, str], ...]:
        """The headers that ask for the page if it has changed. A server may have named what no request can bear."""
        known: Mapping[str, str] = self.attributes[VALIDATORS]
        asked = (("If-None-Match", known.get("etag")), ("If-Modified-Since", known.get("last_modified")))
        return tuple((name, value) for name, value in asked if value and value.isprintable())


@dataclass(frozen=True, slots=True)
class Restored(Response):
    """A page as it was, which its server says it still is. `since` is when its body was fetched."""

    since: str = ""


class Earlier:
    """The pages of an earlier scan by URL."""

    def __init__(self, pages: Iterable[Page], read: ReadBody) -> None:
        self._pages = {page.url: page for page in pages}
        self._read = read

    def page(self, url: str) -> Page | None:
        """What is known of a page, if it can be asked for on condition."""
        return self._pages.get(url)

    async def restored(self, page: Page, answer: Response) -> Restored | None:
        """The page as it was, with what the answer that it is unchanged says anew; None when its body is gone."""
        try:
            body = await self._read(page.attributes[BODY])
        except KeyError:
            return None
        if hashlib.sha256(body).hexdigest() != page.attributes["sha256"]:
            return None  # a batch that died while it ran again may have left other bodies than its facts tell of
        told = [(name, value) for name, value in answer.headers if name.lower() not in ("date", "content-length")]
        anew = {name.lower() for name, _ in told}
        headers = (*((name, value) for name, value in _headers(page) if name not in anew), *told)
        return Restored(answer.url, page.attributes["status"], headers, body, since=page.fetched_at)


def validators(response: Response) -> dict[str, str]:
    """What a page can be asked for again by; empty for one that cannot."""
    names = {"etag": "etag", "last_modified": "last-modified", "content_type": "content-type"}
    found = {key: response.header(name)[:MAX_VALIDATOR] for key, name in names.items() if response.header(name)}
    return found if response.status == 200 and {"etag", "last_modified"} & set(found) else {}


def pages(facts: Iterable[Observation]) -> Iterator[Page]:
    """The answers among some facts that can be asked for again on condition: their whole body is kept, and their
    headers are not of unusual length."""
    for fact in facts:
        told = fact.attributes
        if fact.type != ObservationType.HTTP_RESPONSE or not told.get(VALIDATORS) or told.get("truncated"):
            continue
        if _kept(told.get(BODY)) == told.get("length") and len(msgspec.msgpack.encode(told)) <= MAX_SAID:
            yield Page(fact.value, told, told.get(UNCHANGED) or fact.observed_at)


def _kept(reference: Any) -> int:
    """The length of a stored body, by its reference; -1 where there is none."""
    length = str(reference).rpartition(":")[2]
    return int(length) if length.isdecimal() else -1


def _headers(page: Page) -> Iterator[tuple[str, str]]:
    known: Mapping[str, str] = page.attributes[VALIDATORS]
    yield from page.attributes.get("headers", {}).items()
    yield from (("set-cookie", cookie) for cookie in page.attributes.get("cookies", ()))
    for name, key in (("content-type", "content_type"), ("etag", "etag"), ("last-modified", "last_modified")):
        if known.get(key):
            yield name, known[key]
