"""The front door of the local cloud: one address that plays CloudFront.

`/` is the web app in its bucket (a path without a file there is the app's own, and gets its index page), `/api/*`
and `/scim/*` the HTTP API, `/ws` the WebSocket API. Bodies are streamed both ways and bounded as API Gateway bounds
them; a request from a foreign page, or under a foreign name, is refused. While the emulator restarts, requests wait.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import mimetypes
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from yarl import URL

from infra.local.endpoints import Origins, read_origins
from infra.local.mends.foreign_hosts import is_loopback

HOST = "127.0.0.1"
MAX_BODY = 10 * 1024 * 1024  # API Gateway's payload limit
MAX_MESSAGE = 128 * 1024  # its WebSocket message limit
ORIGIN_TIMEOUT = 30.0  # its integration timeout
WAIT_FOR_ORIGIN = 15.0
INDEX = "index.html"
REQUEST_ID = "X-Request-Id"
HEALTH = "/_front-door"

_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailers", "upgrade"}
    | {"transfer-encoding", "host", "content-length", "date", "server"}
)
_REQUEST_ID_FORM = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_PAGE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "strict-origin-when-cross-origin",
}
_ID = web.RequestKey("id", str)
_TOO_LARGE = web.RequestKey("too_large", bool)
_SESSION = web.AppKey("session", aiohttp.ClientSession)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(origins_file: Path) -> web.Application:
    """The front door, forwarding to the origins that the file names at the time of each request."""
    app = web.Application(middlewares=[_guard], client_max_size=MAX_BODY)
    app[_ORIGINS] = _OriginsFile(origins_file)
    app.cleanup_ctx.append(_open_session)
    app.router.add_get(HEALTH, _health)
    app.router.add_get("/ws", _web_socket)
    app.router.add_route("*", "/api/{path:(?s:.*)}", _api)
    app.router.add_route("*", "/scim/{path:(?s:.*)}", _api)
    app.router.add_get("/{path:(?s:.*)}", _page)
    return app


class _OriginsFile:
    """The origins, read again when their file has changed."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stamp = -1
        self._origins: Origins | None = None

    def current(self) -> Origins | None:
        """What the file names now, or what it named last."""
        with contextlib.suppress(OSError, ValueError, TypeError):
            stamp = self._file.stat().st_mtime_ns
            if stamp != self._stamp:
                self._origins, self._stamp = read_origins(self._file), stamp
        return self._origins


_ORIGINS = web.AppKey("origins", _OriginsFile)


async def _open_session(app: web.Application) -> AsyncIterator[None]:
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=2, sock_read=ORIGIN_TIMEOUT)
    connector = aiohttp.TCPConnector(limit=200)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector, auto_decompress=False) as session:
        app[_SESSION] = session
        yield


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what comes from elsewhere, name the request, and answer failures as problems."""
    request_id = request.headers.get(REQUEST_ID, "")
    request[_ID] = request_id if _REQUEST_ID_FORM.fullmatch(request_id) else uuid.uuid4().hex
    if _is_foreign(request):
        return _problem(request, 403, "Forbidden", "This address serves only requests made to and from this machine.")
    if (request.content_length or 0) > MAX_BODY:
        return _too_large(request)
    try:
        return await handler(request)
    except TimeoutError:
        return _problem(request, 504, "Gateway Timeout", f"No answer within {ORIGIN_TIMEOUT:.0f} s.")
    except aiohttp.ClientError as failure:
        if request.get(_TOO_LARGE):
            return _too_large(request)
        return _problem(request, 502, "Bad Gateway", f"The local cloud did not answer: {type(failure).__name__}.")


def _is_foreign(request: web.Request) -> bool:
    origin = request.headers.get("Origin")
    return not is_loopback(request.host) or (origin is not None and not is_loopback(urlsplit(origin).netloc))


def _problem(request: web.Request, status: int, title: str, detail: str) -> web.Response:
    body = {
        **{"type": "about:blank", "title": title, "status": status, "detail": detail},
        **{"instance": request.path, "trace_id": request[_ID]},
    }
    headers = {REQUEST_ID: request[_ID]} | ({"Retry-After": "1"} if status in (502, 503) else {})
    return web.json_response(body, status=status, headers=headers, content_type="application/problem+json")


def _too_large(request: web.Request) -> web.Response:
    return _problem(request, 413, "Content Too Large", f"A body may have {MAX_BODY} bytes.")


async def _health(_request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


async def _api(request: web.Request) -> web.StreamResponse:
    origins = request.app[_ORIGINS].current()
    if origins is None or origins.http_api is None:
        return _problem(request, 503, "Service Unavailable", "The API is not deployed yet.")
    return await _forward(request, f"{origins.aws}/_aws/execute-api/{origins.http_api}/$default{request.raw_path}")


async def _forward(request: web.Request, url: str) -> web.StreamResponse:
    """Pass the request on and its answer back, both as streams."""
    async with await _send(request, url) as answer:
        response = web.StreamResponse(status=answer.status, reason=answer.reason)
        for name, value in answer.headers.items():
            if name.lower() not in _HOP_BY_HOP:
                response.headers.add(name, value)
        response.headers.setdefault(REQUEST_ID, request[_ID])
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        if (length := answer.headers.get("Content-Length")) and length.isdigit():
            response.content_length = int(length)
        await response.prepare(request)
        async for chunk in answer.content.iter_any():
            await response.write(chunk)
        await response.write_eof()
        return response


async def _send(request: web.Request, url: str) -> aiohttp.ClientResponse:
    """The origin's answer. An origin that refuses connections has seen nothing yet, and is tried again."""
    deadline = asyncio.get_running_loop().time() + WAIT_FOR_ORIGIN
    while True:
        try:
            return await request.app[_SESSION].request(
                request.method,
                URL(url, encoded=True),
                headers=_forwarded_headers(request),
                data=_bounded(request) if request.can_read_body else None,
                allow_redirects=False,
            )
        except aiohttp.ClientConnectorError:
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(0.1)


async def _bounded(request: web.Request) -> AsyncIterator[bytes]:
    seen = 0
    async for chunk in request.content.iter_any():
        seen += len(chunk)
        if seen > MAX_BODY:
            request[_TOO_LARGE] = True
            raise aiohttp.ClientPayloadError("the body is too large")
        yield chunk


def _forwarded_headers(request: web.Request) -> dict[str, str]:
    headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
    for name in ("X-Forwarded-For", *(key for key in headers if key.lower().startswith("sec-websocket"))):
        headers.pop(name, None)
    before = request.headers.get("X-Forwarded-For")
    remote = request.remote or HOST
    if request.content_length is not None and request.can_read_body:
        headers["Content-Length"] = str(request.content_length)
    return headers | {
        "X-Forwarded-For": f"{before}, {remote}" if before else remote,
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Host": request.host,
        REQUEST_ID: request[_ID],
    }


async def _page(request: web.Request) -> web.StreamResponse:
    origins = request.app[_ORIGINS].current()
    if origins is None or origins.web_bucket is None:
        return _problem(request, 503, "Service Unavailable", "The web app is not deployed yet.")
    asked = request.match_info["path"].lstrip("/") or INDEX
    found = await _object(request, origins, asked)
    if found is None and "." not in asked.rpartition("/")[2]:
        asked, found = INDEX, await _object(request, origins, INDEX)
    if found is None:
        return _problem(request, 404, "Not Found", "There is no such page.")
    kind = mimetypes.guess_type(asked)[0] or "application/octet-stream"
    return web.Response(
        body=b"" if request.method == "HEAD" else found,
        content_type=kind,
        charset="utf-8" if kind.startswith("text/") else None,
        headers=_PAGE_HEADERS | {"Cache-Control": "no-cache", REQUEST_ID: request[_ID]},
    )


async def _object(request: web.Request, origins: Origins, key: str) -> bytes | None:
    if any(segment in (".", "..") for segment in key.split("/")):
        return None  # it would leave the bucket
    url = URL(origins.aws) / str(origins.web_bucket) / key
    async with request.app[_SESSION].get(url) as answer:
        return await answer.read() if answer.status == 200 else None


async def _web_socket(request: web.Request) -> web.StreamResponse:
    """Bridge a WebSocket to the API's; a handshake that the API refuses is refused with the same status."""
    origins = request.app[_ORIGINS].current()
    if origins is None or origins.web_socket_api is None:
        return _problem(request, 503, "Service Unavailable", "The WebSocket API is not deployed yet.")
    protocols = tuple(
        part.strip() for part in request.headers.get("Sec-WebSocket-Protocol", "").split(",") if part.strip()
    )
    url = URL(f"{origins.aws}/_aws/execute-api/{origins.web_socket_api}/{origins.web_socket_stage}")
    try:
        inner = await request.app[_SESSION].ws_connect(
            url.with_query(request.query),
            headers=_forwarded_headers(request),
            protocols=protocols,
            max_msg_size=MAX_MESSAGE,
        )
    except aiohttp.WSServerHandshakeError as refused:
        return _problem(request, refused.status, "The connection was refused", "The WebSocket API refused it.")
    async with inner:
        outer = web.WebSocketResponse(protocols=protocols, max_msg_size=MAX_MESSAGE, heartbeat=60)
        await outer.prepare(request)
        await _bridge(outer, inner)
        return outer


async def _bridge(outer: web.WebSocketResponse, inner: aiohttp.ClientWebSocketResponse) -> None:
    ways = [asyncio.create_task(_pump(outer, inner)), asyncio.create_task(_pump(inner, outer))]
    _, pending = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    for way in pending:
        way.cancel()
    await asyncio.gather(*ways, return_exceptions=True)
    await inner.close()
    # 1012 tells a client to connect again: the service restarts.
    await outer.close(code=inner.close_code if inner.close_code not in (None, 1006) else 1012)


async def _pump(
    source: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
    sink: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
) -> None:
    """Pass text on until the source ends. API Gateway knows no binary frames."""
    async for message in source:
        if message.type is not aiohttp.WSMsgType.TEXT:
            return
        await sink.send_str(message.data)


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--origins", type=Path, required=True)
    chosen = parser.parse_args()
    web.run_app(application(chosen.origins), host=HOST, port=chosen.port, print=None, access_log=None)


if __name__ == "__main__":
    main()
