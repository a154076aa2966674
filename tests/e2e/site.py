"""A web site on loopback that takes its time, so that a scan of it can be disturbed while it runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.loopback import Page, serving

FAN_OUT = 4


@contextmanager
def slow_site(pages: int, seconds: float) -> Iterator[str]:
    """Serve a tree of pages, each after a pause; gives the address of its root."""

    class Handler(Page):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            time.sleep(seconds)
            body = _page(self.path, pages)
            self.give(200 if body else 404, body, content_type="text/html; charset=utf-8")

    with serving(Handler) as address:
        yield f"{address}/"


def _page(path: str, pages: int) -> bytes:
    """Page n links to its children in a tree; every page links home."""
    number = 0 if path == "/" else int(path[2:]) if path[2:].isdigit() and path.startswith("/p") else pages
    if number >= pages:
        return b""
    children = range(number * FAN_OUT + 1, min(pages, (number + 1) * FAN_OUT + 1))
    links = "".join(f'<a href="/p{child}">page {child}</a>' for child in children)
    return f"<!doctype html><title>Page {number}</title><a href='/'>home</a>{links}".encode()
