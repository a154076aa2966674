"""The app factory: a FastAPI application per room, and its Lambda handler."""

from __future__ import annotations

import asyncio
import re
import threading
import warnings
import weakref
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, NamedTuple

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kernel import observe
from kernel.errors import Problem
from kernel.ids import new_id

PREFIX = "/api/v1"
MAX_BODY = 1_000_000
TEXT_TYPES = ["text/", "application/json", "application/problem+json", "application/scim+json", "application/xml"]
_REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{8,128}$")


class Told(NamedTuple):
    """A problem as a protocol tells of it."""

    status: int
    body: str
    media_type: str


Teller = Callable[[Problem], Told]


class Room(FastAPI):
    """The API of one context: problems, request ids and idempotent commands are in place. One that speaks somebody
    else's protocol lies under a `prefix` of its own and tells of problems in its own way."""

    def __init__(self, context: str, *, prefix: str = PREFIX, tell: Teller | None = None) -> None:
        from kernel.http import problems
        from kernel.http.route import CommandRoute, PlainRoute

        super().__init__(
            title=f"Palisade {context}",
            openapi_url=None,
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
            telemetry={"tracing": False, "metrics": False, "logs": False},  # Powertools does all three
        )
        self.context, self.prefix, self.tell = context, prefix, tell
        self.router.route_class = CommandRoute if tell is None else PlainRoute
        problems.install(self)
        self.add_middleware(RequestContext)


class RequestContext:
    """Gives every request an id (the caller's, if it has a sane one), bounds its body and tags its log lines."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        offered = headers.get(b"x-request-id", b"").decode("latin-1")
        request_id = offered if _REQUEST_ID.match(offered) else new_id("req")
        scope.setdefault("state", {})["request_id"] = request_id

        async def tagged(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered = MutableHeaders(scope=message)
                answered["X-Request-Id"] = request_id
                if standing := scope["state"].get("standing"):
                    answered.update(standing.headers())
            await send(message)

        observe.logger().append_keys(request_id=request_id)
        try:
            await self.app(scope, _bounded(receive), tagged)
        finally:
            observe.logger().remove_keys(["request_id", "tenant_id", "user_id"])


def _bounded(receive: Receive) -> Receive:
    """Stops reading a body that is over the limit."""
    from starlette.exceptions import HTTPException

    size = 0

    async def bounded() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > MAX_BODY:
            raise HTTPException(413, f"A body has at most {MAX_BODY} bytes.")
        return message

    return bounded


class _Loops(threading.local):
    """One event loop for each thread that serves: the adapter runs on the thread's current loop, and would else
    depend on what other code has left there."""

    loop: asyncio.AbstractEventLoop | None = None

    def own(self) -> asyncio.AbstractEventLoop:
        """This thread's loop; it is closed when the thread is gone."""
        if self.loop is None or self.loop.is_closed():
            self.loop = asyncio.new_event_loop()
            weakref.finalize(threading.current_thread(), self.loop.close)
        return self.loop


_loops = _Loops()


def lambda_handler(app: Room, prime: Iterable[str] = ()) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """The room's Lambda handler. Paths in `prime` are requested before SnapStart takes its picture, so that what
    the first request would build is in it."""
    from mangum import Mangum
    from mangum.handlers import HTTPGateway

    class Gateway(HTTPGateway):
        @cached_property
        def scope(self) -> Scope:
            return super().scope  # it is asked for twice

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        asyncio.set_event_loop(_loops.own())
        adapter = Mangum(
            app,
            lifespan="off",
            api_gateway_base_path=app.prefix,
            custom_handlers=[Gateway],
            text_mime_types=TEXT_TYPES,
        )

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        asyncio.set_event_loop(_loops.own())
        answer: dict[str, Any] = adapter(event, context)
        return answer

    _before_snapshot(handler, tuple(app.prefix + path for path in prime))
    return handler


def _before_snapshot(handler: Callable[[dict[str, Any], Any], Any], paths: tuple[str, ...]) -> None:
    try:
        from snapshot_restore_py import register_before_snapshot  # type: ignore[import-not-found]
    except ImportError:  # only Lambda's own runtime has it
        return
    for path in paths:
        register_before_snapshot(handler, gateway_event("GET", path), None)


def gateway_event(
    method: str,
    path: str,
    *,
    query: str = "",
    headers: dict[str, str] | None = None,
    body: str | None = None,
    authorizer: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A request in API Gateway's payload format 2.0."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": "localhost", **(headers or {})},
        "requestContext": {
            "http": {"method": method, "path": path, "sourceIp": "127.0.0.1", "protocol": "HTTP/1.1"},
            "stage": "$default",
            "authorizer": {"lambda": authorizer} if authorizer is not None else {},
        },
        "body": body,
        "isBase64Encoded": False,
    }
