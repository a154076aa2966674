"""Web applications on loopback, made by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def site(handler: Handler, tls: Any = None) -> AsyncIterator[str]:
    """A web application on loopback; its root URL."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        yield f"http{'s' if tls else ''}://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


def files(found: dict[str, tuple[str, str]], headers: dict[str, str] | None = None) -> Handler:
    """Serves texts by path with their type; all else is not found."""

    async def handler(request: web.Request) -> web.StreamResponse:
        kind, text = found.get(request.path, ("text/html", "<title>nothing</title>"))
        status = 200 if request.path in found else 404
        return web.Response(body=text.encode(), status=status, headers={"Content-Type": kind, **(headers or {})})

    return handler
