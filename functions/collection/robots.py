"""What sites ask robots to leave alone (RFC 9309), for scans that choose to heed it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from functions.collection.halt import Halted
from kernel.egress import EgressError, Response

if TYPE_CHECKING:
    from protego import Protego

USER_AGENT = "Palisade"
MAX_BYTES = 500 * 1024
"""RFC 9309 section 2.5: at least the first 500 KiB are read."""

MAX_REDIRECTS = 5
"""Section 2.3.1.2: at least five are followed."""
REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Disallowed(EgressError):
    """The site's robots.txt asks to leave this URL alone; it was not fetched."""


class Robots:
    """The rules of the sites that a batch meets, each fetched once."""

    def __init__(self, fetch: Callable[[str], Awaitable[Response | None]]) -> None:
        """`fetch` gives the answer to a GET, or None where nothing may be sent: outside the scope."""
        self._fetch = fetch
        self._rules: dict[str, asyncio.Task[Protego | None]] = {}

    async def demand(self, url: str) -> None:
        """Raises `Disallowed` when the site's rules forbid a URL. A file that is not there forbids nothing, a server
        that fails forbids everything (RFC 9309 section 2.3.1). A file that lies elsewhere is that of the site which
        sends there."""
        parts = urlsplit(url)
        if parts.path == "/robots.txt":
            return
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin not in self._rules:
            self._rules[origin] = asyncio.ensure_future(self._read(origin))
        rules = await asyncio.shield(self._rules[origin])  # others wait for it too: who gives up does not end it
        if rules is None or not rules.can_fetch(url, USER_AGENT):
            raise Disallowed(f"robots.txt of {origin} asks to leave {parts.path or '/'} alone")

    async def _read(self, origin: str) -> Protego | None:
        from protego import Protego

        try:
            answer = await self._follow(f"{origin}/robots.txt")
        except Halted:
            raise
        except EgressError:
            return None
        if answer is None:
            return Protego.parse("")
        if answer.status >= 500:
            return None
        text = answer.body[:MAX_BYTES].decode("utf-8", "replace") if answer.status < 300 else ""
        return Protego.parse(text)

    async def _follow(self, url: str) -> Response | None:
        """The answer at the end of some redirects, whatever their hosts; None when they lead on and on, or out of the
        scope: the file is then as if it were not there (section 2.3.1.2)."""
        for _ in range(MAX_REDIRECTS + 1):
            answer = await self._fetch(url)
            location = answer.header("location") if answer and answer.status in REDIRECTS else ""
            if answer is None or not location:
                return answer
            url = _at(url, location)
            if not url:
                return None
        return None


def _at(url: str, location: str) -> str:
    """Where a redirect leads; empty for what is no address of the web."""
    try:
        there = urljoin(url, location)
        return there if urlsplit(there).scheme in ("http", "https") and urlsplit(there).hostname else ""
    except ValueError:
        return ""
